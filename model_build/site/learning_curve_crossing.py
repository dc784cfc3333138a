"""One direction of the learning curve: a model of one hospital adapted to stays of the other.

Every fit is cached: own trees by recipe, data and code of the learner, what depends on the given
model also by the code of refit and choice.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from model_build.config import LOCAL_SIZES, Recipe
from model_build.data.cohort import Cohort
from model_build.data.dataset import Dataset
from model_build.data.split import rank
from model_build.judge.judgement import chosen_threshold
from model_build.learn.calibration import sigmoid, sigmoid_fit
from model_build.learn.export import merged_trees
from model_build.learn.onnx_inference import served_scores, session
from model_build.learn.out_of_fold import OutOfFold, fit, out_of_fold
from model_build.learn.results_cache import ResultsCache
from model_build.site import adaptation, blend, blend_choice, local_fits, refitted_leaves
from model_build.site.adapt import MIN_SEPTIC_STAYS, has_enough_for_members, septic_counts
from model_build.site.adapt_figures import Scored
from model_build.site.adapt_operating_point import OperatingPointRule
from model_build.site.adaptation import Choice, Site, folds_of
from model_build.site.blend import blended_graph
from model_build.site.blend_choice import LocalMargins
from model_build.site.given_model import GivenTrees
from model_build.site.local_fits import LocalFits
from model_build.site.local_members import LocalMembers
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray

SEED = 36  # of the samples
RULE = OperatingPointRule()
MEMBERS, CALIBRATION, REFUSED = "members", "calibration", "refused"
CHOICE_CODE = (adaptation, blend, blend_choice, local_fits, refitted_leaves)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adaptation:
    """A model adapted to some stays.

    Attributes:
        scored: Its answers for all hours of the target.
        kind: `MEMBERS`, `CALIBRATION` alone, or `REFUSED`: the model as it comes.
        refit, weight: Of the blend; mean over folds where it is cross-validated.
    """

    scored: Scored
    kind: str
    refit: float = 0.0
    weight: float = 0.0


@dataclass(frozen=True)
class Native:
    """The recipe fitted in one hospital: out of fold, and on all its stays.

    Attributes:
        data: The hospital's hours, with the features of the recipe and then others.
        recipe: Of the fits, which see its features alone.
        cache: Of the fits.
        scores: Out of fold.
        threshold: Chosen on them.
    """

    data: Dataset
    recipe: Recipe
    cache: ResultsCache
    scores: OutOfFold
    threshold: float

    @classmethod
    def fitted(cls, data: Dataset, recipe: Recipe, work: Path) -> "Native":
        """Fit, or take from the cache."""
        seen = data.select(recipe.features)
        cache = ResultsCache.open(work, recipe, seen)
        scores = out_of_fold(seen, recipe, cache)
        cache.get_or_compute("final", lambda: fit(seen, recipe, np.arange(len(seen.X))))
        threshold = chosen_threshold(data, scores.probabilities, data.is_uncut)
        return cls(data, recipe, cache, scores, threshold)

    def given(self) -> GivenTrees:
        """The model of all its stays, to be adapted to another hospital."""
        ensemble = self.cache.get("final")
        ensemble.slope_, ensemble.intercept_ = self.scores.slope, self.scores.intercept
        narrow = GivenTrees(merged_trees(ensemble), len(self.recipe.features))
        return narrow.widened(self.data.X.shape[1])

    def cross_fitted(self) -> Scored:
        """Its out-of-fold answers, each fold at the threshold that the others choose."""
        return cross_fitted(self.data, self.scores.probabilities, self.scores.fold)


@dataclass(frozen=True)
class Crossing:
    """One direction: the model of `source` adapted to `target`.

    Attributes:
        source, target: The two hospitals.
        local: Recipe of the target's own trees.
    """

    source: Native
    target: Native
    local: Recipe

    @cached_property
    def trees(self) -> GivenTrees:
        """The given model: of all stays of the source."""
        return self.source.given()

    @cached_property
    def given(self) -> FloatArray:
        """Shape (n_hours,): margins of the given model in the target hospital."""
        margins: FloatArray = self._cached(
            f"margins-{self._direction}", lambda: self.trees.margins(self.target.data.X)
        )
        return margins

    def as_given(self) -> Scored:
        """The given model as it comes, at its own threshold."""
        return _constant(sigmoid(self.given), self.source.threshold)

    def native(self) -> Scored:
        """The recipe fitted in the target, out of fold."""
        return self.target.cross_fitted()

    def native_of_every_variable(self) -> Scored:
        """The target's own trees alone, out of fold: they see more than the recipe does."""
        data = self.target.data
        margins = self._all.out_of_fold.own[-1]
        slope, intercept = sigmoid_fit(margins[data.is_uncut], data.labels[data.is_uncut])
        probabilities = sigmoid(slope * margins + intercept).astype(np.float32)
        return cross_fitted(data, probabilities, folds_of(data))

    def with_sample(self, used: BoolArray, name: str) -> Adaptation:
        """Adapt to some stays, shape (n_stays,)."""
        data = self.target.data
        hours = used[data.cohort.stay_of_hour]
        part = data.of(hours)
        n_early, n_septic = septic_counts(part)
        if n_early < MIN_SEPTIC_STAYS:
            return Adaptation(scored=self.as_given(), kind=REFUSED)
        site = Site(part, self.given[hours], folds_of(part), RULE)
        everything = np.ones(len(part.X), dtype=np.bool_)
        if not has_enough_for_members(n_septic):
            choice = site.recalibration(everything, is_shift=True)
            answers = choice.probabilities(self.given, LocalMargins.none(len(self.given)))
            return Adaptation(scored=_constant(answers, choice.threshold), kind=CALIBRATION)
        fits = self._fits(site, name, needs_pairs=False)
        choice = site.choice(fits.out_of_fold, everything)
        answers = self._cached(
            f"{name}-answers-{self._direction}", lambda: self._answers(fits, choice)
        )
        return Adaptation(
            scored=_constant(answers, choice.threshold),
            kind=MEMBERS,
            refit=choice.blend.refit,
            weight=choice.blend.weight,
        )

    def with_all(self) -> Adaptation:
        """Adapt to all stays, cross-validated."""
        site, fits = self._site, self._all
        choices = [
            site.choice(local, site.fold != k) for k, local in enumerate(fits.out_of_two_folds)
        ]
        return Adaptation(
            scored=site.scored(choices, fits.out_of_fold),
            kind=MEMBERS,
            refit=float(np.mean([choice.blend.refit for choice in choices])),
            weight=float(np.mean([choice.blend.weight for choice in choices])),
        )

    @cached_property
    def _site(self) -> Site:
        data = self.target.data
        return Site(data, self.given, folds_of(data), RULE)

    @cached_property
    def _all(self) -> LocalFits:
        return self._fits(self._site, "all", needs_pairs=True)

    def _fits(self, site: Site, name: str, *, needs_pairs: bool) -> LocalFits:
        def own(part: str, compute: Callable[[], Any]) -> Any:
            return self._cached(f"{name}-{part}", compute)

        def leaves(compute: Callable[[], Any]) -> Any:
            return self._cached(f"{name}-leaves-{self._direction}", compute)

        return LocalFits.made(
            self.trees,
            site.given,
            LocalMembers(site.data, self.local, LOCAL_SIZES, site.fold, own),
            needs_pairs=needs_pairs,
            cached=leaves,
            progress=True,
        )

    def _answers(self, fits: LocalFits, choice: Choice) -> FloatArray:
        """Shape (n_hours,): of the model fitted on some stays, for all hours of the target."""
        local = fits.on_all(LOCAL_SIZES[choice.size] if choice.blend.weight else None)
        graph = session(blended_graph(self.trees, local, choice.blend))
        return served_scores(graph, self.target.data.X).astype(np.float64)

    @cached_property
    def _cache(self) -> ResultsCache:
        return ResultsCache.open(self.target.cache.folder, self.local, self.target.data)

    @cached_property
    def _direction(self) -> str:
        """Names the given model, and the code of refit and choice."""
        return f"{self.source.cache.folder.name}-{_digest(CHOICE_CODE)}"

    def _cached(self, name: str, compute: Callable[[], Any]) -> Any:
        return self._cache.get_or_compute(name, compute)


def cross_fitted(data: Dataset, probabilities: Any, fold: IntArray) -> Scored:
    """Answers with each fold at the threshold that the other folds choose."""
    thresholds = np.empty(len(fold), dtype=np.float32)
    for k in np.unique(fold):
        others = (fold != k) & data.is_uncut
        thresholds[fold == k] = chosen_threshold(data, probabilities, others)
    return Scored(probabilities, thresholds)


def sample(cohort: Cohort, size: int, number: int) -> BoolArray:
    """Shape (n_stays,): the sample of this size and number, by a hash of the ids."""
    ids = cohort.patient_ids.tolist()
    order = np.argsort([rank(f"curve:{each}", SEED) for each in ids])
    used = np.zeros(len(ids), dtype=np.bool_)
    used[order[number * size : (number + 1) * size]] = True
    return used


def _constant(probabilities: FloatArray, threshold: float) -> Scored:
    return Scored(
        probabilities.astype(np.float32), np.full(len(probabilities), np.float32(threshold))
    )


def _digest(modules: tuple[ModuleType, ...]) -> str:
    sources = (Path(module.__file__ or "").read_bytes() for module in modules)
    return hashlib.sha256(b"\0".join(sources)).hexdigest()[:8]
