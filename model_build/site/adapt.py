"""Stage `adapt`: a given model made the hospital's own, from the hospital's labelled stays.

The given model's margin is averaged with that of local members: its own trees with leaves refitted
on these stays, and trees of the hospital's own. The blend is recalibrated and a threshold chosen;
all is judged out of fold by patient, against the given model on the same stays. With few septic
stays only calibration and threshold move.
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
from model_build.data.stay_files import absent_variables
from model_build.judge.figures import Figures, json_values
from model_build.judge.patient_bootstrap import DRAWS
from model_build.learn.calibration import sigmoid
from model_build.learn.export import require_parity, with_metadata
from model_build.learn.onnx_inference import served_scores, session
from model_build.site import adapt_metadata
from model_build.site.adapt_figures import ADAPTED, GIVEN, RECALIBRATED, Scored, report_figures
from model_build.site.adapt_metadata import AdaptedModel
from model_build.site.adapt_operating_point import OperatingPointRule
from model_build.site.adaptation import FOLDS, Choice, Site, folds_of
from model_build.site.blend import LocalModels, blended_graph
from model_build.site.blend_choice import LocalMargins
from model_build.site.given_model import GivenModel, GivenTrees
from model_build.site.local_fits import LocalFits
from model_build.site.local_members import LocalMembers
from sepsis_detect.errors import BadFileError
from sepsis_detect.prediction import features, risk_continuity
from sepsis_detect.prediction.model import Model

log = logging.getLogger(__name__)

MIN_SEPTIC_STAYS = 10  # with a septic hour among the first 36: less, and nothing can be chosen
MIN_SEPTIC_STAYS_FOR_MEMBERS = 30
SHARE_STEP, SHARE_DECIMALS = 0.1, 2  # by which shares are lowered until the risk has no step


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptSettings:
    """How a model is adapted.

    Attributes:
        recipe: Of the hospital's own trees, and what they see beside the given model's features.
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
    names = site_features(cohort, given, settings.recipe)
    data = site_data(cohort, names, progress=settings.progress)
    require_enough(data)
    n_early, n_septic = septic_counts(data)
    trees = given.trees.widened(len(names))
    site = Site(data, trees.margins(data.X), folds_of(data), rule)
    has_members = has_enough_for_members(n_septic)
    log.info(
        "%d stays, %d septic (%d in their first 36 hours)%s",
        data.cohort.stay.n_stays,
        n_septic,
        n_early,
        "" if has_members else ": only calibration and threshold will move",
    )
    try:
        return _Run(given, trees, site, settings, has_members).adapted(site_name)
    except ValueError as error:  # a fit on few or separable hours
        raise BadFileError(f"the stays cannot be adapted to: {error}") from error


def site_features(cohort: Cohort, given: GivenModel, recipe: Recipe) -> tuple[str, ...]:
    """The given model's features, then those of the hospital's own trees that it does not read.

    Features of variables that these stays have no value of are left out.
    """
    absent = set(absent_variables(cohort))
    more = (
        name
        for name in recipe.features
        if name not in given.features and not absent & set(features.SOURCES[name])
    )
    return (*given.features, *more)


def site_data(cohort: Cohort, names: tuple[str, ...], *, progress: bool) -> Dataset:
    """Named features of the hours up to 3 after onset, as in the training data.

    The hours of other stays weigh as they are where no record is cut, and the septic ones less
    where records are (`record_cut`).
    """
    data = dataset(cohort, names, progress=progress)
    data = data.of(data.since_onset <= LATEST_USEFUL)
    return replace(data, undo_cut=is_cut(data.cohort))


def require_enough(data: Dataset) -> None:
    """Refuse stays of which too few are septic.

    Raises:
        BadFileError: Fewer than `MIN_SEPTIC_STAYS` have a septic hour among their first 36.
    """
    n_early, _ = septic_counts(data)
    if n_early < MIN_SEPTIC_STAYS:
        raise BadFileError(
            f"{n_early} of {data.cohort.stay.n_stays:,} stays have a septic hour among their first "
            f"36: at least {MIN_SEPTIC_STAYS} are needed to adapt a model, and "
            f"{MIN_SEPTIC_STAYS_FOR_MEMBERS} septic stays for trees of its own"
        )


def septic_counts(data: Dataset) -> tuple[int, int]:
    """Stays with a septic hour among the first 36, and all septic stays."""
    cohort = data.cohort
    early = np.unique(cohort.stay_of_hour[data.is_uncut & (data.labels == 1)])
    return len(early), int(septic_stays(cohort.labels, cohort.stay.starts).sum())


def has_enough_for_members(n_septic: int) -> bool:
    """Whether so many septic stays carry trees of their own."""
    return n_septic >= MIN_SEPTIC_STAYS_FOR_MEMBERS


@dataclass(frozen=True)
class _Run:
    """One adaptation: its fits, its choices, its artifact."""

    given: GivenModel
    trees: GivenTrees
    site: Site
    settings: AdaptSettings
    has_members: bool

    def adapted(self, site_name: str) -> Adapted:
        """Fit, choose, judge and export."""
        fits = self._fits() if self.has_members else None
        final, local, max_share = self._accepted(fits)
        scored = {
            GIVEN: self._as_given(),
            RECALIBRATED: self._recalibrated(),
            ADAPTED: self._out_of_fold(fits, max_share),
        }
        judged = report_figures(
            self.site.data,
            scored,
            is_for_utility=self.site.rule.value is None,
            draws=self.settings.draws,
        )
        result = AdaptedModel(
            given=self.given,
            trees=self.trees,
            site=self.site,
            name=site_name,
            choice=final,
            local=local,
            recipe=self.settings.recipe,
        )
        parity = self._parity(result)
        metadata = adapt_metadata.metadata(result, scored[ADAPTED], judged, parity)
        artifact = with_metadata(blended_graph(self.trees, local, final.blend), metadata)
        model = Model(artifact, source="the adapted model", loaded_at=datetime.now(UTC))
        chosen = {
            "folds": FOLDS,
            "max_share": max_share,
            "is_calibration_only": not self.has_members,
            "min_septic_stays": MIN_SEPTIC_STAYS_FOR_MEMBERS,
        }
        figures = judged | adapt_metadata.described(result, model, chosen)
        return Adapted(artifact=artifact, figures=json_values(figures))

    def _fits(self) -> LocalFits:
        site, settings = self.site, self.settings
        members = LocalMembers(site.data, settings.recipe, settings.sizes, site.fold)
        return LocalFits.made(self.trees, site.given, members, progress=settings.progress)

    def _accepted(self, fits: LocalFits | None) -> tuple[Choice, LocalModels | None, float]:
        """The likeliest blend whose risk has no step, what it is made of, and the largest share.

        The shares of what is local are lowered where few stays taught it a step.
        """
        everybody = np.ones(len(self.site.given), dtype=np.bool_)
        if fits is None:
            return self.site.recalibration(everybody, is_shift=True), None, 1.0
        max_share = 1.0
        while True:
            choice = self.site.choice(fits.out_of_fold, everybody, max_share=max_share)
            blend = choice.blend
            local = fits.on_all(self.settings.sizes[choice.size] if blend.weight else None)
            step = exceeded_bound(self.trees, self.site.data.names, local, choice)
            if step is None or max_share == 0:
                return choice, local, max_share
            lowered = max(blend.refit, blend.weight) - SHARE_STEP
            max_share = max(0.0, round(lowered, SHARE_DECIMALS))
            log.info("%s: what is local counts %.2f at most", step, max_share)

    def _as_given(self) -> Scored:
        probabilities = sigmoid(self.site.given).astype(np.float32)
        return Scored(probabilities, np.full(len(probabilities), self.given.model.threshold))

    def _recalibrated(self) -> Scored:
        choices = [
            self.site.recalibration(self.site.fold != k, is_shift=not self.has_members)
            for k in range(FOLDS)
        ]
        return self.site.scored(choices, LocalMargins.none(len(self.site.given)))

    def _out_of_fold(self, fits: LocalFits | None, max_share: float) -> Scored:
        if fits is None:
            return self._recalibrated()
        choices = [
            self.site.choice(local, self.site.fold != k, max_share=max_share)
            for k, local in enumerate(fits.out_of_two_folds)
        ]
        return self.site.scored(choices, fits.out_of_fold)

    def _parity(self, result: AdaptedModel) -> float:
        """The largest difference between ONNX Runtime and scikit-learn on the hospital's hours."""
        graph = session(blended_graph(self.trees, result.local, result.choice.blend))
        parity = require_parity(served_scores(graph, self.site.data.X), result.expected())
        log.info("ONNX equals scikit-learn on %d hours: %.1g at most", len(self.site.given), parity)
        return parity


def exceeded_bound(
    given: GivenTrees, names: tuple[str, ...], local: LocalModels | None, choice: Choice
) -> str | None:
    """The step in the risk for which the service would refuse the blend; None: there is none."""
    graph = session(blended_graph(given, local, choice.blend))
    columns = [features.NAMES.index(name) for name in names]
    return risk_continuity.check(lambda rows: served_scores(graph, rows[:, columns]))
