"""What the name or the code of a place says of intensive care, in three languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepsis_detect.fhir import location_codes, location_words
from sepsis_detect.fhir.location_words import MAX_NAME_LENGTH, read

UNKNOWN_KIND = [
    "MIR",
    "Service de MIR",
    "REAPOLY",
    "Intensivpflegestation",
    "intensivstationaer",
    "Intensivstationär",
    "Intensivtherapiestation",
    "Intensivmedizinische Abteilung",
    "Intensive-Care-Unit",
    "Intensive  Care\u00a0Unit",
    "Medizinische Hochschule Hannover, Intensivstation 14",
    "Medizinische Fakultät Mannheim - Intensivstation",
    "Medical City Dallas ICU",
    "Medical Park Hospital ICU",
    "Medizinisches Versorgungszentrum - Intensivstation",
    "Intensive Care Medicine",
    "ICU",
    "ICUs",
    "I.C.U.",
    "4W_ICU",
    "ICU2",
    "7ICU",
    "ICU-B bed 12",
    "General Hospital ICU",
    "Intensive Care Unit",
    "Adult Intensive Care Unit",
    "Critical Care",
    "Department of Critical Care Medicine",
    "Intensive Therapy Unit",
    "ITU",
    "Coronary Care Unit (CCU)",
    "CCU",
    "CVICU",
    "Cardiac Vascular Intensive Care Unit (CVICU)",
    "TICU",
    "BICU",
    "NSICU",
    "MSICU",
    "Neuro ICU",
    "NeuroICU",
    "Neuro NICU",
    "Burn Unit",
    "Burns unit",
    "CCU-CTICU",
    "Med-Surg ICU",
    "Medical/Surgical Intensive Care Unit (MICU/SICU)",
    "Medical Surgical ICU",
    "Réanimation",
    "REANIMATION",
    "Réa",
    "Réa 3",
    "Réanimation polyvalente",
    "Réanimation médico-chirurgicale",
    "Médecine intensive - réanimation",
    "Soins intensifs",
    "Soins intensifs et continus",
    "Unité de soins intensifs",
    "Unité de soins intensifs polyvalents (USIP)",
    "Soins critiques",
    "USI",
    "USIC",
    "USIP",
    "USINV",
    "Grands brûlés",
    "Centre de traitement des brûlés",
    "Intensivstation",
    "Intensiv 1",
    "ITS 2",
    "Interdisziplinäre Intensivstation, internistisch",
    "Centre Médical - Réanimation",
    "CHU Chirurgical Réanimation",
    "CHU Chirurgical - Soins intensifs",
    "Hôpital Médico-Chirurgical, Réanimation",
    "Clinique chirurgicale - Réanimation",
    "Réanimation du Centre Médical",
    "Intensive Care Unit of the Surgical Hospital",
    "Medical & Surgical Center - ICU",
    "Medical Tower, ICU",
    "Surgical Tower 4 ICU",
    "Medizinische Klinik - Intensivstation",
    "Children's Hospital - Adult ICU",
    "Pôle Chirurgie - Réanimation",
    "Mayo Clinic - ICU",
    "Non-surgical ICU",
    "ICU (beds 1-8)",
]
SURGICAL = [
    "REACHIR",
    "Medical City Dallas - Surgical ICU",
    "Surgical ICU, St Anne Medical Center",
    "St Anne Medical Center - Surgical ICU",
    "St Anne Medical Center Surgical ICU",
    "St Anne Medical Center-Surgical ICU",
    "Mayo Clinic Surgical ICU",
    "SICU",
    "SICUs",
    "CSICU",
    "CTICU",
    "CSRU",
    "Cardiac Surgery Recovery Unit (CSRU)",
    "Trauma SICU (TSICU)",
    "Neuro Surgical Intensive Care Unit (Neuro SICU)",
    "Neurosurgical ICU",
    "SurgicalICU",
    "Post-surgical ICU",
    "Réanimation chirurgicale",
    "Réa chir",
    "Réanimation de chirurgie cardiaque",
    "Soins intensifs chirurgicaux",
    "Chirurgische Intensivstation",
    "Neurochirurgische Intensivstation",
    "Operative Intensivmedizin",
]
MEDICAL = [
    "REAMED",
    "Intensive Care Unit - Medicine",
    "Konservative Intensivstation",
    "MICU",
    "MICU-12",
    "Surgical Hospital - MICU",
    "Medical University MICU",
    "Medical ICU",
    "ICU (medical)",
    "Réanimation médicale (MICU)",
    "Réa méd 2",
    "Soins intensifs médicaux",
    "Internistische Intensivstation",
    "Intensivstation Innere Medizin",
]
LOWER = [
    "ED - ICU Boarding",
    "Mobile ICU",
    "normalstationaer",
    "Without ICU",
    "aucune réanimation",
    "pas de réanimation",
    "ohne Intensivstation",
    "ICU discharge lounge",
    "Post-ICU ward",
    "Post ICU",
    "PostICU",
    "posticu",
    "Non-ICU bed",
    "Non - ICU",
    "ex-ICU",
    "Pre-ICU",
    "After ICU",
    "Transferred from ICU",
    "Outside the ICU",
    "Awaiting ICU",
    "ICU Step Down",
    "ICU Step-down",
    "ICU stepdown",
    "StepDown ICU",
    "ICU - Step Down",
    "Step-down (ex SICU)",
    "Neuro Intermediate",
    "Intermediate Care Unit",
    "Intermediate ICU",
    "IMC",
    "IMCU",
    "HDU",
    "High Dependency Unit",
    "Progressive Care Unit",
    "Telemetry",
    "PACU",
    "Post-Anesthesia Care Unit",
    "Post-intensive care",
    "Outpatient ICU follow-up",
    "ICU follow-up clinic",
    "ICU recovery clinic",
    "ICU waiting room",
    "Critical Care Outreach",
    "Intensive outpatient program",
    "Soins continus",
    "Unité de soins continus",
    "USC",
    "Surveillance continue",
    "Unité de surveillance continue de réanimation",
    "Soins intermédiaires",
    "Hors réanimation",
    "Hors de la réanimation",
    "Post-réanimation",
    "Rééducation post-réanimation (SRPR)",
    "Sortie de réanimation",
    "Aval de réanimation",
    "Consultation de réanimation",
    "SSPI",
    "Salle de réveil",
    "Aufwachraum",
    "Wachstation",
    "Überwachungsstation",
    "Normalstation nach Intensiv",
    "Postintensivstation",
]
SHARED = [
    "ICU/HDU",
    "ICU & HDU",
    "ICU and step-down",
    "Réanimation et surveillance continue",
    "Réanimation/USC",
    "Unité de soins intensifs et de surveillance continue (USI-USC)",
]
NOT_ADULT = [
    "Intensive Care Nursery",
    "Frühgeborenen-Intensivstation",
    "Neugeborenen-Intensivstation",
    "Frühchen-Intensivstation",
    "Perinatalzentrum Intensivstation",
    "Réanimation infantile",
    "Réanimation prématurés",
    "Special Care Baby Unit ICU",
    "PICU",
    "NICU",
    "Pediatric ICU",
    "Paediatric Intensive Care",
    "Neonatal Intensive Care Unit",
    "Réanimation pédiatrique",
    "Réanimation néonatale",
    "Kinderintensivstation",
    "Pädiatrische Intensivstation",
    "Psychiatric Intensive Care Unit",
]
SAYS_NOTHING = [
    "",
    " - ",
    "Ward 3",
    "Bed 5-1",
    "4 West",
    "Médecine interne",
    "Urgences",
    "Area 5",
    "Aréa",
    "Bureau",
    "its bed",
    "Anesthésie-Réanimation",
    "Département d'anesthésie et réanimation",
    "Anesthesia and Critical Care",
    "Klinik für Anästhesiologie und Intensivmedizin",
    "Circuit court",
]


@pytest.mark.parametrize(
    ("name", "level", "unit"),
    [
        *((name, "icu", None) for name in UNKNOWN_KIND),
        *((name, "icu", "surgical") for name in SURGICAL),
        *((name, "icu", "medical") for name in MEDICAL),
        *((name, "shared", None) for name in SHARED),
    ],
)
def test_a_name_of_intensive_care_is_known_with_its_kind(
    name: str, level: str, unit: str | None
) -> None:
    assert (read(name).level, read(name).icu_unit) == (level, unit)


@pytest.mark.parametrize(
    ("name", "level"),
    [
        *((name, "lower") for name in LOWER),
        *((name, "other") for name in NOT_ADULT),
        *((name, "") for name in SAYS_NOTHING),
    ],
)
def test_another_name_is_not_intensive_care_of_adults(name: str, level: str) -> None:
    assert read(name).level == level
    assert not read(name).is_icu


@pytest.mark.parametrize("name", [*UNKNOWN_KIND, *SURGICAL, *MEDICAL, *LOWER, *NOT_ADULT])
def test_case_and_accents_do_not_matter(name: str) -> None:
    if "ITS" in name:  # in lower case an English word
        return
    assert read(name.upper().replace("É", "E")).level == read(name).level


@given(name=st.text(max_size=2 * MAX_NAME_LENGTH))
def test_any_text_is_read(name: str) -> None:
    assert read(name).level in ("icu", "shared", "lower", "other", "")


@given(
    words=st.lists(st.sampled_from(["medical", "centre", "post", "icu", "-", "and", "/", "réa"]))
)
def test_any_sequence_of_known_words_is_read(words: list[str]) -> None:
    assert location_words.read(" ".join(words)).level in ("icu", "shared", "lower", "other", "")


@pytest.mark.parametrize("names", location_codes.NAMES.values(), ids=list(location_codes.NAMES))
def test_every_code_says_a_level(names: dict[str, str]) -> None:
    for code, name in names.items():
        assert read(name).level, code


@pytest.mark.parametrize(
    ("system", "code", "level", "unit"),
    [
        ("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "ICU", "icu", None),
        ("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "CCU", "icu", None),
        ("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "PEDICU", "other", None),
        ("http://snomed.info/sct", "309904001", "icu", None),
        ("http://snomed.info/sct", "418433008", "icu", "surgical"),
        ("http://snomed.info/sct", "441994008", "icu", "medical"),
        ("http://snomed.info/sct", "405269005", "other", None),
        ("http://snomed.info/sct", "397771005", "lower", None),
        ("http://terminology.hl7.org/CodeSystem/hsloc", "1027-2", "icu", "medical"),
        ("http://terminology.hl7.org/CodeSystem/hsloc", "1029-8", "icu", None),
        ("http://fhir.de/CodeSystem/dkgev/Fachabteilungsschluessel", "3600", "icu", None),
        ("http://fhir.de/CodeSystem/dkgev/Fachabteilungsschluessel", "3618", "icu", "surgical"),
    ],
)
def test_a_code_says_level_and_kind(system: str, code: str, level: str, unit: str | None) -> None:
    found = read(location_codes.NAMES[system][code])
    assert (found.level, found.icu_unit) == (level, unit)


@pytest.mark.parametrize(
    "name", ["Ward 3", "Médecine interne", "Station 4 Normalstation", "Cardiology", "Hématologie"]
)
def test_a_ward_is_known_by_name(name: str) -> None:
    assert location_words.is_ward(name)
    assert not location_words.is_procedure_room(name)


@pytest.mark.parametrize(
    "name",
    ["OR 3", "Operating theatre", "Bloc opératoire", "Scanner", "Cath lab", "PACU", "OP-Saal"],
)
def test_a_procedure_room_is_known_by_name(name: str) -> None:
    assert location_words.is_procedure_room(name)
