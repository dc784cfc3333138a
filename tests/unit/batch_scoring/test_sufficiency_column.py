"""The column `data_sufficiency`: each hour's level, as the API gives it for the hours up to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sepsis_detect.api.app import create_app
from sepsis_detect.settings import Settings
from tests.unit.batch_scoring.hour_files import (
    GOOD,
    NAMES,
    Row,
    all_missing,
    changed,
    stay_of,
    write,
)
from tests.unit.batch_scoring.score_command import scored


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings())) as client:
        yield client


def only(rows: list[Row], *names: str) -> list[Row]:
    """The rows with some measurements alone."""
    kept = {*names, "patient_id", "ICULOS", "Age", "Gender"}
    return [{name: row[name] if name in kept else None for name in row} for row in rows]


SPARSE = only(stay_of("sparse", 5, 3), "HR")
GROWING = [*only(stay_of("growing", 6, 2)[:3], "HR", "Resp", "SBP"), *stay_of("growing", 6, 2)[3:]]
DIRTY = changed(only(stay_of("dirty", 4, 4), "HR", "Resp", "Temp", "SBP"), 3, HR=0.0, Temp=98.6)
UNSCORED = changed(stay_of("unscored", 3, 5), 1, Age=91.0)
ROWS = [*GOOD, *SPARSE, *UNSCORED, *GROWING, *DIRTY]


def levels_of_the_api(client: TestClient, rows: list[Row]) -> list[str]:
    """The level that the API gives for each hour as the last one."""
    hours = [{name: row[name] for name in NAMES if row[name] is not None} for row in rows]
    found = []
    for n_hours in range(1, len(hours) + 1):
        answer = client.post(
            "/predict/patient?on_incoherence=drop", json={"hours": hours[:n_hours]}
        ).json()
        found.append(answer["data_sufficiency"]["level"])
    return found


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_every_hour_has_the_level_of_the_api(
    tmp_path: Path, client: TestClient, suffix: str
) -> None:
    table = scored(write(tmp_path / "in.csv", ROWS), "-o", tmp_path / f"out{suffix}")
    expected: list[str | None] = [
        *levels_of_the_api(client, GOOD),
        *levels_of_the_api(client, SPARSE),
        *[None] * len(UNSCORED),
        *levels_of_the_api(client, GROWING),
        *levels_of_the_api(client, DIRTY),
    ]
    assert {"sufficient", "limited", "insufficient", None} == set(expected)
    assert table["data_sufficiency"].to_pylist() == expected


def test_the_summary_says_how_many_answers_were_insufficient(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored(write(tmp_path / "in.csv", [*GOOD, *SPARSE]), "-o", tmp_path / "out.csv")
    assert capsys.readouterr().err.splitlines()[1] == (
        "Insufficient data in 5 of 17 hours: Negative does not mean low risk there"
    )


def test_a_run_without_any_answer_ends_with_status_3_and_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.csv"
    rows = [*all_missing(stay_of("a", 2)), *UNSCORED]
    assert scored(write(tmp_path / "in.csv", rows), "-o", output).num_rows == len(rows)
    *_, last = capsys.readouterr().err.splitlines()
    assert last == f"sepsis-detect: no stay could be scored: {output} has no probability"
