"""Stage `learning-curve`: what a hospital gains by adapting a model to so many of its own stays.

A model fitted in one hospital alone is adapted to the other with some of its stays, and judged on
the first 36 hours of local stays that took no part. *Native* is the same recipe fitted in that
hospital, out of fold. What crossing costs is native less the given model as it comes; what is won
back is a share of that, on the same stays and the same draws of patients.

Samples of one size do not overlap; a figure is the mean over them. With all local stays the
adaptation is cross-validated. Every fit is cached: an interrupted run goes on where it stopped.
"""

import logging
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import permutations
from pathlib import Path

import numpy as np

from model_build.config import LearningCurve, Recipe
from model_build.data.cohort import Cohort
from model_build.data.dataset import dataset
from model_build.judge.figures import Figures, json_values, write_json
from model_build.judge.group_figures import Hours
from model_build.judge.patient_bootstrap import Resampling
from model_build.report.plots import style
from model_build.report.plots.learning_curve import learning_curve as plot
from model_build.site.adapt import MIN_SEPTIC_STAYS, MIN_SEPTIC_STAYS_FOR_MEMBERS
from model_build.site.adapt_figures import Scored, as_figure, drawn_figures
from model_build.site.learning_curve_crossing import (
    CALIBRATION,
    MEMBERS,
    REFUSED,
    Adaptation,
    Crossing,
    Native,
    sample,
)
from sepsis_detect.clinical.stay import BoolArray, FloatArray

log = logging.getLogger(__name__)

FIGURES = "learning_curve.json"
PLOT = "learning_curve.svg"
SHOWN = ("auroc", "auprc", "utility", "alerts_per_patient_day")
WON_BACK = ("auroc", "utility")
NOTHING, ALL, NATIVE, NATIVE_OF_EVERY_VARIABLE = "0", "all", "native", "native, every variable"

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
    directions = {
        (source, target): Direction(Crossing(natives[source], natives[target], local), settings)
        for source, target in permutations(natives, 2)
    }
    samples = {}
    for names, direction in directions.items():  # both before the long fits on all stays
        log.info("%s to %s", *names)
        samples[names] = direction.samples()
    rows: list[Figures] = []
    for (source, target), direction in directions.items():
        found_rows = direction.rows(samples[source, target])
        rows += [{"source": source, "target": target} | row for row in found_rows]
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
    write_json(found, out / FIGURES)
    style.save_plot(plot, found, out / PLOT)
    log.info("%s and %s written", out / FIGURES, out / PLOT)


@dataclass(frozen=True)
class Point:
    """Adaptations to stays of one number, each with the stays it is judged on.

    Attributes:
        label: In the report.
        adaptations: One a sample.
        judged: Shape (n_stays,) each.
    """

    label: str
    adaptations: list[Adaptation]
    judged: list[BoolArray]


@dataclass(frozen=True)
class Direction:
    """Figures of one direction.

    Attributes:
        crossing: The models.
        settings: Sizes and draws.
    """

    crossing: Crossing
    settings: LearningCurve

    def samples(self) -> list[Point]:
        """Adaptations to samples of each size that leaves stays to judge."""
        points = []
        for size, n_samples in self.settings.stays:
            numbers = [d for d in range(n_samples) if (d + 1) * size < self._n_stays]
            if numbers:
                points.append(self._point(size, numbers))
                log.info("%s", _line(self._row(points[-1], native=self.crossing.native())))
        return points

    def rows(self, points: list[Point]) -> list[Figures]:
        """One row a size, from no local stays to all, then the native models."""
        crossing = self.crossing
        native, native_of_more = crossing.native(), crossing.native_of_every_variable()
        everybody = np.ones(self._n_stays, dtype=np.bool_)

        def row(label: str, adaptation: Adaptation) -> Figures:
            point = Point(label, [adaptation], [everybody])
            return self._row(point, native=native, native_of_more=native_of_more)

        rows = [row(NOTHING, Adaptation(scored=crossing.as_given(), kind=REFUSED))]
        rows += [self._row(p, native=native, native_of_more=native_of_more) for p in points]
        rows.append(row(ALL, crossing.with_all()))
        log.info("%s", _line(rows[-1]))
        for label, scored in ((NATIVE, native), (NATIVE_OF_EVERY_VARIABLE, native_of_more)):
            rows.append(row(label, Adaptation(scored=scored, kind=MEMBERS)))
        return rows

    def _point(self, size: int, numbers: list[int]) -> Point:
        cohort = self.crossing.target.data.cohort
        used = [sample(cohort, size, number) for number in numbers]
        return Point(
            f"{size:,}",
            [
                self.crossing.with_sample(stays, f"{size}-{number}")
                for number, stays in zip(numbers, used, strict=True)
            ],
            [~stays for stays in used],
        )

    def _row(
        self, point: Point, *, native: Scored, native_of_more: Scored | None = None
    ) -> Figures:
        """Means over samples, and the shares of what crossing costs that are won back."""
        as_given = self.crossing.as_given()
        scored = [adaptation.scored for adaptation in point.adaptations]
        adapted = self._mean(scored, point.judged)
        crossed = self._mean([as_given] * len(scored), point.judged)
        found: Figures = {"label": point.label} | _notes(point.adaptations)
        found |= {name: as_figure(draws) for name, draws in adapted.items()}
        references = {"won_back": native, "won_back_of_every_variable": native_of_more}
        for name, reference in references.items():
            if reference is not None:
                whole = self._mean([reference] * len(scored), point.judged)
                found[name] = _won_back(adapted, crossed, whole)
        return found

    def _mean(self, scored: list[Scored], judged: list[BoolArray]) -> Draws:
        draws = [self._drawn(of, stays) for of, stays in zip(scored, judged, strict=True)]
        return {name: np.mean([of[name] for of in draws], axis=0) for name in SHOWN}

    def _drawn(self, scored: Scored, judged: BoolArray) -> Draws:
        """Figures on the first 36 hours of some stays, shape (n_stays,)."""
        data = self.crossing.target.data
        rows = data.is_uncut & judged[data.cohort.stay_of_hour]
        part, of = data.of(rows), scored.of(rows)
        stays = np.unique(data.cohort.stay_of_hour[rows])
        hours = Hours.scored(part, of.probabilities, of.thresholds)
        return drawn_figures(hours, Resampling(self._resampling.counts[:, stays]))

    @property
    def _n_stays(self) -> int:
        return self.crossing.target.data.cohort.stay.n_stays

    @cached_property
    def _resampling(self) -> Resampling:
        """Draws of the target's patients, the same for all figures."""
        return Resampling.of(self._n_stays, draws=self.settings.draws)


def _won_back(adapted: Draws, crossed: Draws, native: Draws) -> Figures:
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            name: as_figure((adapted[name] - crossed[name]) / (native[name] - crossed[name]))
            for name in WON_BACK
        }


def _notes(adaptations: list[Adaptation]) -> Figures:
    fitted = [each for each in adaptations if each.kind == MEMBERS]
    return {
        "samples": len(adaptations),
        "refused": sum(each.kind == REFUSED for each in adaptations),
        "calibration_only": sum(each.kind == CALIBRATION for each in adaptations),
        "refit": float(np.mean([each.refit for each in fitted])) if fitted else None,
        "weight": float(np.mean([each.weight for each in fitted])) if fitted else None,
    }


def _line(row: Figures) -> str:
    """A row for the log."""
    figures = ", ".join(f"{name} {row[name].value:.4f}" for name in SHOWN)
    won = ", ".join(f"{name} {of.value:.2f}" for name, of in row["won_back"].items())
    shares = f"refit {row['refit']}, weight {row['weight']}"
    return f"{row['label']} stays: {figures}; won back: {won}; {shares}"
