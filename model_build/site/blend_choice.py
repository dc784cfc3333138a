"""Choice of a blend on patients that the local members never saw.

For each share of the refitted leaves and each size of the hospital's own trees, the margin of the
given trees and that of its own are the two columns of a logistic regression (stacking): its two
slopes are weight and slope of the blend. The likeliest blend is taken.

Source: Breiman, Stacked regressions, Machine Learning 1996;24:49-64, doi:10.1007/BF00117832.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from model_build.data.labels import Labels
from model_build.learn.calibration import logistic_fit, sigmoid_fit
from model_build.site.blend import Blend, mixed
from model_build.site.local_members import Margins
from sepsis_detect.clinical.stay import BoolArray, FloatArray

REFITS = (0.0, 0.25, 0.5, 0.75, 1.0)  # shares of the change of the leaves that are tried
WEIGHT_DECIMALS = 2


@dataclass(frozen=True, slots=True)
class LocalMargins:
    """What was learnt on the stays of a hospital, by fits that never saw the hour's patient.

    Attributes:
        change: Shape (n_hours,), of the given margin by refitted leaves.
        own: Shape (n_sizes, n_hours), of the hospital's own trees.
    """

    change: FloatArray
    own: Margins

    @classmethod
    def none(cls, n_hours: int) -> Self:
        """Where nothing is fitted: NaN, not read."""
        return cls(np.full(n_hours, np.nan), np.full((1, n_hours), np.nan))

    def of(self, rows: BoolArray) -> "LocalMargins":
        """The same for some of the hours."""
        return LocalMargins(self.change[rows], self.own[:, rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenBlend:
    """A blend and the size of the hospital's own trees.

    Attributes:
        blend: Shares and sigmoid.
        size: Index of the number of trees a member; 0 where their weight is 0.
    """

    blend: Blend
    size: int


def chosen_blend(
    given: FloatArray,
    local: LocalMargins,
    labels: Labels,
    rows: BoolArray,
    *,
    max_share: float = 1.0,
) -> ChosenBlend:
    """The likeliest blend of some hours.

    Args:
        given: Shape (n_hours,), margins of the given model.
        local: Of the same hours.
        labels: Shape (n_hours,).
        rows: Shape (n_hours,), the hours to choose on.
        max_share: Largest share of the refitted leaves, and largest weight of its own trees.

    Raises:
        ValueError: The labels can be separated by a margin: no sigmoid fits.
    """
    known, given, local = labels[rows], given[rows], local.of(rows)
    found = [
        _fitted(given, local, known, refit=refit, size=size, max_share=max_share)
        for refit in REFITS
        if refit <= max_share
        for size in (None, *range(len(local.own)))
    ]
    likelihoods = [likelihood for _, likelihood in found]
    return found[int(np.argmax(likelihoods))][0]


def _fitted(
    given: FloatArray,
    local: LocalMargins,
    labels: Labels,
    *,
    refit: float,
    size: int | None,
    max_share: float,
) -> tuple[ChosenBlend, float]:
    """The blend with a share and a size (None: no trees of its own), and its likelihood."""
    moved = mixed(given, local.change, given, refit=refit, weight=0.0)
    own = local.own[size or 0]
    weight = 0.0 if size is None else _weight(moved, own, labels, max_share)
    margins = mixed(moved, moved, own, refit=0.0, weight=weight)
    slope, intercept = sigmoid_fit(margins, labels)
    blend = Blend(refit=refit, weight=weight, slope=slope, intercept=intercept)
    chosen = ChosenBlend(blend=blend, size=(size or 0) if weight else 0)
    return chosen, _likelihood(slope * margins + intercept, labels)


def recalibrated(given: FloatArray, labels: Labels, rows: BoolArray) -> Blend:
    """The given model alone, with the sigmoid of some hours."""
    slope, intercept = sigmoid_fit(given[rows], labels[rows])
    return Blend(refit=0.0, weight=0.0, slope=slope, intercept=intercept)


def shifted(given: FloatArray, labels: Labels, rows: BoolArray) -> Blend:
    """The given model alone, its log-odds shifted to the rate of some hours.

    For few septic stays: a slope of theirs would be noise.
    """
    nothing = np.zeros((int(rows.sum()), 0))
    intercept = float(logistic_fit(nothing, labels[rows], offset=given[rows])[-1])
    return Blend(refit=0.0, weight=0.0, slope=1.0, intercept=intercept)


def _weight(given: FloatArray, own: FloatArray, labels: Labels, max_share: float) -> float:
    """The own margin's share of both slopes, from 0 to `max_share`."""
    columns = np.column_stack([given, own])
    of_given, of_own, _ = logistic_fit(columns, labels, offset=np.zeros(len(labels)))
    if of_own <= 0:
        return 0.0
    share = of_own / (max(of_given, 0.0) + of_own)
    return round(min(float(share), max_share), WEIGHT_DECIMALS)


def _likelihood(logits: FloatArray, labels: Labels) -> float:
    return float(logits[labels == 1].sum() - np.logaddexp(0.0, logits).sum())
