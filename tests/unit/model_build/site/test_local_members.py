"""Local members: no patient is scored by a fit that saw them; fewer trees are the first trees."""

from collections.abc import Callable

import numpy as np
import pytest

from model_build.data.dataset import Dataset
from model_build.site.adaptation import FOLDS, folds_of
from model_build.site.local_members import LocalMembers, staged_margins
from tests.unit.model_build.site.small_site import LAST_VALUES

SIZES = (2, 4)


@pytest.fixture(scope="module")
def members(own: Dataset) -> LocalMembers:
    return LocalMembers(own, LAST_VALUES, SIZES, folds_of(own))


def test_a_stage_equals_a_fit_with_so_many_trees(members: LocalMembers) -> None:
    everything = np.ones(len(members.fold), dtype=np.bool_)
    X = members.data.X
    found = staged_margins(members.fit(everything, 4), X, SIZES)
    for size, margins in zip(SIZES, found, strict=True):
        expected = members.fit(everything, size).decision_function(X)
        np.testing.assert_allclose(margins, expected, atol=1e-12)


def test_every_fold_is_scored_by_a_fit_on_the_others(members: LocalMembers) -> None:
    found = members.out_of_fold(progress=False)
    k = 2
    own = members.fold == k
    expected = members.fit(~own, 4).decision_function(members.data.X[own])
    np.testing.assert_allclose(found[1, own], expected, atol=1e-12)
    assert np.isfinite(found).all()


def test_two_folds_are_scored_by_a_fit_on_the_other_three(members: LocalMembers) -> None:
    found = members.out_of_two_folds(progress=False)
    assert len(found) == FOLDS
    for k, margins in enumerate(found):
        np.testing.assert_array_equal(np.isnan(margins[0]), members.fold == k)
    j, k = 1, 3
    scored = np.isin(members.fold, (j, k))
    expected = members.fit(~scored, 4).decision_function(members.data.X[members.fold == j])
    np.testing.assert_allclose(found[k][1, members.fold == j], expected, atol=1e-12)


def test_cached_fits_are_not_made_again(own: Dataset) -> None:
    known: dict[str, np.ndarray] = {}

    def cached(name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        if name not in known:
            known[name] = compute()
        return known[name]

    members = LocalMembers(own, LAST_VALUES, SIZES, folds_of(own), cached)
    first = members.out_of_fold(progress=False)
    assert len(known) == FOLDS
    for name in known:
        known[name] = known[name] + 1.0
    np.testing.assert_allclose(members.out_of_fold(progress=False), first + 1.0)
