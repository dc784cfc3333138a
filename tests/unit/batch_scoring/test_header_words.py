"""Headers by the words of tables: French, German and short ones; what is unclear is refused."""

from pathlib import Path

import pytest

from sepsis_detect.batch_scoring.header_words import plain
from sepsis_detect.batch_scoring.headers import ICU_UNIT, NOTHING, WITHOUT_UNIT, meaning
from sepsis_detect.batch_scoring.hour_columns import ColumnsError, HourColumns, hour_columns
from sepsis_detect.clinical.table_words import TABLE_WORDS
from sepsis_detect.clinical.units import accepted, stated_conversions
from sepsis_detect.clinical.variables import VARIABLES
from tests.unit.batch_scoring.score_command import refused, scored
from tests.unit.batch_scoring.text_files import saved

VARIABLE = {variable.name: variable for variable in VARIABLES}
OF_ROLES = {word for each in TABLE_WORDS if each.kind == "role" for word in each.words}
WORDS = [
    (word, each.meanings[0])
    for each in TABLE_WORDS
    if each.kind == "header" and each.meanings != (ICU_UNIT,)
    for word in each.words
    if word not in OF_ROLES
]
UNCLEAR = [(w, each.meanings) for each in TABLE_WORDS if each.kind == "ask" for w in each.words]
UREA = [word for each in TABLE_WORDS if each.kind == "urea" for word in each.words]


def columns(*names: str, stated: str | None = None) -> HourColumns:
    units = tuple(stated_conversions([stated] if stated else []).items())
    return hour_columns(names, units, is_partial_allowed=True, are_words_read=True)


def taken(*names: str) -> dict[str, str]:
    """What columns beside the hour are taken for."""
    return dict(columns("stay_id", "icu_hour", *names).by_words)


@pytest.mark.parametrize(("word", "name"), WORDS)
def test_every_clear_word_of_the_table_is_read_and_reported(word: str, name: str) -> None:
    if name == "icu_hour":
        assert set(dict(columns("stay_id", word.upper()).by_words)) == {word.upper()}
    elif meaning(word.upper()) is NOTHING:
        assert taken(word.upper())[word.upper()].split(" in ")[0] == name
    else:  # already a name
        assert taken(word.upper()) == {}


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("T°", "temperature in Cel"),
        ("T° (°F)", "temperature in [degF]"),
        ("T°C", "temperature in Cel"),
        ("Hb (g/L)", "hemoglobin in g/L"),
        ("Hb g/dL", "hemoglobin in g/dL"),
        ("Kaliémie [mmol/L]", "potassium in mmol/L"),
        ("K_mmol_L", "potassium in mmol/L"),
        ("Urée (mmol/L)", "bun in mmol/L (urea)"),
        ("Harnstoff mg/dl", "bun in mg/dL (urea)"),
        ("bilirubine totale µmol/L", "bilirubin_total in umol/L"),
        ("sexe", "sex"),
    ],
)
def test_units_and_signs_are_read_with_the_word(header: str, what: str) -> None:
    found = taken(header)
    assert found == {header: what} or (not found and meaning(header).variable is not None)


@pytest.mark.parametrize(("word", "names"), UNCLEAR)
def test_a_word_of_several_variables_is_refused(word: str, names: tuple[str, ...]) -> None:
    with pytest.raises(ColumnsError) as error:
        columns("stay_id", "icu_hour", word)
    assert str(error.value) == (
        f"column {word}: it may be {', '.join(names)} or something else: "
        "give it the name of what it is"
    )


@pytest.mark.parametrize(("word", "names"), UNCLEAR)
def test_a_word_of_several_variables_is_left_out_where_the_likeliest_has_its_own_column(
    word: str, names: tuple[str, ...]
) -> None:
    found = columns("stay_id", "icu_hour", names[0], word)
    assert found.by_words == ()
    assert [header for header, _ in found.unread] == [word]


@pytest.mark.parametrize("word", UREA)
def test_urea_needs_a_unit_in_the_header_or_stated(word: str) -> None:
    with pytest.raises(ColumnsError, match=r"its unit is needed, as in: urea \(mmol/L\)"):
        columns("stay_id", "icu_hour", word)
    found = columns("stay_id", "icu_hour", word, stated="bun=g/L (urea)")
    assert found.by_words == ((word, "bun in g/L (urea)"),)
    for unit in ("mmol/L", "g/L", "mg/dL"):
        assert taken(f"{word} ({unit})") == {f"{word} ({unit})": f"bun in {unit} (urea)"}


@pytest.mark.parametrize(("word", "name"), WORDS)
def test_a_unit_that_the_variable_does_not_have_is_refused(word: str, name: str) -> None:
    if name == "icu_hour" or VARIABLE[name].column in WITHOUT_UNIT:
        return
    with pytest.raises(ColumnsError, match="'furlong' is not a unit of") as error:
        columns("stay_id", "icu_hour", f"{word} (furlong)")
    assert str(error.value).endswith(", ".join(accepted(VARIABLE[name])))


def test_the_own_name_of_a_variable_comes_before_its_words() -> None:
    found = columns("stay_id", "icu_hour", "pouls", "HR", "FC")
    assert found.by_words == ()
    assert [header for header, _ in found.unread] == ["pouls", "FC"]


def test_two_columns_by_words_for_one_variable_are_refused() -> None:
    with pytest.raises(ColumnsError, match="has two columns for one thing: pouls, FC"):
        columns("stay_id", "icu_hour", "pouls", "FC")


@pytest.mark.parametrize(
    "header",
    [
        *("hour", "heure", "Zeit", "service", "station", "unit", "note"),
        *("Standardbikarbonat", "Bicarbonates standard", "HCO3 std"),  # not the actual one
    ],
)
def test_words_of_times_wards_and_other_things_are_not_read(header: str) -> None:
    assert [each for each, _ in columns("stay_id", "icu_hour", header).unread] == [header]


def test_words_are_not_read_where_nobody_reports_them() -> None:
    found = hour_columns(("stay_id", "icu_hour", "FC"), is_partial_allowed=True)
    assert [header for header, _ in found.unread] == ["FC"]


def test_words_are_compared_as_the_table_writes_them() -> None:
    assert {plain(word) for each in TABLE_WORDS for word in each.words if each.kind != "unit"} == {
        word for each in TABLE_WORDS for word in each.words if each.kind != "unit"
    }


def test_a_french_file_is_scored_as_the_same_file_in_canonical_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hours = "a,{},63,90,120,80,60,18,97,38.4,2.1,13.2\na,{},63,99,112,75,58,22,95,38.9,,"
    names = (
        "icu_hour,age,heart_rate,systolic_bp,mean_arterial_pressure,diastolic_bp,"
        "respiratory_rate,spo2,temperature,lactate,hemoglobin"
    )
    french = "heure de réa,âge,FC,PAS,PAM,PAD,FR,SpO2 %,T°,lactates,Hb (g/dL)"
    rows = hours.format(1, 2)
    plain_file = saved(tmp_path / "plain.csv", f"stay_id,{names}\n{rows}\n")
    french_file = saved(tmp_path / "french.csv", f"stay_id,{french}\n{rows}\n")
    expected = scored(plain_file, "--partial", "-o", tmp_path / "a.parquet")
    capsys.readouterr()
    assert scored(french_file, "--partial", "-o", tmp_path / "b.parquet").equals(expected)
    *_, last = capsys.readouterr().err.splitlines()
    assert last == (
        "Columns read by their words: heure de réa as icu_hour in h, FC as heart_rate in /min, "
        "PAS as systolic_bp in mm[Hg], PAM as mean_arterial_pressure in mm[Hg], "
        "PAD as diastolic_bp in mm[Hg], FR as respiratory_rate in /min, T° as temperature in Cel, "
        "lactates as lactate in mmol/L, Hb (g/dL) as hemoglobin in g/dL"
    )


def test_an_unclear_column_refuses_the_file_with_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path / "in.csv", "stay_id,icu_hour,age,HR,RR\na,1,63,90,18\n")
    sentence = refused(capsys, path, "--partial", "-o", tmp_path / "out.csv")
    assert sentence == (
        f"{path} column RR: it may be respiratory_rate, systolic_bp, mean_arterial_pressure or "
        "something else: give it the name of what it is"
    )
