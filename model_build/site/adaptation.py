"""The adaptation of a given model to the stays of one hospital: its parts and its choices.

Folds are by patient. Everything that is chosen (share of the refitted leaves, weight and size of
the hospital's own trees, sigmoid, threshold) is chosen on margins of fits that never saw the
patients, and every figure is of patients that took no part in any of it.
"""

from dataclasses import dataclass

import numpy as np

from model_build.data.dataset import Dataset
from model_build.data.split import folds
from model_build.site.adapt_figures import Scored
from model_build.site.adapt_operating_point import OperatingPointRule
from model_build.site.blend import Blend
from model_build.site.blend_choice import (
    ChosenBlend,
    LocalMargins,
    chosen_blend,
    recalibrated,
    shifted,
)
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray

FOLDS = 5
SEED = 20191  # of the folds; others than those of the training


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is chosen on some hours.

    Attributes:
        blend: Shares and sigmoid.
        size: Index of the number of trees a local member.
        threshold: Flagged is `probability >= threshold`.
    """

    blend: Blend
    size: int
    threshold: float

    def probabilities(self, given: FloatArray, local: LocalMargins) -> FloatArray:
        """Shape (n_hours,): calibrated probabilities of hours."""
        return self.blend.probabilities(given, local.change, local.own[self.size])


@dataclass(frozen=True)
class Site:
    """Hours of a hospital with the margins of the given model.

    Attributes:
        data: Whole stays, with the features of the given model.
        given: Shape (n_hours,), margins of the given model.
        fold: Shape (n_hours,), of the hour's patient.
        rule: How the threshold is chosen.
    """

    data: Dataset
    given: FloatArray
    fold: IntArray
    rule: OperatingPointRule

    def choice(self, local: LocalMargins, rows: BoolArray, *, max_share: float = 1.0) -> Choice:
        """Choose blend and threshold on the first 36 hours among some hours.

        Args:
            local: By fits that never saw the hour's patient.
            rows: Shape (n_hours,).
            max_share: Largest share of the refitted leaves, and largest weight of its own trees.

        Raises:
            ValueError: These hours are too few, or separable.
        """
        rows = rows & self.data.is_uncut
        chosen = chosen_blend(self.given, local, self.data.labels, rows, max_share=max_share)
        return self._with_threshold(chosen, local, rows)

    def recalibration(self, rows: BoolArray, *, is_shift: bool) -> Choice:
        """Choose sigmoid and threshold of the given model alone.

        Args:
            rows: Shape (n_hours,).
            is_shift: Whether the slope stays: for few septic stays.
        """
        rows = rows & self.data.is_uncut
        fit = shifted if is_shift else recalibrated
        blend = fit(self.given, self.data.labels, rows)
        nothing = LocalMargins.none(len(self.given))
        return self._with_threshold(ChosenBlend(blend=blend, size=0), nothing, rows)

    def _with_threshold(self, chosen: ChosenBlend, local: LocalMargins, rows: BoolArray) -> Choice:
        own = local.own[chosen.size]
        probabilities = chosen.blend.probabilities(self.given, local.change, own)
        threshold = self.rule.threshold(self.data, probabilities.astype(np.float32), rows)
        return Choice(blend=chosen.blend, size=chosen.size, threshold=threshold)

    def scored(self, choices: list[Choice], local: LocalMargins) -> Scored:
        """Each fold under the choice made on the others.

        Args:
            choices: One a fold.
            local: Each fold by fits on the others.
        """
        probabilities = np.empty(len(self.fold), dtype=np.float32)
        thresholds = np.empty(len(self.fold), dtype=np.float32)
        for k, choice in enumerate(choices):
            own = self.fold == k
            probabilities[own] = choice.probabilities(self.given[own], local.of(own))
            thresholds[own] = choice.threshold
        return Scored(probabilities, thresholds)


def folds_of(data: Dataset) -> IntArray:
    """Shape (n_hours,): the fold of each hour's patient."""
    ids = data.cohort.patient_ids.tolist()
    by_patient: IntArray = folds(ids, n_folds=FOLDS, seed=SEED)
    return by_patient[data.cohort.stay_of_hour]
