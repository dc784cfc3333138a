"""Stage `adapt`: a given model made the hospital's own, from the hospital's labelled stays.

The given model's margin is averaged with that of local members, recalibrated, and a threshold is
chosen; all is judged out of fold by patient, against the given model on the same stays. With few
septic stays only calibration and threshold move.
"""

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from model_build.config import Recipe
from model_build.data.cohort import Cohort
from model_build.data.dataset import Dataset, dataset
from model_build.data.labels import LATEST_USEFUL, septic_stays
from model_build.data.record_cut import is_cut
from model_build.judge.figures import Figures, json_values
from model_build.judge.patient_bootstrap import DRAWS
from model_build.learn.calibration import sigmoid
from model_build.learn.ensemble import AveragedGradientBoosting
from model_build.learn.export import require_parity, with_metadata
from model_build.learn.onnx_inference import served_scores, session
from model_build.site import adapt_metadata
from model_build.site.adapt_figures import ADAPTED, GIVEN, RECALIBRATED, Scored, report_figures
from model_build.site.adapt_metadata import AdaptedModel
from model_build.site.adapt_operating_point import OperatingPointRule
from model_build.site.adaptation import FOLDS, Choice, Site, folds_of
from model_build.site.blend import blended_graph
from model_build.site.given_model import GivenModel
from model_build.site.local_members import LocalMembers, Margins
from sepsis_detect.clinical.stay import BoolArray
from sepsis_detect.errors import BadFileError
from sepsis_detect.prediction import features, risk_continuity
from sepsis_detect.prediction.model import Model

log = logging.getLogger(__name__)

MIN_SEPTIC_STAYS = 10  # with a septic hour among the first 36: less, and nothing can be chosen
MIN_SEPTIC_STAYS_FOR_MEMBERS = 30
WEIGHT_STEP = 0.1  # by which the weight is lowered until the risk has no step


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptSettings:
    """How a model is adapted.

    Attributes:
        recipe: Of the local members; its variables are those of the given model.
        sizes: Numbers of trees a member that are tried, rising; the last is `recipe.iterations`.
        draws: Bootstrap draws of patients, for each interval.
        progress: Whether bars are shown.
    """

    recipe: Recipe
    sizes: tuple[int, ...]
    draws: int = DRAWS
    progress: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """The result of an adaptation.

    Attributes:
        artifact: The ONNX file.
        figures: The content of `adaptation.json`.
    """

    artifact: bytes
    figures: Figures


def adapt(
    given: GivenModel,
    cohort: Cohort,
    *,
    rule: OperatingPointRule,
    site_name: str,
    settings: AdaptSettings,
) -> Adapted:
    """Adapt a model and judge it against the given one.

    Args:
        given: The model.
        cohort: Labelled stays of the hospital.
        rule: How the threshold is chosen.
        site_name: In metadata and report.
        settings: Recipe and draws.

    Raises:
        BadFileError: The stays are too few, or cannot be told apart; one sentence.
        ModelArtifactError: No blend has a risk without a step.
        ParityError: ONNX Runtime does not answer as scikit-learn on some hour.
    """
    data = site_data(cohort, given, progress=settings.progress)
    n_early, n_septic = require_enough(data)
    site = Site(data, given.margins(data.X), folds_of(data), rule)
    has_members = n_septic >= MIN_SEPTIC_STAYS_FOR_MEMBERS
    log.info(
        "%d stays, %d septic (%d in their first 36 hours)%s",
        data.cohort.stay.n_stays,
        n_septic,
        n_early,
        "" if has_members else ": only calibration and threshold will move",
    )
    try:
        return _Run(given, site, settings, has_members).adapted(site_name)
    except ValueError as error:  # a fit on few or separable hours
        raise BadFileError(f"the stays cannot be adapted to: {error}") from error


def site_data(cohort: Cohort, given: GivenModel, *, progress: bool) -> Dataset:
    """Features of the hours up to 3 after onset, as in the training data.

    The hours of other stays weigh as they are where no record is cut, and the septic ones less
    where records are (`record_cut`).
    """
    data = dataset(cohort, given.features, progress=progress)
    data = data.of(data.since_onset <= LATEST_USEFUL)
    return replace(data, undo_cut=is_cut(data.cohort))


def require_enough(data: Dataset) -> tuple[int, int]:
    """Septic stays with a septic hour among the first 36, and all septic stays.

    Raises:
        BadFileError: The first are fewer than `MIN_SEPTIC_STAYS`.
    """
    cohort = data.cohort
    n_early = len(np.unique(cohort.stay_of_hour[data.is_uncut & (data.labels == 1)]))
    n_septic = int(septic_stays(cohort.labels, cohort.stay.starts).sum())
    if n_early < MIN_SEPTIC_STAYS:
        raise BadFileError(
            f"{n_early} of {cohort.stay.n_stays:,} stays have a septic hour among their first 36: "
            f"at least {MIN_SEPTIC_STAYS} are needed to adapt a model, and "
            f"{MIN_SEPTIC_STAYS_FOR_MEMBERS} septic stays for trees of its own"
        )
    return n_early, n_septic


@dataclass(frozen=True)
class _Run:
    """One adaptation: its fits, its choices, its artifact."""

    given: GivenModel
    site: Site
    settings: AdaptSettings
    has_members: bool

    def adapted(self, site_name: str) -> Adapted:
        """Fit, choose, judge and export."""
        fits = self._fits()
        final, ensemble, max_weight = self._accepted(fits)
        scored = {
            GIVEN: self._as_given(),
            RECALIBRATED: self._recalibrated(),
            ADAPTED: self._out_of_fold(fits, max_weight),
        }
        parity = self._parity(final, ensemble)
        log.info("ONNX equals scikit-learn on %d hours: %.1g at most", len(self.site.given), parity)
        judged = report_figures(
            self.site.data,
            scored,
            is_for_utility=self.site.rule.value is None,
            draws=self.settings.draws,
        )
        result = AdaptedModel(
            given=self.given,
            site=self.site,
            name=site_name,
            choice=final,
            ensemble=ensemble,
            recipe=self.settings.recipe,
        )
        metadata = adapt_metadata.metadata(result, scored[ADAPTED], judged, parity)
        artifact = with_metadata(blended_graph(self.given, ensemble, final.blend), metadata)
        model = Model(artifact, source="the adapted model", loaded_at=datetime.now(UTC))
        chosen = {
            "folds": FOLDS,
            "max_weight": max_weight,
            "is_calibration_only": not self.has_members,
            "min_septic_stays": MIN_SEPTIC_STAYS_FOR_MEMBERS,
        }
        figures = judged | adapt_metadata.described(result, model, chosen)
        return Adapted(artifact=artifact, figures=json_values(figures))

    def _fits(self) -> "_Fits":
        members = LocalMembers(
            self.site.data, self.settings.recipe, self.settings.sizes, self.site.fold
        )
        if not self.has_members:
            nothing = self.site.no_members()
            return _Fits(members, nothing, [nothing] * FOLDS)
        progress = self.settings.progress
        of_pairs = members.out_of_two_folds(progress=progress)
        return _Fits(members, members.out_of_fold(progress=progress), of_pairs)

    def _accepted(self, fits: "_Fits") -> tuple[Choice, AveragedGradientBoosting | None, float]:
        """The likeliest blend whose risk has no step, its local members, and the largest weight.

        The weight of the local members is lowered where few stays taught them a step.
        """
        everybody = np.ones(len(self.site.given), dtype=np.bool_)
        max_weight = 1.0
        while True:
            choice = self._chosen(fits.out_of_fold, everybody, max_weight)
            ensemble = None
            if choice.blend.weight > 0:
                ensemble = fits.members.fit(everybody, self.settings.sizes[choice.size])
            step = exceeded_bound(self.given, ensemble, choice)
            if step is None or ensemble is None:
                return choice, ensemble, max_weight
            max_weight = max(0.0, choice.blend.weight - WEIGHT_STEP)
            log.info("%s: the weight of the local members is lowered to %.2f", step, max_weight)

    def _chosen(self, local: Margins, rows: BoolArray, max_weight: float) -> Choice:
        if not self.has_members:
            return self.site.recalibration(rows, is_shift=True)
        return self.site.choice(local, rows, max_weight=max_weight)

    def _as_given(self) -> Scored:
        probabilities = sigmoid(self.site.given).astype(np.float32)
        return Scored(probabilities, np.full(len(probabilities), self.given.model.threshold))

    def _recalibrated(self) -> Scored:
        choices = [
            self.site.recalibration(self.site.fold != k, is_shift=not self.has_members)
            for k in range(FOLDS)
        ]
        return self.site.scored(choices, self.site.no_members())

    def _out_of_fold(self, fits: "_Fits", max_weight: float) -> Scored:
        choices = [
            self._chosen(local, self.site.fold != k, max_weight)
            for k, local in enumerate(fits.out_of_two_folds)
        ]
        return self.site.scored(choices, fits.out_of_fold)

    def _parity(self, choice: Choice, ensemble: AveragedGradientBoosting | None) -> float:
        """The largest difference between ONNX Runtime and scikit-learn on the hospital's hours."""
        X = self.site.data.X
        graph = session(blended_graph(self.given, ensemble, choice.blend))
        local = self.site.given if ensemble is None else ensemble.decision_function(X)
        expected = choice.blend.probabilities(self.site.given, local)
        return require_parity(served_scores(graph, X), expected)


@dataclass(frozen=True)
class _Fits:
    """Margins of the local members, by fits without one fold and without two."""

    members: LocalMembers
    out_of_fold: Margins
    out_of_two_folds: list[Margins]


def exceeded_bound(
    given: GivenModel, ensemble: AveragedGradientBoosting | None, choice: Choice
) -> str | None:
    """The step in the risk for which the service would refuse the blend; None: there is none."""
    graph = session(blended_graph(given, ensemble, choice.blend))
    columns = [features.NAMES.index(name) for name in given.features]
    return risk_continuity.check(lambda rows: served_scores(graph, rows[:, columns]))
