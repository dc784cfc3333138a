"""Stage `learning-curve`: what a hospital gains by adapting a model to so many of its own stays.

A model fitted in one hospital alone is adapted to the other with some of its stays, and judged on
the first 36 hours of local stays that took no part. *Native* is the same recipe fitted in that
hospital, out of fold. What crossing costs is native less the given model as it comes; what is won
back is a share of that, on the same stays and the same draws of patients.

Samples of one size do not overlap; a figure is the mean over them. With all local stays the
adaptation is cross-validated. Every fit is cached: an interrupted run goes on where it stopped.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from model_build.config import LOCAL_SIZES, LearningCurve, Recipe
from model_build.data.cohort import Cohort
from model_build.data.dataset import Dataset, dataset
from model_build.data.split import rank
from model_build.judge.figures import Figures, json_values
from model_build.judge.group_figures import Hours
from model_build.judge.judgement import chosen_threshold
from model_build.judge.patient_bootstrap import Resampling
from model_build.learn.calibration import sigmoid
from model_build.learn.export import merged_trees
from model_build.learn.onnx_inference import served_scores, session
from model_build.learn.out_of_fold import OutOfFold, fit, out_of_fold
from model_build.learn.results_cache import ResultsCache
from model_build.report.plots import style
from model_build.report.plots.learning_curve import learning_curve as plot
from model_build.site.adapt import (
    MIN_SEPTIC_STAYS,
    MIN_SEPTIC_STAYS_FOR_MEMBERS,
    has_enough_for_members,
    septic_counts,
)
from model_build.site.adapt_figures import Scored, as_figure, drawn_figures
from model_build.site.adapt_operating_point import OperatingPointRule
from model_build.site.adaptation import Choice, Site, folds_of
from model_build.site.blend import blended_graph
from model_build.site.blend_choice import LocalMargins
from model_build.site.given_model import GivenTrees
from model_build.site.local_fits import LocalFits
from model_build.site.local_members import LocalMembers
from sepsis_detect.clinical.stay import BoolArray, FloatArray

log = logging.getLogger(__name__)

FIGURES = "learning_curve.json"
PLOT = "learning_curve.svg"
SHOWN = ("auroc", "auprc", "utility", "alerts_per_patient_day")
WON_BACK = ("auroc", "utility")
SEED = 36  # of the samples
RULE = OperatingPointRule()

Draws = dict[str, FloatArray]
"""Figures on all patients, then on each draw: shape (1 + n_draws,) each."""


def learning_curve(
    cohort: Cohort,
    recipe: Recipe,
    local: Recipe,
    settings: LearningCurve,
    *,
    out: Path,
    work: Path,
) -> Figures:
    """Adapt in both directions and write `learning_curve.json` and its plot.

    Args:
        cohort: The patients; `recipe.max_patients` of them are used.
        recipe: Of the given and the native models, with `settings.members` members.
        local: Of the local members, with as many.
        settings: Sizes and draws.
        out: Folder of the results.
        work: Folder of the results cache.

    Returns:
        The content of `learning_curve.json`.
    """
    if recipe.max_patients is not None:
        cohort = cohort.sample(recipe.max_patients, seed=recipe.seed)
    recipe, local = (replace(of, members=settings.members) for of in (recipe, local))
    more = (name for name in local.features if name not in recipe.features)
    everything = dataset(cohort, (*recipe.features, *more), progress=True)
    natives = {
        str(name): Native.fitted(everything.of(everything.hospitals == name), recipe, work)
        for name in np.unique(cohort.hospitals)
    }
    rows: list[Figures] = []
    for source, target in permutations(natives, 2):
        log.info("%s to %s", source, target)
        crossing = Crossing(natives[source], natives[target], local, settings)
        rows += [{"source": source, "target": target} | row for row in crossing.rows()]
    found: Figures = json_values(
        {
            "settings": asdict(settings),
            "local_recipe": asdict(local),
            "min_septic_stays": MIN_SEPTIC_STAYS,
            "min_septic_stays_for_members": MIN_SEPTIC_STAYS_FOR_MEMBERS,
            "patients": cohort.stay.n_stays,
            "rows": rows,
        }
    )
    write(found, out)
    return found


def write(found: Figures, out: Path) -> None:
    """Write figures and plot; the same figures give the same bytes."""
    out.mkdir(parents=True, exist_ok=True)
    (out / FIGURES).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    with style.applied():
        style.save(plot(found), out / PLOT)
    log.info("%s and %s written", out / FIGURES, out / PLOT)


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
        thresholds = np.empty(len(self.scores.fold), dtype=np.float32)
        for k in np.unique(self.scores.fold):
            others = (self.scores.fold != k) & self.data.is_uncut
            chosen = chosen_threshold(self.data, self.scores.probabilities, others)
            thresholds[self.scores.fold == k] = chosen
        return Scored(self.scores.probabilities, thresholds)


@dataclass(frozen=True)
class Crossing:
    """One direction: the model of `source` adapted to `target`.

    Attributes:
        source, target: The two hospitals.
        local: Recipe of the local members.
        settings: Sizes and draws.
    """

    source: Native
    target: Native
    local: Recipe
    settings: LearningCurve

    @cached_property
    def given_model(self) -> GivenTrees:
        """The given model: of all stays of the source."""
        return self.source.given()

    @cached_property
    def given(self) -> FloatArray:
        """Shape (n_hours,): margins of the given model in the target hospital."""
        margins: FloatArray = self.cache.get_or_compute(
            f"given-{self.direction}", lambda: self.given_model.margins(self.target.data.X)
        )
        return margins

    @property
    def direction(self) -> str:
        """Names the given model in the cache of the target."""
        return f"from-{self.source.cache.folder.name}"

    @cached_property
    def cache(self) -> ResultsCache:
        """Of everything fitted in the target; its folder depends on code and recipe."""
        return ResultsCache.open(self.target.cache.folder, self.local, self.target.data)

    @cached_property
    def as_given(self) -> Scored:
        """The given model as it comes, at its own threshold."""
        probabilities = sigmoid(self.given).astype(np.float32)
        return Scored(probabilities, np.full(len(probabilities), np.float32(self.source.threshold)))

    @cached_property
    def native(self) -> Scored:
        """The target's own model, out of fold."""
        return self.target.cross_fitted()

    @cached_property
    def resampling(self) -> Resampling:
        """Draws of the target's patients, the same for all figures."""
        n_stays = self.target.data.cohort.stay.n_stays
        return Resampling.of(n_stays, draws=self.settings.draws)

    def rows(self) -> list[Figures]:
        """One row a size, from no local stays to all, then the native model."""
        n_stays = self.target.data.cohort.stay.n_stays
        everybody = np.ones(n_stays, dtype=np.bool_)
        crossed, native = self._drawn(self.as_given, everybody), self._drawn(self.native, everybody)
        rows = [_row("0", 0, [crossed], [crossed], [native], [])]
        for size, n_samples in self.settings.stays:
            samples = [(size, d) for d in range(n_samples) if (d + 1) * size < n_stays]
            if samples:
                rows.append(self._sampled(samples))
                log.info("%s", _line(rows[-1]))
        scored, notes = self._with_all()
        adapted = self._drawn(scored, everybody)
        rows.append(_row("all", n_stays, [adapted], [crossed], [native], notes))
        log.info("%s", _line(rows[-1]))
        return [*rows, _row("native", n_stays, [native], [crossed], [native], [])]

    def _sampled(self, samples: list[tuple[int, int]]) -> Figures:
        adapted: list[Draws] = []
        crossed: list[Draws] = []
        native: list[Draws] = []
        notes: list[Figures] = []
        for size, number in samples:
            used = sample(self.target.data.cohort, size, number)
            scored, note = self._with(used, f"{size}-{number}")
            notes.append(note)
            for of, into in ((scored, adapted), (self.as_given, crossed), (self.native, native)):
                into.append(self._drawn(of, ~used))
        size = samples[0][0]
        return _row(f"{size:,}", size, adapted, crossed, native, notes)

    def _with(self, used: BoolArray, name: str) -> tuple[Scored, Figures]:
        """Answers of the model adapted to some stays, for all hours, and what was chosen."""
        data = self.target.data
        hours = used[data.cohort.stay_of_hour]
        part = data.of(hours)
        n_early, n_septic = septic_counts(part)
        if n_early < MIN_SEPTIC_STAYS:
            return self.as_given, {"kind": "refused"}
        site = Site(part, self.given[hours], folds_of(part), RULE)
        everything = np.ones(len(part.X), dtype=np.bool_)
        if not has_enough_for_members(n_septic):
            choice = site.recalibration(everything, is_shift=True)
            nothing = LocalMargins.none(len(self.given))
            probabilities = choice.probabilities(self.given, nothing)
            return _constant(probabilities, choice.threshold), {"kind": "calibration"}
        fits = self._fits(site, name, needs_pairs=False)
        choice = site.choice(fits.out_of_fold, everything)
        probabilities = self._cached(name, "probabilities", lambda: self._answers(fits, choice))
        note = {"kind": "members", "refit": choice.blend.refit, "weight": choice.blend.weight}
        return _constant(probabilities, choice.threshold), note

    def _answers(self, fits: LocalFits, choice: Choice) -> FloatArray:
        """Shape (n_hours,): of the model fitted on some stays, for all hours of the target."""
        local = fits.on_all(LOCAL_SIZES[choice.size] if choice.blend.weight else None)
        graph = blended_graph(self.given_model, local, choice.blend)
        return served_scores(session(graph), self.target.data.X).astype(np.float64)

    def _with_all(self) -> tuple[Scored, list[Figures]]:
        """Cross-validated answers of the model adapted to all stays."""
        data = self.target.data
        site = Site(data, self.given, folds_of(data), RULE)
        fits = self._fits(site, "all", needs_pairs=True)
        choices = [
            site.choice(local, site.fold != k) for k, local in enumerate(fits.out_of_two_folds)
        ]
        notes = [
            {"kind": "members", "refit": c.blend.refit, "weight": c.blend.weight} for c in choices
        ]
        return site.scored(choices, fits.out_of_fold), notes

    def _fits(self, site: Site, name: str, *, needs_pairs: bool) -> LocalFits:
        """All fits on a sample; every one is cached."""
        members = LocalMembers(
            site.data,
            self.local,
            LOCAL_SIZES,
            site.fold,
            lambda part, compute: self._cached(name, part, compute),
        )
        return LocalFits.made(
            self.given_model,
            site.given,
            members,
            needs_pairs=needs_pairs,
            cached=lambda compute: self._cached(name, f"leaves-{self.direction}", compute),
            progress=True,
        )

    def _cached(self, name: str, part: str, compute: Callable[[], Any]) -> Any:
        return self.cache.get_or_compute(f"{name}-{part}", compute)

    def _drawn(self, scored: Scored, judged: BoolArray) -> Draws:
        """Figures on the first 36 hours of some stays, shape (n_stays,)."""
        data = self.target.data
        rows = data.is_uncut & judged[data.cohort.stay_of_hour]
        part, of = data.of(rows), scored.of(rows)
        stays = np.unique(data.cohort.stay_of_hour[rows])
        hours = Hours.scored(part, of.probabilities, of.thresholds)
        return drawn_figures(hours, Resampling(self.resampling.counts[:, stays]))


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


def _row(
    label: str,
    stays: int,
    adapted: list[Draws],
    crossed: list[Draws],
    native: list[Draws],
    notes: list[Figures],
) -> Figures:
    """Means over samples, and the shares of what crossing costs that are won back."""
    means = [
        {name: np.mean([of[name] for of in sample], axis=0) for name in SHOWN}
        for sample in (adapted, crossed, native)
    ]
    of_adapted, of_crossed, of_native = means
    with np.errstate(invalid="ignore", divide="ignore"):
        won_back = {
            name: (of_adapted[name] - of_crossed[name]) / (of_native[name] - of_crossed[name])
            for name in WON_BACK
        }
    chosen = [note for note in notes if note["kind"] == "members"]
    return {
        "label": label,
        "stays": stays,
        "samples": len(adapted),
        "refused": sum(note["kind"] == "refused" for note in notes),
        "calibration_only": sum(note["kind"] == "calibration" for note in notes),
        **{
            name: float(np.mean([note[name] for note in chosen])) if chosen else None
            for name in ("refit", "weight")
        },
        **{name: as_figure(draws) for name, draws in of_adapted.items()},
        "won_back": {name: as_figure(draws) for name, draws in won_back.items()},
    }


def _line(row: Figures) -> str:
    """A row for the log."""
    figures = ", ".join(f"{name} {row[name].value:.4f}" for name in SHOWN)
    won = ", ".join(f"{name} {of.value:.2f}" for name, of in row["won_back"].items())
    shares = f"refit {row['refit']}, weight {row['weight']}"
    return f"{row['label']} stays: {figures}; won back: {won}; {shares}"
