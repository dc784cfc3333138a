"""Local members: gradient boostings fitted on a hospital's own stays, without some folds.

Every fit is scored on the folds it never saw, at several numbers of trees, so that weight and size
of the local members are chosen on other patients than those they are judged on. A fit without two
folds serves both: one is judged, the other belongs to the choice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model_build.config import Recipe
from model_build.data.dataset import Dataset
from model_build.learn.ensemble import HOURS_AT_A_TIME, AveragedGradientBoosting
from sepsis_detect.clinical.stay import BoolArray, Float32Array, FloatArray, IntArray

Margins = NDArray[np.float64]
"""Shape (n_sizes, n_hours); NaN for hours of a fold that is left out."""
Cached = Callable[[str, Callable[[], Margins]], Margins]


def computed(_: str, compute: Callable[[], Margins]) -> Margins:
    """A result that is computed each time."""
    return compute()


@dataclass(frozen=True)
class LocalMembers:
    """Fits of the local members on all folds but some.

    Attributes:
        data: The hospital's hours.
        recipe: How they are fitted; `recipe.iterations` is the largest size.
        sizes: Numbers of trees a member, rising.
        fold: Shape (n_hours,), of the hour's patient.
        cached: Gives a result by name, computed if it is not known yet.
    """

    data: Dataset
    recipe: Recipe
    sizes: tuple[int, ...]
    fold: IntArray
    cached: Cached = computed

    def fit(self, rows: BoolArray, size: int) -> AveragedGradientBoosting:
        """Fit on some hours, shape (n_hours,), with `size` trees a member."""
        chosen = np.flatnonzero(rows)
        signed_weights = self.data.signed_weights(self.recipe.objective, chosen)
        learner = AveragedGradientBoosting.of(self.recipe)
        learner.max_iter = size
        return learner.fit(self.data.X, signed_weights > 0, np.abs(signed_weights), chosen)

    def without(self, *left_out: int) -> Margins:
        """Fit on all folds but these and score their hours: shape (n_sizes, n_scored)."""
        scored = np.isin(self.fold, left_out)

        def compute() -> Margins:
            ensemble = self.fit(~scored, self.sizes[-1])
            return staged_margins(ensemble, self.data.X[scored], self.sizes)

        sizes, names = ("-".join(map(str, of)) for of in (self.sizes, left_out))
        return self.cached(f"trees-{sizes}-without-{names}", compute)

    def out_of_fold(self, *, progress: bool) -> Margins:
        """Margins of each fold by a fit on all others."""
        found = self._nothing()
        for k in tqdm(self._folds, "local members", disable=not progress):
            found[:, self.fold == k] = self.without(k)
        return found

    def out_of_two_folds(self, *, progress: bool) -> list[Margins]:
        """For each fold k: margins of each other fold j by a fit on all but j and k."""
        found = [self._nothing() for _ in self._folds]
        pairs = list(combinations(self._folds, 2))
        for j, k in tqdm(pairs, "local members, two folds left out", disable=not progress):
            is_j, is_k = self.fold == j, self.fold == k
            margins, scored = self.without(j, k), is_j | is_k
            found[k][:, is_j] = margins[:, is_j[scored]]
            found[j][:, is_k] = margins[:, is_k[scored]]
        return found

    @property
    def _folds(self) -> list[int]:
        return list(range(int(self.fold.max()) + 1))

    def _nothing(self) -> Margins:
        return np.full((len(self.sizes), len(self.fold)), np.nan)


def staged_margins(
    ensemble: AveragedGradientBoosting, X: Float32Array, sizes: tuple[int, ...]
) -> Margins:
    """Mean margin of the members with their first trees alone: shape (n_sizes, n_hours).

    The same as of fits with so many trees: a tree does not depend on later ones.
    """
    found = np.zeros((len(sizes), len(X)))
    for first in range(0, len(X), HOURS_AT_A_TIME):
        hours = slice(first, first + HOURS_AT_A_TIME)
        codes = ensemble.bins_.encode(X[hours]).astype(np.float64)
        for member in ensemble.members_:
            found[:, hours] += _staged(member, codes, sizes)
    return found / len(ensemble.members_)


def _staged(member: Any, codes: FloatArray, sizes: tuple[int, ...]) -> Margins:
    stages = enumerate(member.staged_decision_function(codes), start=1)
    return np.stack([margins.copy() for n_trees, margins in stages if n_trees in sizes])
