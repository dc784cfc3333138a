"""Metadata of an adapted artifact, and its description for the report.

The format is that of `report.artifact_metadata`, with `parent`, `site` and `blend` beside it.
Reference and drift are of the hospital's hours. Aggregates only, no row of a patient.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from model_build.config import Recipe
from model_build.data.dataset import Dataset
from model_build.data.labels import septic_stays
from model_build.data.record_cut import UNCUT_HOURS
from model_build.judge.figures import Figure, Figures, rounded
from model_build.judge.judgement import DIGITS, HEADLINE
from model_build.judge.operating_points import operating_points
from model_build.judge.patient_bootstrap import LEVEL
from model_build.learn import selfcheck
from model_build.learn.drift_reference import drift_reference
from model_build.learn.ensemble import AveragedGradientBoosting
from model_build.report.artifact_metadata import FORMAT, medians, training
from model_build.site.adapt_figures import ADAPTED, Scored
from model_build.site.adaptation import FOLDS, Choice, Site
from model_build.site.blend import LocalModels
from model_build.site.given_model import GivenModel, GivenTrees
from sepsis_detect.clinical.stay import Float32Array, FloatArray
from sepsis_detect.prediction.model import Model

SITE_LETTERS = 20  # of the site's name, in the version


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptedModel:
    """A blend with what it was made of.

    Attributes:
        given: The given model.
        trees: Its trees, on the features of the blend.
        site: The hospital's hours.
        name: Of the hospital.
        choice: Blend and threshold, chosen on all stays.
        local: What was fitted on all stays; None: calibration and threshold moved alone.
        recipe: Of the hospital's own trees.
    """

    given: GivenModel
    trees: GivenTrees
    site: Site
    name: str
    choice: Choice
    local: LocalModels | None
    recipe: Recipe

    @property
    def parent(self) -> dict[str, Any]:
        """Which model was adapted."""
        model = self.given.model
        return {
            "name": model.metadata.name,
            "version": model.metadata.version,
            "sha256": model.sha256,
            "data_digest": model.metadata.training.get("data_digest"),
        }

    @property
    def ensemble(self) -> AveragedGradientBoosting | None:
        """The hospital's own trees; None where there are none."""
        return None if self.local is None else self.local.ensemble

    def expected(self, rows: Float32Array | None = None) -> FloatArray:
        """Probabilities of the blend by other means than its graph, shape (n_rows,).

        Margins of the given trees and of their refitted leaves are those of their own graphs, of
        the hospital's own trees those of scikit-learn.

        Args:
            rows: Shape (n_rows, n_features); None: the hospital's hours.
        """
        X = self.site.data.X if rows is None else rows
        given = self.trees.margins(X)
        change = own = given
        if self.local is not None:
            change = self.trees.changed(self.local.leaves).margins(X) - given
        if self.ensemble is not None:
            own = self.ensemble.decision_function(X)
        return self.choice.blend.probabilities(given, change, own)

    @property
    def blend(self) -> dict[str, Any]:
        """Shares, sigmoid and size of what is local."""
        blend, ensemble = self.choice.blend, self.ensemble
        return {
            "refit": blend.refit,
            "weight": blend.weight,
            "slope": blend.slope,
            "intercept": blend.intercept,
            "local_members": 0 if ensemble is None else ensemble.n_members,
            "trees_a_member": 0 if ensemble is None else ensemble.max_iter,
        }


def metadata(result: AdaptedModel, scored: Scored, judged: Figures, parity: float) -> Figures:
    """Metadata of the artifact, as JSON values.

    Args:
        result: The blend.
        scored: Its answers out of fold.
        judged: From `report_figures`.
        parity: Largest difference between ONNX Runtime and scikit-learn.
    """
    data, given, created_at = result.site.data, result.given.model.metadata, datetime.now(UTC)
    return {
        "format": FORMAT,
        "name": given.name,
        "version": f"{given.version}-{slug(result.name)}-{created_at:%Y%m%d.%H%M}",
        "created_at": created_at.isoformat(timespec="seconds"),
        "features": list(data.names),
        "threshold": result.choice.threshold,
        "training": training(data, result.recipe),
        "metrics": _metrics(judged["models"][ADAPTED], parity),
        "operating_points": operating_points(scored.probabilities, data, result.choice.threshold),
        "reference": medians(data.X),
        "drift": drift_reference(data.X),
        "selfcheck": _selfcheck(result),
        "parent": result.parent,
        "site": {"name": result.name},
        "blend": result.blend,
    }


def described(result: AdaptedModel, adapted: Model, chosen: Figures) -> Figures:
    """Models, data and blend, for the report; `chosen` says how the blend was chosen."""
    data = result.site.data
    return {
        "model": {
            "name": adapted.metadata.name,
            "version": adapted.metadata.version,
            "threshold": result.choice.threshold,
            "given_threshold": float(result.given.model.threshold),
            "sha256": adapted.sha256,
        },
        "parent": result.parent,
        "site": {"name": result.name},
        "blend": result.blend | chosen,
        "operating_point": result.site.rule.words,
        "operating_points": [
            point.model_dump() for point in adapted.metadata.operating_points or ()
        ],
        "data": _described(data),
    }


def slug(name: str) -> str:
    """The site's name in lower case letters, digits and dashes, for the version."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    return "-".join(words)[:SITE_LETTERS].strip("-") or "site"


def _described(data: Dataset) -> Figures:
    cohort = data.cohort
    early = np.unique(cohort.stay_of_hour[data.is_uncut & (data.labels == 1)])
    return {
        "digest": cohort.digest,
        "patients": cohort.stay.n_stays,
        "hours": cohort.stay.n_hours,
        "septic_patients": int(septic_stays(cohort.labels, cohort.stay.starts).sum()),
        "septic_early": len(early),
        "judged_hours": int(data.is_uncut.sum()),
        "uncut": UNCUT_HOURS,
        "is_cut": data.undo_cut,
    }


def _metrics(found: Figures, parity: float) -> Figures:
    """Values and intervals of the adapted model, out of fold."""
    known = {name: of for name, of in found.items() if isinstance(of, Figure)}
    return {
        HEADLINE: {name: rounded(of.value, DIGITS) for name, of in known.items()},
        "intervals": {
            "level": LEVEL,
            HEADLINE: {
                name: [rounded(of.low, DIGITS), rounded(of.high, DIGITS)]
                for name, of in known.items()
            },
        },
        "protocol": {
            "split": "by patient",
            "folds": FOLDS,
            "headline": HEADLINE,
            "onnx_parity": parity,
        },
    }


def _selfcheck(result: AdaptedModel) -> Figures:
    """Rows of the given model's self-check, and rows beside the thresholds of its own trees."""
    ensemble = result.ensemble
    known = np.array(result.given.model.metadata.selfcheck.features, dtype=np.float32)
    rows = np.full((len(known), len(result.site.data.names)), np.nan, dtype=np.float32)
    rows[:, : known.shape[1]] = known
    if ensemble is not None:
        synthetic = selfcheck.synthetic_rows(ensemble, seed=result.recipe.seed)
        rows = np.concatenate([rows, synthetic])
    return {
        "features": [[selfcheck.decimal(value) for value in row] for row in rows],
        "probabilities": result.expected(rows).tolist(),
    }
