"""The command `sepsis-detect score`: every hour is scored as the API predicts it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet
import pytest
from starlette.testclient import TestClient

from sepsis_detect.__main__ import main
from sepsis_detect.api.app import create_app
from sepsis_detect.batch_scoring import batch, score_files
from sepsis_detect.batch_scoring.stay_files import shortest_decimals
from sepsis_detect.settings import Settings
from tests.paths import SHARED
from tests.unit.batch_scoring.hour_files import (
    GOOD,
    NAMES,
    Row,
    all_missing,
    changed,
    stay_of,
    write,
)

STAYS = SHARED / "data" / "physionet2019" / "setB.parquet"
DIRTY = changed(changed(stay_of("dirty", 10, 2), 3, SBP=60.0, DBP=90.0, pH=74.0), 5, HR=0.0)
EVERYONE = [
    *GOOD,
    *DIRTY,
    *changed(stay_of("fractional hour", 3, 3), 1, ICULOS=2.5),
    *reversed(stay_of("backwards", 4, 4)),
    *changed(stay_of("twice", 4, 5), 2, ICULOS=2.0),
    *all_missing(stay_of("nothing", 5)),
    *changed(stay_of("two patients", 3, 8), 1, Age=91.0),
    *changed(stay_of("gap", 6, 6), 5, ICULOS=20.0),
    *stay_of("one hour", 1, 7),
]
UNSCORED = {"fractional hour", "backwards", "twice", "nothing", "two patients"}


def scored(*arguments: str | Path) -> Any:
    """Run the command in this process and read its output."""
    assert main(["score", *map(str, arguments)]) == 0
    output = Path(arguments[-1])
    if output.suffix == ".parquet":
        return pa.parquet.read_table(output)
    options = pa.csv.ConvertOptions(
        column_types={"patient_id": pa.string(), "probability": pa.float32()},
        strings_can_be_null=True,
    )
    return pa.csv.read_csv(output, convert_options=options)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Run the command in this process, which fails; its error sentence."""
    assert main(["score", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("sepsis-detect: ")
    assert said.err.count("\n") == 1
    return said.err.removeprefix("sepsis-detect: ").rstrip("\n")


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings())) as client:
        yield client


def answers_of_the_api(client: TestClient, rows: Sequence[Row]) -> list[tuple[float, str] | None]:
    """The answer of the API for the hour of each row; None where it refuses the stay."""
    answers: list[tuple[float, str] | None] = []
    for patient_id in dict.fromkeys(row["patient_id"] for row in rows):
        hours = [
            {name: row[name] for name in NAMES if row[name] is not None}
            for row in rows
            if row["patient_id"] == patient_id
        ]
        response = client.post(
            "/predict/patient?include=trend&on_incoherence=drop", json={"hours": hours}
        )
        if response.status_code == 422:
            answers += [None] * len(hours)
        else:
            trend = response.json()["trend"]
            answers += [(answer["probability"], answer["prediction"]) for answer in trend]
    return answers


def assert_as_the_api(table: Any, answers: list[tuple[float, str] | None]) -> None:
    probabilities, words = table["probability"].to_pylist(), table["prediction"].to_pylist()
    assert len(probabilities) == len(answers)
    for probability, word, answer in zip(probabilities, words, answers, strict=True):
        if answer is None:
            assert (probability, word) == (None, None)
        else:
            assert probability == pytest.approx(answer[0], abs=1e-6, rel=0)
            assert word == answer[1]


@pytest.mark.parametrize("suffix", [".psv", ".csv", ".parquet"])
@pytest.mark.parametrize("written", [".csv", ".parquet"])
def test_every_row_is_answered_in_its_order_as_the_api_answers(
    tmp_path: Path, client: TestClient, suffix: str, written: str
) -> None:
    path = write(tmp_path / f"in{suffix}", EVERYONE)
    table = scored(path, "-o", tmp_path / f"out{written}")
    assert table.column_names == ["patient_id", "icu_hour", "probability", "prediction"]
    assert table["patient_id"].to_pylist() == [row["patient_id"] for row in EVERYONE]
    assert table["icu_hour"].to_pylist() == [row["ICULOS"] for row in EVERYONE]
    answers = answers_of_the_api(client, EVERYONE)
    assert {
        row["patient_id"] for row, answer in zip(EVERYONE, answers, strict=True) if answer is None
    } == UNSCORED
    assert_as_the_api(table, answers)


def test_single_precision_columns_are_answered_as_the_api_answers(
    tmp_path: Path, client: TestClient
) -> None:
    table = pa.Table.from_pylist([*GOOD, *DIRTY])
    types = [pa.float32() if name in NAMES else pa.string() for name in table.column_names]
    single = table.cast(pa.schema(list(zip(table.column_names, types, strict=True))))
    pa.parquet.write_table(single, tmp_path / "in.parquet")
    found = scored(tmp_path / "in.parquet", "-o", tmp_path / "out.parquet")
    assert_as_the_api(found, answers_of_the_api(client, [*GOOD, *DIRTY]))


@pytest.mark.skipif(not STAYS.exists(), reason="the shared data do not lie beside the checkout")
def test_real_stays_are_answered_as_the_api_answers(tmp_path: Path, client: TestClient) -> None:
    whole = pa.parquet.ParquetFile(STAYS)
    table = next(whole.iter_batches(4_000))
    last = table["patient_id"][-1].as_py()
    table = pa.Table.from_batches([table]).filter(pa.compute.field("patient_id") != last)
    pa.parquet.write_table(table, tmp_path / "in.parquet")
    columns = {name: shortest_decimals(table[name]) for name in NAMES}
    ids = table["patient_id"].to_pylist()
    rows = [
        {name: None if np.isnan(v := float(values[at])) else v for name, values in columns.items()}
        | {"patient_id": ids[at]}
        for at in range(table.num_rows)
    ]
    found = scored(tmp_path / "in.parquet", "-o", tmp_path / "out.parquet")
    assert_as_the_api(found, answers_of_the_api(client, rows))


def test_stays_that_cannot_be_scored_are_named_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored(write(tmp_path / "in.csv", EVERYONE), "-o", tmp_path / "out.csv")
    first, dropped, n_unscored, *named = capsys.readouterr().err.splitlines()
    assert first.startswith(f"48 hours of 9 stays scored into {tmp_path / 'out.csv'}: ")
    assert dropped.endswith("incoherent values were taken as missing")
    assert n_unscored == "5 stays could not be scored:"
    assert [line.split(":")[0].strip() for line in named] == [
        "fractional hour", "backwards", "twice", "nothing", "two patients",
    ]  # fmt: skip
    assert named[1] == "  backwards: ICU hour 3 comes after hour 4: hours must increase."
    assert named[2] == "  twice: ICU hour 2 is sent twice."
    assert "no icu_hour" in named[0]


def test_only_the_first_rows_of_a_non_contiguous_stay_are_scored(
    tmp_path: Path, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    torn = stay_of("torn", 6)
    rows = [*torn[:4], *GOOD, *torn[4:]]
    table = scored(write(tmp_path / "in.csv", rows), "-o", tmp_path / "out.parquet")
    answers = [*answers_of_the_api(client, torn[:4]), *answers_of_the_api(client, GOOD), None, None]
    assert_as_the_api(table, answers)
    assert f"  torn: {batch.NON_CONTIGUOUS_ROWS}" in capsys.readouterr().err


def test_unscored_stays_beyond_the_limit_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row for n in range(25) for row in all_missing(stay_of(f"p{n}", 2))]
    scored(write(tmp_path / "in.csv", rows), "-o", tmp_path / "out.csv")
    said = capsys.readouterr().err.splitlines()
    assert said[1] == "25 stays could not be scored:"
    assert len(said) == 2 + score_files.MAX_STAYS_LISTED + 1
    assert said[-1] == "  and 5 more"


def test_several_files_go_into_one_output_in_their_order(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "b.psv", GOOD),
        write(tmp_path / "a.parquet", DIRTY),
        write(tmp_path / "p7.csv", [{k: row[k] for k in NAMES} for row in stay_of("", 2)]),
    ]
    table = scored(*paths, "-o", tmp_path / "out.csv")
    assert table["patient_id"].to_pylist() == ["good"] * 12 + ["dirty"] * 10 + ["p7"] * 2


@pytest.mark.parametrize("n_rows", [1, 5, 1000])
def test_the_answers_do_not_depend_on_the_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_rows: int
) -> None:
    path = write(tmp_path / "in.parquet", EVERYONE)
    expected = scored(path, "-o", tmp_path / "out.parquet")
    monkeypatch.setattr("sepsis_detect.batch_scoring.stay_files.BATCH_ROWS", n_rows)
    monkeypatch.setattr(score_files, "BATCH_ROWS", n_rows)
    assert scored(path, "-o", tmp_path / "again.parquet").equals(expected)


def test_a_stated_unit_is_converted(tmp_path: Path) -> None:
    expected = scored(write(tmp_path / "in.csv", GOOD), "-o", tmp_path / "out.parquet")
    in_umol = [
        row | {"Creatinine": row["Creatinine"] and row["Creatinine"] * 88.4017} for row in GOOD
    ]
    path = write(tmp_path / "umol.csv", in_umol)
    found = scored(path, "--unit", "creatinine=umol/L", "-o", tmp_path / "again.parquet")
    np.testing.assert_allclose(
        found["probability"].to_numpy(), expected["probability"].to_numpy(), atol=1e-6
    )


@pytest.mark.parametrize(
    ("stated", "sentence"),
    [
        (["creatinin=umol/L"], "--unit creatinin=umol/L: 'creatinin' is not a variable"),
        (["creatinine=kg"], "--unit creatinine=kg: the units of creatinine are mg/dL, "),
        (["creatinine"], "--unit creatinine: the units of creatinine are mg/dL, "),
        (
            ["lactate=mg/dL", "Lactate=mmol/L"],
            "--unit Lactate=mmol/L: another unit of Lactate was stated before",
        ),
    ],
)
def test_an_unknown_unit_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], stated: list[str], sentence: str
) -> None:
    path = write(tmp_path / "in.csv", GOOD)
    flags = [flag for unit in stated for flag in ("--unit", unit)]
    assert refused(capsys, path, *flags, "-o", tmp_path / "o.csv").startswith(sentence)


def test_a_partial_file_is_scored_when_that_is_asked_for(
    tmp_path: Path, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row | {"Lactate": None} for row in GOOD]
    few = [{name: row[name] for name in row if name != "Lactate"} for row in rows]
    path = write(tmp_path / "in.csv", few)
    sentence = refused(capsys, path, "-o", tmp_path / "out.csv")
    assert sentence == f"{path} has no column Lactate; --partial takes them as missing"
    table = scored(path, "--partial", "-o", tmp_path / "out.csv")
    assert_as_the_api(table, answers_of_the_api(client, rows))


def test_a_bad_file_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write(tmp_path / "good.psv", GOOD)
    bad = tmp_path / "bad.psv"
    bad.write_text(good.read_text(encoding="utf-8").replace("63.5", "old", 1), encoding="utf-8")
    output = tmp_path / "out.csv"
    output.write_text("an earlier result", encoding="utf-8")
    for files in ([bad], [good, bad], [good, tmp_path / "none.psv"]):
        assert str(files[-1]) in refused(capsys, *files, "-o", output)
        assert output.read_text(encoding="utf-8") == "an earlier result"
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "bad.psv",
            "good.psv",
            "out.csv",
        ]


def test_an_output_that_cannot_be_written_is_refused_before_scoring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "in.csv", GOOD)
    before = path.read_bytes()
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "link.csv").symlink_to(path)
    for name, reason in (
        ("in.csv", "is also a file to read: choose another name"),
        ("link.csv", "is also a file to read: choose another name"),
        ("out.txt", "is neither .csv nor .parquet: choose one to write"),
        ("folder.csv", "cannot be written: it is a folder"),
        ("none/out.csv", f"cannot be written: there is no folder {tmp_path / 'none'}"),
        (f"{'x' * 300}.csv", "cannot be written: File name too long"),
    ):
        sentence = refused(capsys, path, "-o", tmp_path / name)
        assert sentence.startswith(f"{tmp_path / name} {reason}")
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.csv", "in.csv", "link.csv"]
