"""Stage `evaluate`: figures of the out-of-fold scores, then report, model card and plots.

`metrics.json` holds every figure; report, model card and plots are functions of it alone.
"""

import json
import logging
from pathlib import Path

from model_build.config import Recipe
from model_build.data.cohort import Cohort
from model_build.data.dataset import dataset
from model_build.judge.ablation import ablation
from model_build.judge.evaluation import description, evaluation_figures, whole_stay_figures
from model_build.judge.figures import Figures, json_values, write_json
from model_build.judge.judgement import judge
from model_build.judge.patient_bootstrap import DRAWS
from model_build.judge.permutation_importance import importance
from model_build.learn.out_of_fold import out_of_fold
from model_build.learn.results_cache import ResultsCache
from model_build.report import model_card, plots, readme, training_report

log = logging.getLogger(__name__)

CARD = "MODEL_CARD.md"
DOCS = Path("docs/model")
REPORT = "report.md"
METRICS = "metrics.json"
# Of `compare`, `tune`, `learning-curve`, `familiarity` and `validate`, used if they are there.
COMPARISON = "compare.json"
TUNING = "tuning.json"
LEARNING_CURVE = "learning_curve.json"
FAMILIARITY = "familiarity.json"
EXTERNAL = "external/validation.json"


def evaluate(
    cohort: Cohort, recipe: Recipe, *, out: Path, work: Path, draws: int = DRAWS
) -> Figures:
    """Compute all figures out of fold, on the first 36 hours of stays, and write the report.

    Args:
        cohort: The patients; `recipe.max_patients` of them are used.
        recipe: How the model is fitted; fits in the cache are used.
        out: Where `MODEL_CARD.md` and `docs/model/` go: the project's own folder.
        work: Folder of the results cache.
        draws: Bootstrap draws of patients, for each interval.

    Returns:
        The content of `metrics.json`.
    """
    if recipe.max_patients is not None:
        cohort = cohort.sample(recipe.max_patients, seed=recipe.seed)
    data = dataset(cohort, recipe.features, progress=True)
    cache = ResultsCache.open(work, recipe, data)
    scores = out_of_fold(data, recipe, cache)
    judgement = judge(scores, data)
    log.info("measuring, with %d draws of patients", draws)
    threshold = judgement.threshold
    found = description(data, recipe, judgement)
    headline = data.of(data.is_uncut)
    found |= evaluation_figures(
        scores.probabilities[data.is_uncut], headline, threshold=threshold, draws=draws
    )
    found |= whole_stay_figures(scores.probabilities, data, threshold=threshold, draws=draws)
    found["importance"] = importance(data, scores, cache, threshold=threshold, draws=draws)
    found["ablation"] = ablation(data, recipe, scores.fold, work=work, cache=cache)
    figures: Figures = json_values(found)
    write(figures, out)
    return figures


def write(figures: Figures, out: Path) -> None:
    """Write figures, plots, report and model card; the same figures give the same bytes.

    The figures on the first screen of each README are replaced, where there is a README.
    """
    docs = out / DOCS
    docs.mkdir(parents=True, exist_ok=True)
    names = (COMPARISON, TUNING, EXTERNAL, LEARNING_CURVE, FAMILIARITY)
    comparison, tuning, external, curve, familiarity = (_read(docs / name) for name in names)
    write_json(figures, docs / METRICS)
    plots.write(figures, docs)
    (docs / REPORT).write_text(
        training_report.text(figures, comparison, tuning, external, curve, familiarity),
        encoding="utf-8",
    )
    (out / CARD).write_text(model_card.text(figures, comparison, external), encoding="utf-8")
    readme.write(figures, external, out)
    log.info("%s, %s and %s written", docs / REPORT, docs / METRICS, out / CARD)


def _read(path: Path) -> Figures | None:
    return json.loads(path.read_text("utf-8")) if path.exists() else None
