"""Local fits of a hospital: refitted leaves and trees of its own, without one fold and without two.

What a choice rests on, and what it is judged on, are other patients than those of the fits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from model_build.site.blend import LocalModels
from model_build.site.blend_choice import LocalMargins
from model_build.site.given_model import GivenTrees
from model_build.site.local_members import LocalMembers
from model_build.site.refitted_leaves import Refitted, refitted
from sepsis_detect.clinical.stay import FloatArray, IntArray


@dataclass(frozen=True)
class LocalFits:
    """Margins of all local fits by the folds they left out, and the leaves of the last one.

    Attributes:
        members: The hospital's own trees.
        out_of_fold: Each hour by fits without its fold.
        out_of_two_folds: For each fold k: each hour of another fold by fits without both.
        leaves: Shape (n_leaves,), changes of the leaves refitted on all stays.
    """

    members: LocalMembers
    out_of_fold: LocalMargins
    out_of_two_folds: list[LocalMargins]
    leaves: FloatArray

    @classmethod
    def made(
        cls,
        given: GivenTrees,
        margins: FloatArray,
        members: LocalMembers,
        *,
        needs_pairs: bool = True,
        cached: Callable[[Callable[[], Refitted]], Refitted] = lambda compute: compute(),
        progress: bool = False,
    ) -> "LocalFits":
        """Fit everything.

        Args:
            given: The given model.
            margins: Shape (n_hours,), its margins.
            members: How the hospital's own trees are fitted; its folds are those of both.
            needs_pairs: Whether fits without two folds are made: only a judgement needs them.
            cached: Gives the refitted leaves, computed if they are not known yet.
            progress: Whether bars are shown.
        """
        data, fold = members.data, members.fold
        n_folds = int(fold.max()) + 1
        pairs = list(combinations(range(n_folds), 2)) if needs_pairs else []
        left_out = [*pairs, *((k,) for k in range(n_folds)), ()]
        weights = _weights(members, left_out)
        refit = cached(
            lambda: refitted(given.node, data.X, margins, data.labels, weights, progress=progress)
        )
        changes = _Changes(left_out, refit, fold)
        own = members.out_of_fold(progress=progress)
        of_pairs = members.out_of_two_folds(progress=progress) if needs_pairs else []
        return cls(
            members,
            LocalMargins(changes.out_of_fold(), own),
            [LocalMargins(changes.without(k), each) for k, each in enumerate(of_pairs)],
            refit.leaves[-1],
        )

    def on_all(self, size: int | None) -> LocalModels:
        """What is served: fitted on all stays; `size` is None without trees of its own."""
        everything = np.ones(len(self.members.fold), dtype=np.bool_)
        ensemble = None if size is None else self.members.fit(everything, size)
        return LocalModels(self.leaves, ensemble)


def _weights(members: LocalMembers, left_out: list[tuple[int, ...]]) -> NDArray[np.float64]:
    """Shape (n_fits, n_hours): the weight of each hour in each fit, 0 in folds left out."""
    found = np.zeros((len(left_out), len(members.fold)))
    for at, folds in enumerate(left_out):
        known = np.flatnonzero(~np.isin(members.fold, folds))
        signed_weights = members.data.signed_weights(members.recipe.objective, known)
        found[at, known] = np.abs(signed_weights[known])
    return found


@dataclass(frozen=True)
class _Changes:
    """Changes of margins by refitted leaves, by the folds that a fit left out."""

    left_out: list[tuple[int, ...]]
    refit: Refitted
    fold: IntArray

    def out_of_fold(self) -> FloatArray:
        """Shape (n_hours,): each fold by the fit without it."""
        found = np.empty(len(self.fold))
        for k in range(int(self.fold.max()) + 1):
            own = self.fold == k
            found[own] = self.refit.margins[self.left_out.index((k,)), own]
        return found

    def without(self, k: int) -> FloatArray:
        """Shape (n_hours,): each other fold by the fit without it and fold k; NaN in fold k."""
        found = np.full(len(self.fold), np.nan)
        for j in range(int(self.fold.max()) + 1):
            if j != k:
                own = self.fold == j
                pair = (min(j, k), max(j, k))
                found[own] = self.refit.margins[self.left_out.index(pair), own]
        return found
