"""From out-of-fold scores to the report: measure once, write figures, then words and plots of them.

`metrics.json` holds every figure; report, model card and plots are functions of it alone.
"""

import json
import logging
from pathlib import Path
from typing import Any

from model_build.config import Recipe
from model_build.data.cohort import Cohort
from model_build.data.dataset import dataset
from model_build.judge.ablation import ablation
from model_build.judge.judgement import judge
from model_build.judge.measurements import described, measure, plain, whole_stays
from model_build.judge.patient_bootstrap import DRAWS
from model_build.judge.permutation_importance import importance
from model_build.learn.out_of_fold import out_of_fold
from model_build.learn.results_cache import Store
from model_build.report import model_card, plots, readme, training_report

log = logging.getLogger(__name__)

CARD = "MODEL_CARD.md"
DOCS = Path("docs/model")
REPORT = "report.md"
METRICS = "metrics.json"
# Written by the stages `compare`, `tune` and `validate`, used if they are there.
COMPARISON = "compare.json"
TUNING = "tuning.json"
EXTERNAL = "external/validation.json"


def evaluate(
    cohort: Cohort, recipe: Recipe, *, out: Path, work: Path, draws: int = DRAWS
) -> dict[str, Any]:
    """Measure everything out of fold, on the first 36 hours of stays, and write the report.

    Args:
        cohort: The patients; `recipe.max_patients` of them are used.
        recipe: How the model is fitted; what is already fitted is taken from `work`.
        out: Where `MODEL_CARD.md` and `docs/model/` go: the project's own folder.
        work: Where intermediate results stay.
        draws: Of patients, for each interval.

    Returns:
        What `metrics.json` holds.
    """
    if recipe.max_patients is not None:
        cohort = cohort.sample(recipe.max_patients, seed=recipe.seed)
    data = dataset(cohort, recipe.features, progress=True)
    store = Store.open(work, recipe, data)
    scores = out_of_fold(data, recipe, store)
    judgement = judge(scores, data)
    log.info("measuring, with %d draws of patients", draws)
    threshold = judgement.threshold
    found = described(data, recipe, judgement)
    headline = data.of(data.is_uncut)
    found |= measure(
        scores.probabilities[data.is_uncut], headline, threshold=threshold, draws=draws
    )
    found |= whole_stays(scores.probabilities, data, threshold=threshold, draws=draws)
    found["importance"] = importance(data, scores, store, threshold=threshold, draws=draws)
    found["ablation"] = ablation(data, recipe, scores.fold, work=work, store=store)
    figures: dict[str, Any] = plain(found)
    write(figures, out)
    return figures


def write(figures: dict[str, Any], out: Path) -> None:
    """Write figures, plots, report and model card; the same figures give the same bytes.

    READMEs that are there get the figures of their first screen.
    """
    docs = out / DOCS
    docs.mkdir(parents=True, exist_ok=True)
    comparison, tuning, external = (_read(docs / name) for name in (COMPARISON, TUNING, EXTERNAL))
    (docs / METRICS).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    plots.write(figures, docs)
    (docs / REPORT).write_text(
        training_report.text(figures, comparison, tuning, external), encoding="utf-8"
    )
    (out / CARD).write_text(model_card.text(figures, comparison, external), encoding="utf-8")
    readme.write(figures, external, out)
    log.info("%s, %s and %s written", docs / REPORT, docs / METRICS, out / CARD)


def _read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text("utf-8")) if path.exists() else None
