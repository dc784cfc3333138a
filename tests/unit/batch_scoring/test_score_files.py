"""The command `sepsis-detect score`: every hour is scored as the API predicts it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
import pytest
from starlette.testclient import TestClient

from sepsis_detect.api.app import create_app
from sepsis_detect.batch_scoring import hour_tables, stay_files
from sepsis_detect.batch_scoring.cells import shortest_decimals
from sepsis_detect.batch_scoring.stay_ids import SEPARATED
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
from tests.unit.batch_scoring.score_command import refused, scored

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
ANSWERS = ["patient_id", "icu_hour", "probability", "prediction"]
UNSCORED = {"fractional hour", "backwards", "twice", "nothing", "two patients"}


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
    assert table.column_names == [*ANSWERS, "data_sufficiency"]
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
    monkeypatch.setattr(hour_tables, "BATCH_ROWS", n_rows)
    monkeypatch.setattr(stay_files, "BATCH_ROWS", n_rows)
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
    bad.write_text(good.read_text(encoding="utf-8").replace("63.5", "6|3", 1), encoding="utf-8")
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


def test_a_file_named_twice_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "in.csv", GOOD)
    (tmp_path / "link.csv").symlink_to(path)
    sentence = refused(capsys, path, tmp_path / "link.csv", "-o", tmp_path / "out.csv")
    assert sentence == f"{tmp_path / 'link.csv'} is named twice"


def test_a_stay_with_rows_in_two_places_is_not_scored(
    tmp_path: Path, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    torn = stay_of("torn", 6)
    rows = [*torn[:4], *GOOD, *torn[4:]]
    table = scored(write(tmp_path / "in.csv", rows), "-o", tmp_path / "out.parquet")
    answers = [None] * 4 + answers_of_the_api(client, GOOD) + [None] * 2
    assert_as_the_api(table, answers)
    assert f"  torn: {SEPARATED}\n" in capsys.readouterr().err


def test_a_bad_cell_does_not_stop_the_other_stays(
    tmp_path: Path, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "in.psv", [*GOOD, *stay_of("bad", 4), *DIRTY])
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[14] = lines[14].replace("63.5", "old")
    path.write_text("\n".join(lines), encoding="utf-8")
    table = scored(path, "-o", tmp_path / "out.csv")
    answers = [
        *answers_of_the_api(client, GOOD), *[None] * 4, *answers_of_the_api(client, DIRTY),
    ]  # fmt: skip
    assert_as_the_api(table, answers)
    assert "  bad: line 15, column Age: 'old' is not a number\n" in capsys.readouterr().err


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
