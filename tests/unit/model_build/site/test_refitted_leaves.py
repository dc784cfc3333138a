"""Refitted leaves: the margins of all hours, several fits in one pass, small leaves stay."""

import numpy as np
import pytest

from model_build.data.dataset import Dataset
from model_build.learn.calibration import sigmoid
from model_build.site import refitted_leaves
from model_build.site.given_model import GivenModel
from model_build.site.refitted_leaves import Refitted, Trees, refitted
from sepsis_detect.clinical.stay import FloatArray


def refit(given: GivenModel, own: Dataset, fits: FloatArray) -> Refitted:
    margins = given.trees.margins(own.X)
    return refitted(given.trees.node, own.X, margins, own.labels, fits)


@pytest.fixture(scope="module")
def fits(own: Dataset) -> FloatArray:
    """All hours, every second stay, the others."""
    is_even = (own.cohort.stay_of_hour % 2 == 0).astype(np.float64)
    return np.stack([np.ones(len(own.X)), is_even, 1.0 - is_even])


def test_the_leaves_found_are_those_of_the_runtime(given: GivenModel, own: Dataset) -> None:
    """Each leaf gets a number of its own: the margins then tell which leaf each hour reached."""
    trees = Trees.of(given.trees.node)
    columns = np.ascontiguousarray(own.X.T)
    numbers = np.arange(len(trees.targets), dtype=np.float64)
    number_of_node = np.zeros(len(trees.is_leaf))
    number_of_node[trees.targets] = numbers
    total = sum(number_of_node[trees.leaves(int(root), columns)] for root in trees.roots)
    change = given.trees.changed(numbers).margins(own.X) - given.trees.margins(own.X)
    np.testing.assert_allclose(change, total, rtol=1e-4)


def test_the_change_of_the_leaves_is_that_of_the_margins(
    given: GivenModel, own: Dataset, fits: FloatArray
) -> None:
    found = refit(given, own, fits)
    before = given.trees.margins(own.X)
    for margins, leaves in zip(found.margins, found.leaves, strict=True):
        after = given.trees.changed(leaves).margins(own.X)
        np.testing.assert_allclose(after - before, margins, atol=1e-5)


def test_several_fits_in_one_pass_are_those_made_alone(
    given: GivenModel, own: Dataset, fits: FloatArray
) -> None:
    together = refit(given, own, fits)
    for at, weights in enumerate(fits):
        alone = refit(given, own, weights[None])
        np.testing.assert_allclose(alone.margins[0], together.margins[at])


def test_a_fit_does_not_see_the_hours_it_leaves_out(
    given: GivenModel, own: Dataset, fits: FloatArray
) -> None:
    margins = given.trees.margins(own.X)
    turned = np.where(fits[1] > 0, own.labels, 1 - own.labels).astype(np.int8)
    args = (given.trees.node, own.X, margins)
    found, expected = (refitted(*args, y, fits[1][None]) for y in (turned, own.labels))
    np.testing.assert_array_equal(found.margins, expected.margins)


def test_it_moves_the_margins_towards_the_labels(
    given: GivenModel, own: Dataset, fits: FloatArray
) -> None:
    before, change = given.trees.margins(own.X), refit(given, own, fits).margins[0]

    def loss(margins: FloatArray) -> float:
        p = np.clip(sigmoid(margins), 1e-12, 1 - 1e-12)
        return float(-np.where(own.labels == 1, np.log(p), np.log(1 - p)).mean())

    assert loss(before + change) < loss(before)


def test_a_large_penalty_leaves_the_leaves_where_they_were(
    given: GivenModel, own: Dataset, fits: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refitted_leaves, "L2", 1e9)
    assert np.abs(refit(given, own, fits).leaves).max() < 1e-4
