"""Assessment of patients: scan, judge, predict, the same for REST, FHIR, CDS Hooks and files."""
