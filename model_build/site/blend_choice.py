"""Choice of weight, size and sigmoid of a blend, on patients that the local members never saw.

Given and local margin are the two columns of a logistic regression (stacking): its two slopes are
weight and slope of the blend. Of several sizes of the local members the likeliest is taken.

Source: Breiman, Stacked regressions, Machine Learning 1996;24:49-64, doi:10.1007/BF00117832.
"""

from dataclasses import dataclass

import numpy as np

from model_build.data.labels import Labels
from model_build.learn.calibration import logistic_fit, sigmoid_fit
from model_build.site.blend import Blend, mixed
from model_build.site.local_members import Margins
from sepsis_detect.clinical.stay import BoolArray, FloatArray

WEIGHT_DECIMALS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenBlend:
    """A blend and the size of its local members.

    Attributes:
        blend: Weight and sigmoid.
        size: Index of the number of trees a member; 0 where the weight is 0.
    """

    blend: Blend
    size: int


def chosen_blend(
    given: FloatArray,
    local: Margins,
    labels: Labels,
    rows: BoolArray,
    *,
    max_weight: float = 1.0,
) -> ChosenBlend:
    """The likeliest blend of some hours.

    Args:
        given: Shape (n_hours,), margins of the given model.
        local: Shape (n_sizes, n_hours), margins of local members that never saw the patients.
        labels: Shape (n_hours,).
        rows: Shape (n_hours,), the hours to choose on.
        max_weight: Largest weight of the local members.

    Raises:
        ValueError: The labels can be separated by a margin: no sigmoid fits.
    """
    known = labels[rows]
    chosen, reached = ChosenBlend(blend=recalibrated(given, labels, rows), size=0), -np.inf
    for size, margins in enumerate(local[:, rows]):
        weight = _weight(given[rows], margins, known, max_weight)
        if weight == 0:
            continue
        found = mixed(given[rows], margins, weight)
        slope, intercept = sigmoid_fit(found, known)
        likelihood = _likelihood(slope * found + intercept, known)
        if likelihood > reached:
            blend = Blend(weight=weight, slope=slope, intercept=intercept)
            chosen, reached = ChosenBlend(blend=blend, size=size), likelihood
    return chosen


def recalibrated(given: FloatArray, labels: Labels, rows: BoolArray) -> Blend:
    """The given model alone, with the sigmoid of some hours."""
    slope, intercept = sigmoid_fit(given[rows], labels[rows])
    return Blend(weight=0.0, slope=slope, intercept=intercept)


def shifted(given: FloatArray, labels: Labels, rows: BoolArray) -> Blend:
    """The given model alone, its log-odds shifted to the rate of some hours.

    For few septic stays: a slope of theirs would be noise.
    """
    nothing = np.zeros((int(rows.sum()), 0))
    intercept = float(logistic_fit(nothing, labels[rows], offset=given[rows])[-1])
    return Blend(weight=0.0, slope=1.0, intercept=intercept)


def _weight(given: FloatArray, local: FloatArray, labels: Labels, max_weight: float) -> float:
    """The local margin's share of both slopes, from 0 to `max_weight`."""
    columns = np.column_stack([given, local])
    of_given, of_local, _ = logistic_fit(columns, labels, offset=np.zeros(len(labels)))
    if of_local <= 0:
        return 0.0
    share = of_local / (max(of_given, 0.0) + of_local)
    return round(min(float(share), max_weight), WEIGHT_DECIMALS)


def _likelihood(logits: FloatArray, labels: Labels) -> float:
    return float(logits[labels == 1].sum() - np.logaddexp(0.0, logits).sum())
