"""Codes of places in intensive care, each with its published name.

The names are read by `location_words`, as those of any place. Sources:
https://terminology.hl7.org/CodeSystem-v3-RoleCode.html (ServiceDeliveryLocationRoleType),
SNOMED CT (kinds of 309904001), https://terminology.hl7.org/CodeSystem-hsloc.html (CDC NHSN),
http://fhir.de/CodeSystem/dkgev/Fachabteilungsschluessel (German departments).
"""

ROLES = {
    "ICU": "Intensive care unit",
    "CCU": "Coronary care unit",
    "NCCS": "Neurology critical care and stroke unit",
    "PEDICU": "Pediatric intensive care unit",
    "PEDNICU": "Pediatric neonatal intensive care unit",
}
SNOMED = {
    "309904001": "Intensive care unit",
    "309905000": "Adult intensive care unit",
    "309907008": "Cardiac intensive care unit",
    "309908003": "Metabolic intensive care unit",
    "309909006": "Neurological intensive care unit",
    "309910001": "Pediatric intensive care unit",
    "309911002": "Respiratory intensive care unit",
    "405269005": "Neonatal intensive care unit",
    "418433008": "Surgical intensive care unit",
    "426439001": "Burns intensive care unit",
    "441994008": "Medical intensive care unit",
    "448391000124102": "Trauma intensive care unit",
    "397771005": "High dependency unit",
    "305351004": "Admission to intensive care unit",
    "408478003": "Critical care medicine",
}
HSLOC = {
    "1025-6": "Trauma critical care",
    "1026-4": "Burn critical care",
    "1027-2": "Medical critical care",
    "1028-0": "Medical cardiac critical care",
    "1029-8": "Medical-surgical critical care",
    "1030-6": "Surgical critical care",
    "1031-4": "Neurosurgical critical care",
    "1032-2": "Surgical cardiothoracic critical care",
    "1033-0": "Respiratory critical care",
    "1034-8": "Prenatal critical care",
    "1035-5": "Neurologic critical care",
    "1223-7": "Oncology medical critical care",
    "1224-5": "Oncology surgical critical care",
    "1225-2": "Oncology medical-surgical critical care",
    "1233-6": "Oncology pediatric critical care",
    "1042-1": "Pediatric burn critical care",
    "1043-9": "Pediatric cardiothoracic critical care",
    "1044-7": "Pediatric medical critical care",
    "1045-4": "Pediatric medical-surgical critical care",
    "1046-2": "Pediatric neurosurgical critical care",
    "1047-0": "Pediatric respiratory critical care",
    "1048-8": "Pediatric surgical critical care",
    "1049-6": "Pediatric trauma critical care",
    "1039-7": "Neonatal critical care, level II/III",
    "1040-5": "Neonatal critical care, level III",
    "1269-0": "Neonatal critical care, level IV",
}
DEPARTMENTS_DE = {
    "3600": "Intensivmedizin",
    "3601": "Intensivmedizin, Innere Medizin",
    "3603": "Intensivmedizin, Kardiologie",
    "3610": "Intensivmedizin, Pädiatrie",
    "3617": "Intensivmedizin, Neurochirurgie",
    "3618": "Intensivmedizin, Chirurgie",
    "3621": "Intensivmedizin, Herzchirurgie",
    "3622": "Intensivmedizin, Urologie",
    "3624": "Intensivmedizin, Frauenheilkunde und Geburtshilfe",
    "3626": "Intensivmedizin, Hals-, Nasen-, Ohrenheilkunde",
    "3628": "Intensivmedizin, Nephrologie",
    "3650": "Operative Intensivmedizin, Chirurgie",
    "3651": "Intensivmedizin, Thorax-Herzchirurgie",
    "3652": "Intensivmedizin, Herz-Thoraxchirurgie",
}
NAMES: dict[str, dict[str, str]] = {
    "http://terminology.hl7.org/CodeSystem/v3-RoleCode": ROLES,
    "http://hl7.org/fhir/v3/RoleCode": ROLES,
    "urn:oid:2.16.840.1.113883.5.111": ROLES,
    "http://snomed.info/sct": SNOMED,
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "https://www.cdc.gov/nhsn/cdaportal/terminology/codesystem/hsloc.html": HSLOC,
    "http://terminology.hl7.org/CodeSystem/hsloc": HSLOC,
    "urn:oid:2.16.840.1.113883.6.259": HSLOC,
    "http://fhir.de/CodeSystem/dkgev/Fachabteilungsschluessel": DEPARTMENTS_DE,
    "http://fhir.de/CodeSystem/dkgev/Fachabteilungsschluessel-erweitert": DEPARTMENTS_DE,
}
"""Names of codes, by code system."""

# `physicalType` of what is larger than a unit: its name says nothing of the unit.
LARGER_THAN_A_UNIT = frozenset({"si", "bu", "jdn", "area"})
