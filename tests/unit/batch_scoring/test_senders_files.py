"""Files as real senders write them, in `senders/` of the shared reference, and their siblings."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from sepsis_detect.__main__ import main
from tests.paths import SHARED
from tests.unit.batch_scoring.score_command import scored
from tests.unit.batch_scoring.text_files import saved

SENDERS = SHARED / "reference" / "senders"
ALL_SCORED = "8 hours of 2 stays scored into OUT: "
HOUR_ZERO = (
    "  a1: Hours since ICU admission 0 h is outside the possible range, 1 to 8784. "
    "Hours count from 1: the first hour in intensive care is 1. Add 1 to every hour."
)
EXPECTED = {
    "partial_header_case.csv": [ALL_SCORED],
    "cr_line_ends.csv": [ALL_SCORED],
    "trailing_blank_rows.csv": [ALL_SCORED],
    "polars_string_view.parquet": [ALL_SCORED],
    "fahrenheit_column.csv": [
        ALL_SCORED,
        "8 incoherent values were taken as missing:",
        "  temperature: 8 of 8 values range:Temp, looks like [degF]: --unit temperature=[degF]",
    ],
    "icu_hour_from_zero.csv": [
        "0 hours of 0 stays scored into OUT: ",
        "1 of 1 stay could not be scored:",
        HOUR_ZERO,
        "sepsis-detect: no stay could be scored: OUT has no probability",
    ],
}
needs_senders = pytest.mark.skipif(
    not SENDERS.exists(), reason="the shared reference does not lie beside the checkout"
)
HEADER = (
    "patient_id,icu_hour,age,sex,heart_rate,temperature,systolic_bp,mean_arterial_pressure,"
    "respiratory_rate,spo2,lactate,creatinine"
)
HOURS = [
    f"{patient},{hour},63,M,{100 + hour},38.1,101,72,22,95,2.1,1.2"
    for patient in ("a1", "b2")
    for hour in (1, 2, 3, 4)
]


def probabilities(path: Path, output: Path, *options: str) -> list[float | None]:
    found: list[float | None] = scored(path, "--partial", *options, "-o", output)[
        "probability"
    ].to_pylist()
    return found


@needs_senders
@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_of_a_sender_is_read_as_it_was_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    output = tmp_path / "out.csv"
    scored(SENDERS / name, "--partial", "-o", output)
    first, *others = capsys.readouterr().err.replace(str(output), "OUT").splitlines()
    assert first.startswith(EXPECTED[name][0])
    assert others == EXPECTED[name][1:]


@needs_senders
@pytest.mark.parametrize(
    "name",
    ["partial_header_case", "cr_line_ends", "trailing_blank_rows", "polars_string_view"],
)
def test_the_same_hours_have_the_same_probabilities(tmp_path: Path, name: str) -> None:
    plain = saved(tmp_path / "plain.csv", "\n".join([HEADER, *HOURS]))
    (path,) = SENDERS.glob(f"{name}.*")
    expected = probabilities(plain, tmp_path / "a.csv")
    assert probabilities(path, tmp_path / "b.csv") == pytest.approx(expected, abs=1e-6)


@needs_senders
def test_the_proposed_unit_repairs_the_file(tmp_path: Path) -> None:
    fahrenheit = SENDERS / "fahrenheit_column.csv"
    rows = [row.replace(",38.1,", f",{(100.6 - 32) / 1.8:.9f},") for row in HOURS]
    plain = saved(tmp_path / "plain.csv", "\n".join([HEADER, *rows]))
    expected = probabilities(plain, tmp_path / "a.csv")
    found = probabilities(fahrenheit, tmp_path / "b.csv", "--unit", "temperature=[degF]")
    assert found == pytest.approx(expected, abs=1e-6)


# --- Siblings -----------------------------------------------------------------------------------

VARIANTS = {
    "bytes of a text with a mark": "\ufeff" + "\n".join([HEADER, *HOURS]),
    "quoted cells": "\n".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) for line in [HEADER, *HOURS]
    ),
    "semicolons and decimal commas": "\n".join(
        line.replace(",", ";").replace(".", ",") for line in [HEADER, *HOURS]
    ),
    "tabs": "\n".join(line.replace(",", "\t") for line in [HEADER, *HOURS]),
    "spaces around cells": "\n".join(line.replace(",", " , ") for line in [HEADER, *HOURS]),
    "capital names": "\n".join([HEADER.upper(), *HOURS]),
    "names with spaces": "\n".join([HEADER.replace("_", " "), *HOURS]),
    "an identifier of MIMIC": "\n".join([HEADER.replace("patient_id", "ICUSTAY_ID"), *HOURS]),
    "an identifier of eICU": "\n".join([HEADER.replace("patient_id", "patientunitstayid"), *HOURS]),
    "units in names": "\n".join(
        [HEADER.replace("lactate", "lactate (mmol/l)").replace("temperature", "temp °C"), *HOURS]
    ),
    "an empty column at the end": "\n".join(f"{line}," for line in [HEADER, *HOURS]),
    "three decimals": "\n".join(
        [HEADER, *(row.replace("38.1,101,72", "38.100,101.000,72.000") for row in HOURS)]
    ),
    "blank rows between": "\n".join(
        [HEADER, *HOURS[:4], "," * 11, "", *HOURS[4:], " , , " + "," * 9]
    ),
}


@pytest.mark.parametrize("text", VARIANTS.values(), ids=list(VARIANTS))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_every_way_to_write_the_hours_gives_the_same_probabilities(
    tmp_path: Path, text: str, encoding: str
) -> None:
    plain = saved(tmp_path / "plain.csv", "\n".join([HEADER, *HOURS]))
    path = saved(tmp_path / "variant.csv", text.encode(encoding))
    assert probabilities(path, tmp_path / "b.csv") == probabilities(plain, tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["pat", "Record Number", "MRN#", "bed", "record", ""])
def test_two_patients_under_an_unknown_name_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = saved(tmp_path / "a.csv", "\n".join([HEADER.replace("patient_id", name), *HOURS]))
    assert main(["score", str(path), "--partial", "-o", str(tmp_path / "out.csv")]) == 2
    assert "and its rows are not of one stay" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


def test_two_patients_under_one_identifier_are_never_averaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [*HOURS[:4], *[row.replace(",63,M,", ",80,F,") for row in HOURS[4:]]]
    rows = [f"a1,{hour},{row.split(',', 2)[2]}" for hour, row in enumerate(rows, 1)]
    path = saved(tmp_path / "a.csv", "\n".join([HEADER, *rows]))
    assert probabilities(path, tmp_path / "out.csv") == [None] * 8
    assert "  a1: Age changes within the stay (63 years, 80 years)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.string_view(), ["100.6"]),
        (pa.large_string(), ["100,6"]),
        (pa.dictionary(pa.int32(), pa.string()), ["100.6"]),
        (pa.float32(), [100.6]),
        (pa.decimal128(5, 1), None),
    ],
    ids=str,
)
def test_a_header_unit_of_a_parquet_column_is_converted(
    tmp_path: Path, kind: pa.DataType, values: list[str | float] | None
) -> None:
    column = pa.array(values, kind) if values else pa.array([100.6]).cast(kind)
    path = tmp_path / "a.parquet"
    table = {"stay_id": ["a1"], "icu_hour": [1], "age": [63], "Temp (°F)": column}
    pa.parquet.write_table(pa.table(table), path)
    plain = saved(
        tmp_path / "plain.csv", "stay_id,icu_hour,age,temperature\na1,1,63,38.111111111\n"
    )
    expected = probabilities(plain, tmp_path / "a.csv")
    assert probabilities(path, tmp_path / "b.csv") == pytest.approx(expected, abs=1e-6)
