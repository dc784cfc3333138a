"""CDS Hooks 2.0: from a request with prefetched FHIR resources to cards."""
