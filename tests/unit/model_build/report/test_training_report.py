"""Report and model card, rendered from figures."""

import json
from pathlib import Path
from typing import Any

from model_build.evaluate import COMPARISON, EXTERNAL, FAMILIARITY, LEARNING_CURVE, TUNING, write
from model_build.judge.figures import Figures
from model_build.report import model_card, training_report
from tests.paths import ROOT

FIGURE = {"value": 0.5, "low": 0.4, "high": 0.6}
AREAS = {"utility": FIGURE, "auroc": FIGURE, "auprc": FIGURE}


def carried(name: str, **changed: Any) -> Figures:
    return {
        "source": "A",
        "target": "B",
        "name": name,
        "label": f"the model {name}",
        "auroc": FIGURE,
        "auprc": FIGURE,
        "utility_at_source_threshold": FIGURE,
        "utility_recalibrated": FIGURE,
        "less_than_served": None,
    } | changed


def test_a_comparison_beside_the_report_becomes_part_of_it(measured: Figures) -> None:
    less = {"auroc": {"value": -0.01, "low": -0.02, "high": 0.005}}
    compared: Figures = {
        "candidates": [{"label": "NEWS2", **AREAS}],
        "across_hospitals": [carried("served"), carried("before", less_than_served=less)],
    }
    text = training_report.text(measured, compared)
    assert "| NEWS2 | 0.500 (0.400 to 0.600) |" in text
    assert "| A to B, the model before | 0.500" in text
    assert "above 0 | from A to B | -0.010 (-0.020 to 0.005) | **no** |" in text
    card = model_card.text(measured, compared)
    assert "A to B AUROC 0.500" in card
    assert "(difference -0.010 (-0.020 to 0.005))" in card


def test_variations_show_their_transfer_between_hospitals(measured: Figures) -> None:
    across = {"A to B": {"auroc": 0.7}, "B to A": {"auroc": 0.6}}
    inside = {"auroc": 0.81, "auprc": 0.06, "utility": 0.2}
    row = {"label": "small trees", "inside": inside, "across_hospitals": across}
    text = training_report.text(measured, tuning={"patients": 9, "folds": 3, "variations": [row]})
    assert "| AUROC, A to B | AUROC, B to A |" in text
    assert "| small trees | 0.810 | 0.060 | 0.200 | 0.700 | 0.600 |" in text


def test_a_variant_that_was_not_fitted_is_left_out(measured: Figures) -> None:
    served = measured["ablation"]["variants"]["as_served"]
    fewer = measured | {"ablation": {"members": 1, "variants": {"as_served": served}}}
    assert "| as served |" in training_report.text(fewer)
    assert "uncapped |" not in training_report.text(fewer)


def test_a_group_without_septic_patients_has_dashes(measured: Figures) -> None:
    counts = {"patients": 3.0, "septic_patients": 0.0, "hours": 9.0}
    few = measured | {"subgroups": measured["subgroups"] | {"sex": {"unknown": counts}}}
    assert "| unknown | 3 | 0 | – |" in training_report.text(few)
    assert "| unknown | 3 | – |" in model_card.text(few)


def test_an_external_validation_beside_the_report_becomes_part_of_it(
    evaluated: Path, measured: Figures
) -> None:
    assert "Not validated yet" in (evaluated / "first/docs/model/report.md").read_text("utf-8")
    out = evaluated / "validated"
    beside = out / "docs/model/external"
    beside.mkdir(parents=True)
    (beside / "validation.json").write_bytes((METRICS.parent / EXTERNAL).read_bytes())
    write(measured, out)
    assert "Not validated yet" not in (out / "docs/model/report.md").read_text("utf-8")
    assert "Not yet measured" not in (out / "MODEL_CARD.md").read_text("utf-8")


def test_variables_left_out_are_named_with_the_reason(measured: Figures) -> None:
    model = measured["model"]
    recipe = model["recipe"] | {"left_out": ["calcium", "icu_unit"]}
    fewer = measured | {"model": model | {"recipe": recipe}}
    card = model_card.text(fewer)
    assert "**Not seen:** Calcium (total), Kind of ICU." in card
    assert "Calcium" in training_report.text(fewer)
    everything = measured | {"model": model | {"recipe": model["recipe"] | {"left_out": []}}}
    assert "**Not seen:**" not in model_card.text(everything)


METRICS = ROOT / "docs" / "model" / "metrics.json"


def committed(name: str) -> Any:
    path = METRICS.parent / name
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def test_the_committed_reports_are_rendered_from_the_committed_figures() -> None:
    names = (METRICS.name, COMPARISON, TUNING, EXTERNAL, LEARNING_CURVE, FAMILIARITY)
    found, compared, tuned, external, curve, familiarity = (committed(name) for name in names)
    words = "run `python -m model_build evaluate`"
    expected = training_report.text(found, compared, tuned, external, curve, familiarity)
    assert (METRICS.parent / "report.md").read_text("utf-8") == expected, words
    card = model_card.text(found, compared, external)
    assert (ROOT / "MODEL_CARD.md").read_text("utf-8") == card, words
