"""Stays of the challenge's data are recognised, others are not."""

from pathlib import Path

import numpy as np
import pytest

from model_build.data.cohort import Cohort, load
from model_build.site import known_stays
from model_build.site.known_stays import digests, n_duplicates, overlap
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE
from tests.paths import SHARED
from tests.unit.model_build.site.hand_made_stays import a_stay
from tests.unit.model_build.synthetic_cohort import synthetic_cohort

CHALLENGE = SHARED / "data" / "physionet2019"


def test_a_written_list_recognises_its_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = synthetic_cohort(400, seed=1), synthetic_cohort(400, seed=2)
    monkeypatch.setattr(known_stays, "LIST", tmp_path / "list.bin")
    monkeypatch.setattr(known_stays, "load", lambda data: here)
    known_stays.write_list(tmp_path, known_stays.LIST)
    assert overlap(digests(here.stay)).share == 1
    assert overlap(digests(elsewhere.stay)).share == 0


def test_labels_laboratory_values_and_later_hours_do_not_matter(cohort: Cohort) -> None:
    values = cohort.stay.values.copy()
    values[:, BY_CHALLENGE["Lactate"].column] = 9.0
    rows = np.concatenate([np.arange(start, start + 8) for start in cohort.stay.starts])
    first_hours = Stay(values[rows], np.arange(len(cohort.stay.starts)) * 8)
    np.testing.assert_array_equal(digests(first_hours), digests(cohort.stay))


def test_stays_with_few_values_are_no_duplicates() -> None:
    empty = a_stay(last_hour=20, measured={3: {"HR": 80}})
    assert n_duplicates(digests(Stay.end_to_end([empty, empty]))) == 0
    full = a_stay(last_hour=20, measured={hour: {"HR": 80, "Resp": 16} for hour in range(1, 7)})
    assert n_duplicates(digests(Stay.end_to_end([full, full]))) == 1


def test_made_up_stays_are_not_of_the_challenge(cohort: Cohort) -> None:
    assert overlap(digests(cohort.stay)).share == 0


@pytest.mark.skipif(not CHALLENGE.exists(), reason=f"{CHALLENGE} is not there")
def test_the_stays_of_the_challenge_are_recognised() -> None:
    stay = load(CHALLENGE).stay
    assert overlap(digests(stay)).share == 1
