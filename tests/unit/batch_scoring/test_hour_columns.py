"""The columns of a file: names and units as people write them; the others are named."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepsis_detect.batch_scoring import headers
from sepsis_detect.batch_scoring.headers import HeaderError, meaning, nearest
from sepsis_detect.batch_scoring.hour_columns import HourColumns, hour_columns
from sepsis_detect.batch_scoring.written_numbers import MISSING
from sepsis_detect.clinical.units import CONVERSIONS, accepted, conversion, stated_conversions
from sepsis_detect.clinical.variables import BY_CHALLENGE, VARIABLES, Variable
from tests.paths import ROOT
from tests.unit.batch_scoring.text_files import (
    FULL,
    PARTIAL,
    an_hour,
    column_of,
    few_columns,
    psv,
    reading,
    refusal_of,
)

WITH_UNITS = [v for v in VARIABLES if v.column not in headers.WITHOUT_UNIT]


def unread(*names: str) -> dict[str, str | None]:
    """The headers that are not read, each with the name it resembles."""
    return dict(columns("icu_hour", *names).unread)


def columns(*names: str) -> HourColumns:
    return hour_columns(names, is_partial_allowed=True)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.challenge)
def test_every_name_and_label_of_a_variable_is_known_in_any_case(variable: Variable) -> None:
    names = [variable.challenge, variable.label_en, variable.label_fr]
    names += [variable.name] if variable.name != "icu_unit" else []
    for name in names:
        for written in (name, name.upper(), name.lower(), name.replace("_", " "), f" {name} "):
            assert meaning(written).variable is variable


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Heart_Rate", "HR"),
        ("heart-rate", "HR"),
        ("HeartRate", "HR"),
        ("SYSTOLIC BP", "SBP"),
        ("temperature corporelle", "Temp"),
        ("ICU Hour", "ICULOS"),
        ("sex (0/1)", "Gender"),
    ],
)
def test_case_spaces_and_underscores_do_not_matter(header: str, name: str) -> None:
    assert meaning(header).variable is BY_CHALLENGE[name]


@pytest.mark.parametrize("variable", WITH_UNITS, ids=lambda variable: variable.challenge)
def test_every_accepted_unit_is_read_from_a_header(variable: Variable) -> None:
    for unit in accepted(variable):
        for written in (
            f"{variable.name} ({unit})",
            f"{variable.challenge} [{unit}]",
            f"{variable.label_fr}({unit}) ",
        ):
            found = meaning(written)
            assert found.variable is variable
            assert found.conversion == conversion(variable, unit)


@pytest.mark.parametrize(
    ("header", "name", "unit"),
    [
        ("lactate (mmol/L)", "Lactate", "mmol/L"),
        ("lactate (mmol/l)", "Lactate", "mmol/L"),
        ("fio2 (%)", "FiO2", "%"),
        ("FiO2 %", "FiO2", "%"),
        ("temperature [degF]", "Temp", "[degF]"),
        ("Temp (°F)", "Temp", "[degF]"),
        ("temperature_degF", "Temp", "[degF]"),
        ("creatinine (µmol/L)", "Creatinine", "umol/L"),
        ("creatinine_umol/L", "Creatinine", "umol/L"),
        ("creatinine_umol_L", "Creatinine", "umol/L"),
        ("glucose, mmol/L", "Glucose", "mmol/L"),
        ("bun (mmol/L (urea))", "BUN", "mmol/L (urea)"),
        ("Haematocrit (%)", "Hct", "%"),
        ("Age (years)", "Age", "a"),
    ],
)
def test_units_in_headers_are_read_as_people_write_them(header: str, name: str, unit: str) -> None:
    found = meaning(header)
    assert found.variable is BY_CHALLENGE[name]
    assert found.conversion is not None
    assert found.conversion.unit == unit


@pytest.mark.parametrize("header", ["spo2_1", "heart_rate_max", "lactate_time", "hr 2"])
def test_a_second_column_of_its_kind_is_not_taken_for_a_unit(header: str) -> None:
    assert meaning(header) is headers.NOTHING


def test_a_unit_in_a_header_is_converted(tmp_path: Path) -> None:
    path = few_columns(
        tmp_path,
        "icu_hour,temperature [degF],fio2 (%),lactate (mg/dL),creatinine_umol/L",
        "1,98.6,40,18,88.4",
    )
    assert column_of(path, "Temp") == [37.0]
    assert column_of(path, "FiO2") == [0.4]
    assert column_of(path, "Lactate") == [pytest.approx(2.0, abs=0.01)]
    assert column_of(path, "Creatinine") == [pytest.approx(1.0, abs=1e-4)]


@pytest.mark.parametrize("how", [FULL, PARTIAL], ids=["whole", "partial"])
def test_a_unit_that_is_not_accepted_refuses_the_file(tmp_path: Path, how: object) -> None:
    row = an_hour(1, patient_id="a")
    row = {("lactate (mmol)" if name == "Lactate" else name): cell for name, cell in row.items()}
    sentence = refusal_of(psv(tmp_path, row), FULL if how is FULL else PARTIAL)
    assert sentence == (
        "FILE column lactate (mmol): 'mmol' is not a unit of lactate: "
        "its units are mmol/L, meq/L, mg/dL, mg/L"
    )


def test_the_unit_of_a_header_and_a_stated_one_must_agree(tmp_path: Path) -> None:
    path = few_columns(tmp_path, "icu_hour,lactate (mmol/L)", "1,2.1")
    agreed = reading("lactate=mmol/L", is_partial_allowed=True)
    assert column_of(path, "Lactate", agreed) == [2.1]
    assert refusal_of(path, reading("lactate=mg/dL", is_partial_allowed=True)) == (
        "FILE column lactate (mmol/L) is in mmol/L, and --unit states mg/dL: which one is right?"
    )


def test_columns_that_are_not_read_are_named_with_the_nearest_name() -> None:
    assert unread("hart_rate", "Temprature", "SepsisLabel", "hr_max", "", "age", "Age group") == {
        "hart_rate": "heart_rate",
        "Temprature": "temperature",
        "SepsisLabel": None,
        "hr_max": "heart_rate",
        "Age group": None,  # the file has an age
    }


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("pulse_rate", None),
        ("hour", "icu_hour"),
        ("systolic", "systolic_bp"),
        ("lactat", "lactate"),
        ("Lactates (mmol/l)", "lactate"),
        ("resp rate", "respiratory_rate"),
        ("patientid2", "patient_id"),
        ("xyz", None),
        ("", None),
        ("_", None),
    ],
)
def test_the_nearest_name_is_proposed_where_there_is_one(header: str, name: str | None) -> None:
    assert nearest(header) == name


def test_a_missing_column_is_refused_unless_it_may_be_missing(tmp_path: Path) -> None:
    row = an_hour(1, lactat="2.1", note="")
    del row["Lactate"], row["pH"]
    path = psv(tmp_path, row)
    assert refusal_of(path) == (
        "FILE has no column pH, Lactate; --partial takes them as missing. "
        "Not read: lactat (did you mean lactate?)"
    )
    assert column_of(path, "pH") == [None]


def test_hours_are_needed_even_in_a_partial_file(tmp_path: Path) -> None:
    row = an_hour(1, hour="1")
    del row["ICULOS"]
    assert refusal_of(psv(tmp_path, row), PARTIAL) == (
        "FILE has no column ICULOS. Not read: hour (did you mean icu_hour?)"
    )


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("Temp|Temp", "FILE has two columns for one thing: Temp, Temp"),
        ("temperature|Temp", "FILE has two columns for one thing: temperature, Temp"),
        ("Temp|Temp (°F)", "FILE has two columns for one thing: Temp, Temp (°F)"),
        ("icu_unit|Unit1", "FILE has icu_unit beside Unit1 or Unit2: keep one of them"),
        ("icu_unit|ICU unit", "FILE has two columns for one thing: icu_unit, ICU unit"),
        ("stay_id|stay_id", "FILE has 2 columns stay_id: keep one of them"),
    ],
)
def test_two_columns_for_one_thing_are_refused(tmp_path: Path, header: str, sentence: str) -> None:
    path = few_columns(tmp_path, f"icu_hour|HR|{header}", "1|80|1|1", name="a.psv")
    assert refusal_of(path, PARTIAL) == sentence


@given(st.text(max_size=60))
def test_every_header_has_a_meaning_or_a_sentence(header: str) -> None:
    with suppress(HeaderError):
        found = meaning(header)
        assert found is headers.NOTHING or found.id_rank is not None or found.variable is not None
    nearest(header)
    headers.is_like_an_id(header)


def _each(text: str) -> list[str]:
    return text.split("|")


@pytest.mark.parametrize(
    "header",
    _each(
        "id|ID|uid|MRN#|MRN (hashed)|Visit#|FIN NBR|csn_id|Patient Name|Nom patient|Nom|"
        "Prénom|OMOP_person|subject.reference|Encounter/reference|stay_uuid|patientUUID|"
        "no_stay|ptientid|N° lit|Aufenthalt|Behandlungsfall|pseudonym|participant|"
        "file|filename|source_file|fichier"
    ),
)
def test_a_header_that_may_name_patients_is_like_an_identifier(header: str) -> None:
    assert headers.id_rank(header) is None
    assert headers.is_like_an_id(header)


@pytest.mark.parametrize(
    "header",
    _each(
        "patient_weight|Patient position|head of bed|room temp|row_id|event_id|sample_id|"
        "caregiver_id|charttime|hours_since_admission|length_of_stay|ICU day|admission_type|"
        "visit_date|drug name|no_antibiotics|fio2 source|PT|NIBP|ventilation mode|comment"
    ),
)
def test_a_header_of_a_measurement_or_a_row_is_not_like_an_identifier(header: str) -> None:
    assert not headers.is_like_an_id(header)


def test_the_guide_lists_every_identifier_and_missing_value() -> None:
    guide = (ROOT / "docs" / "files.md").read_text(encoding="utf-8").lower()
    for text in [*headers.STAY_IDS, *MISSING - {""}]:
        assert f"`{text}`" in guide


def test_stated_units_reach_the_columns() -> None:
    stated = stated_conversions(["creatinine=umol/L"])
    found = hour_columns(("icu_hour", "Creatinine"), tuple(stated.items()), is_partial_allowed=True)
    column = BY_CHALLENGE["Creatinine"].column
    assert found.conversions == {column: CONVERSIONS[column]["umol/L"]}
