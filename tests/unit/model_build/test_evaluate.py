"""Each statistic of the report against a value by hand or by scikit-learn; then the report."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)
from threadpoolctl import threadpool_limits

from model_build.__main__ import main
from model_build.config import QUICK, Recipe
from model_build.data.cohort import Cohort
from model_build.data.dataset import Dataset, dataset
from model_build.data.labels import Utilities, hours_since_onset, utilities
from model_build.evaluate import COMPARISON, EXTERNAL, TUNING, evaluate, write
from model_build.judge import calibration_curve
from model_build.judge.ablation import first_member
from model_build.judge.alerts import alerts
from model_build.judge.group_figures import Figure, Hours, figures
from model_build.judge.lead_time import around_onset, highest_in_time, lead_times, new_alerts
from model_build.judge.measurements import plain
from model_build.judge.metrics import calibration, sigmoid
from model_build.judge.patient_bootstrap import Resampling, interval
from model_build.judge.permutation_importance import MEASUREMENT_COUNTS, variable_groups
from model_build.judge.permutation_importance import sample as importance_sample
from model_build.judge.subgroups import AGE_BANDS, subgroups
from model_build.judge.threshold_sweep import Sweep, net_benefit_of_always
from model_build.learn import feature_reference
from model_build.learn.out_of_fold import fit
from model_build.report import model_card, training_report
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import AGE, ICU_HOUR, MEDICAL_UNIT, SEX, SURGICAL_UNIT
from sepsis_detect.prediction import features
from sepsis_detect.prediction.drift import bins_of
from tests.paths import ROOT
from tests.unit.model_build.made_up_cohort import a_cohort

RECIPE = Recipe(
    folds=2,
    members=2,
    iterations=4,
    learning_rate=0.3,
    leaves=6,
    min_samples_leaf=5,
    l2=10.0,
    keep_negatives=0.5,
    max_features=0.5,
)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Fits this small only lose time to a second thread."""
    with threadpool_limits(limits=1):
        yield


# --- Two stays by hand: one septic with onset at its hour 8, one well -----------------------------

SEPTIC = [0, 0, 1, 1, 1, 1, 1, 1, 1]  # the label leads onset by six hours
WELL = [0, 0, 0]
LABELS = np.array([*SEPTIC, *WELL], dtype=np.int8)
STARTS = np.array([0, 9])
P = np.array([0.1, 0.5, 0.2, 0.2, 0.6, 0.7, 0.1, 0.8, 0.9, 0.1, 0.6, 0.3], dtype=np.float32)


def two_stays(threshold: float = 0.5) -> Hours:
    patient = np.repeat([0, 1], [9, 3])
    return Hours(P, LABELS, utilities(LABELS, STARTS), patient, threshold, 2, np.ones(len(P)))


def test_the_first_alert_leads_onset_by_seven_hours() -> None:
    since = hours_since_onset(LABELS, STARTS)
    assert since[:9].tolist() == [-8, -7, -6, -5, -4, -3, -2, -1, 0]
    assert lead_times(since, P >= 0.5, STARTS).tolist() == [7]
    assert lead_times(since, P >= 0.9, STARTS).tolist() == [0]
    assert np.isnan(lead_times(since, P > 0.9, STARTS)).tolist() == [True]


def test_an_alert_after_onset_has_a_negative_lead() -> None:
    labels = np.array([0, *[1] * 9], dtype=np.int8)
    flags = np.arange(10) == 9
    since = hours_since_onset(labels, np.array([0]))
    assert lead_times(since, flags, np.array([0])).tolist() == [-2]


def test_a_stay_that_is_judged_only_before_its_label_has_no_lead_time() -> None:
    since = hours_since_onset(LABELS, STARTS)
    before, at_label = since[:2], since[:3]
    assert lead_times(before, np.array([True, True]), np.array([0])).tolist() == []
    assert lead_times(at_label, np.array([False, True, False]), np.array([0])).tolist() == [7]


def test_an_alert_counts_as_in_time_only_from_12_hours_before_to_3_after() -> None:
    since = np.array([-13.0, -12.0, 3.0, 4.0])
    starts = np.array([0])
    for hour, expected in enumerate([0.1, 0.9, 0.9, 0.1]):
        scores = np.where(np.arange(4) == hour, 0.9, 0.1)
        assert highest_in_time(since, scores, starts).tolist() == [expected]


def test_a_run_of_flagged_hours_is_one_new_alert_and_stays_do_not_run_together() -> None:
    flags = np.array([True, True, False, True, True, False])
    assert new_alerts(flags, np.array([0, 4])).tolist() == [True, False, False, True, True, False]


def test_the_alerts_of_two_stays_are_those_counted_by_hand() -> None:
    hours = two_stays()
    sweep = Sweep.of(P, LABELS, hours.utilities)
    since = hours_since_onset(LABELS, STARTS)
    found = alerts(hours, sweep, since, STARTS, Resampling.of(2, draws=5))
    served = found["operating_points"][0]
    assert served["sensitivity"] == pytest.approx(4 / 7)
    assert served["specificity"] == pytest.approx(3 / 5)
    assert served["ppv"] == pytest.approx(4 / 6)
    assert served["npv"] == pytest.approx(3 / 6)
    assert served["alerts_per_patient_day"] == pytest.approx(6 / 12 * 24)
    assert served["new_alerts_per_patient_day"] == pytest.approx(4 / 12 * 24)
    assert found["by_patient"]["septic_alerted_in_time"].value == 1
    assert found["by_patient"]["others_ever_alerted"].value == 1
    assert found["lead_time"]["patients"]["6 to 11"] == 1
    assert sum(found["lead_time"]["patients"].values()) == 1


def test_the_score_around_onset_follows_the_stays_that_have_the_hour() -> None:
    labels = np.array([*[0] * 24, *[1] * 7, 1, 1], dtype=np.int8)
    starts = np.array([0, 31])
    scores = np.concatenate([np.full(31, 0.2), [0.6, 0.6]])
    curve = around_onset(hours_since_onset(labels, starts), scores, starts)
    assert curve.hour[0] == -24
    at = curve.hour.tolist().index(-6)
    assert curve.stays[at - 1 : at + 1].tolist() == [1, 2]
    assert curve.mean[at] == pytest.approx(0.4)
    assert curve.mean_of_long[at] == pytest.approx(0.2)


def test_a_stay_that_leaves_before_onset_does_not_move_the_mean_of_those_that_stay() -> None:
    since = np.array([*range(-24, 1), *range(-24, -11)], dtype=np.float64)
    scores = np.where(np.arange(len(since)) < 25, 0.2, 0.8)
    curve = around_onset(since, scores, np.array([0, 25]))
    assert curve.mean[0] == pytest.approx(0.5)
    np.testing.assert_allclose(curve.mean_of_long, 0.2)


# --- Sweeps against scikit-learn ------------------------------------------------------------------


@pytest.fixture(scope="module")
def hours() -> Hours:
    """Forty patients with ties among the scores."""
    random = np.random.default_rng(3)
    patient = np.sort(random.integers(40, size=900))
    lean = random.normal(size=40)[patient]
    scores = np.round(sigmoid(lean - 2 + random.normal(size=900)), 2).astype(np.float32)
    scores = np.clip(scores, 0.01, 0.99).astype(np.float32)
    labels = (random.random(900) < sigmoid(lean - 2)).astype(np.int8)
    gains = Utilities(np.where(labels == 1, 1.0, -0.05), np.zeros(900))
    return Hours(scores, labels, gains, patient, 0.25, 40, np.ones(len(scores)))


def test_the_curves_are_those_of_scikit_learn(hours: Hours) -> None:
    sweep = Sweep.of(hours.probabilities, hours.labels, hours.utilities)
    rates, sensitivity, thresholds = roc_curve(
        hours.labels, hours.probabilities, drop_intermediate=False
    )
    np.testing.assert_allclose(sweep.thresholds, thresholds[1:])
    np.testing.assert_allclose(sweep.false_alarm_rate, rates[1:])
    np.testing.assert_allclose(sweep.sensitivity, sensitivity[1:])
    precision, _, at = precision_recall_curve(hours.labels, hours.probabilities)
    np.testing.assert_allclose(sweep.at(at.astype(np.float64)).ppv, precision[:-1])


def test_a_threshold_nobody_reaches_flags_nothing(hours: Hours) -> None:
    above = Sweep.of(hours.probabilities, hours.labels, hours.utilities).at(np.array([0.999]))
    assert (above.flagged[0], above.violations[0], above.utility[0]) == (0, 0, 0.0)
    assert np.isnan(above.ppv[0])


def test_net_benefit_is_true_alerts_less_false_ones_at_the_odds_of_the_threshold() -> None:
    # At 1 in 5 a true alert is worth four false ones: (4 - 2/4) of 12 hours.
    sweep = Sweep.of(P, LABELS, utilities(LABELS, STARTS)).at(np.array([0.5, 0.2]))
    assert sweep.net_benefit[0] == pytest.approx((4 - 2 * 1) / 12)
    assert sweep.net_benefit[1] == pytest.approx((6 - 3 / 4) / 12)
    assert net_benefit_of_always(np.array([0.2]), 7 / 12)[0] == pytest.approx((7 - 5 / 4) / 12)


# --- Figures with intervals -----------------------------------------------------------------------


def test_the_intervals_are_those_of_figures_computed_anew_in_each_draw(hours: Hours) -> None:
    resampling = Resampling.of(hours.n_patients, draws=30)
    found = figures(hours, resampling)
    rows = [
        np.repeat(np.arange(900), count[hours.patient].astype(int)) for count in resampling.counts
    ]
    drawn = [(hours.labels[r], hours.probabilities[r]) for r in rows]
    anew = {
        "auroc": [roc_auc_score(y, p) for y, p in drawn],
        "auprc": [average_precision_score(y, p) for y, p in drawn],
        "ppv": [y[p >= np.float32(0.25)].mean() for y, p in drawn],
        "predicted_over_observed": [p.astype(np.float64).mean() / y.mean() for y, p in drawn],
    }
    for name, values in anew.items():
        figure = found[name]
        assert isinstance(figure, Figure)
        assert (figure.low, figure.high) == pytest.approx(interval(np.array(values)), abs=1e-6)
        assert figure.low < figure.value < figure.high


def test_one_newton_step_gives_the_calibration_of_a_draw(hours: Hours) -> None:
    resampling = Resampling.of(hours.n_patients, draws=30)
    found = figures(hours, resampling)
    rows = [
        np.repeat(np.arange(900), count[hours.patient].astype(int)) for count in resampling.counts
    ]
    anew = [calibration(hours.probabilities[r].astype(np.float64), hours.labels[r]) for r in rows]
    for name, values in (
        ("calibration_slope", [of.slope for of in anew]),
        ("calibration_in_the_large", [of.in_the_large for of in anew]),
    ):
        figure = found[name]
        assert isinstance(figure, Figure)
        assert (figure.low, figure.high) == pytest.approx(interval(np.array(values)), abs=0.05)


def test_the_calibration_slope_and_intercept_are_those_of_a_logistic_regression() -> None:
    random = np.random.default_rng(5)
    logits = random.normal(-2, 1, 4000)
    labels = (random.random(4000) < sigmoid(0.5 + 0.7 * logits)).astype(np.int8)
    slope = LogisticRegression(C=np.inf, tol=1e-10).fit(logits[:, None], labels).coef_[0, 0]
    fitted = calibration(sigmoid(logits), labels)
    assert fitted.slope == pytest.approx(slope, abs=1e-4)
    # The intercept in the large makes the mean right, with the slope left as it is.
    assert sigmoid(logits + fitted.in_the_large).mean() == pytest.approx(labels.mean(), abs=1e-9)


def test_a_group_with_nine_septic_patients_has_counts_only(hours: Hours) -> None:
    few = hours.of(np.isin(hours.patient, np.unique(hours.patient[hours.labels == 1])[:9]))
    assert figures(few, Resampling.of(40, draws=5)).keys() == {
        "patients",
        "septic_patients",
        "hours",
    }


def test_bins_of_the_calibration_plot_hold_every_hour_and_rise() -> None:
    scores = np.random.default_rng(0).random(1000)
    bins = calibration_curve.bins_of(scores)
    assert np.bincount(bins).tolist() == [100] * 10
    assert all(scores[bins == k].max() <= scores[bins == k + 1].min() for k in range(9))
    assert np.bincount(calibration_curve.bins_of(np.repeat([0.1, 0.2], 50))).tolist() == [50, 50]


def test_the_smooth_curve_of_true_probabilities_is_the_diagonal() -> None:
    random = np.random.default_rng(1)
    truth = sigmoid(random.normal(-2, 1, 60_000))
    curve = calibration_curve.smooth(truth, (random.random(60_000) < truth).astype(np.int8))
    assert np.abs(curve.observed - curve.predicted).max() < 0.04
    assert (np.diff(curve.predicted) > 0).all()


# --- Groups ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset(a_cohort(150))


def test_every_hour_is_in_exactly_one_group_of_each_dimension(data: Dataset) -> None:
    values = data.cohort.stay.values.copy()
    values[:500, [SEX, AGE]] = np.nan
    values[:300, [MEDICAL_UNIT, SURGICAL_UNIT]] = np.nan
    values[300:600, [MEDICAL_UNIT, SURGICAL_UNIT]] = (np.nan, 1.0)
    values[-200:, ICU_HOUR] += 55
    cohort = Cohort(
        Stay(values, data.cohort.stay.starts),
        data.cohort.labels,
        data.cohort.patient_ids,
        data.cohort.hospitals,
    )
    found = subgroups(replace(data, cohort=cohort))
    for groups in found.values():
        assert (np.sum(list(groups.values()), axis=0) == 1).all()
    assert found["unit"]["unknown"].sum() == 300
    assert found["unit"]["surgical"].sum() == 300
    assert found["sex"]["unknown"].sum() == 500


@pytest.mark.parametrize(
    ("age", "band"),
    [(44.0, "under 45"), (45.0, "45 to 64"), (79.0, "65 to 79"), (80.0, "80 and over")],
)
def test_an_age_lies_in_the_band_that_names_it(data: Dataset, age: float, band: str) -> None:
    values = data.cohort.stay.values.copy()
    values[:, AGE] = age
    stay = Stay(values, data.cohort.stay.starts)
    cohort = Cohort(stay, data.cohort.labels, data.cohort.patient_ids, data.cohort.hospitals)
    assert list(subgroups(replace(data, cohort=cohort))["age"]) == [band]
    assert band in AGE_BANDS


# --- Variables, ablation, drift -------------------------------------------------------------------


def test_every_feature_is_permuted_with_each_of_its_variables() -> None:
    groups = variable_groups(features.NAMES)
    assert set(np.concatenate(list(groups.values()))) == set(range(len(features.NAMES)))
    of_lactate = {features.NAMES[column] for column in groups["lactate"]}
    assert {name for name, of in features.SOURCES.items() if of == ("Lactate",)} <= of_lactate
    assert "shock_index" in {features.NAMES[column] for column in groups["heart_rate"]}
    counted = {features.NAMES[column] for column in groups[MEASUREMENT_COUNTS]}
    assert "labs_count_24h" in counted
    assert not counted & of_lactate


def test_importance_is_measured_where_no_record_is_cut(data: Dataset) -> None:
    assert not (importance_sample(data) & ~data.is_uncut).any()


def test_the_first_member_is_the_model_that_one_member_would_give(data: Dataset) -> None:
    rows = np.arange(len(data.X))
    alone = fit(data, Recipe(**{**_as_dict(RECIPE), "members": 1}), rows)
    first = first_member(fit(data, RECIPE, rows))
    np.testing.assert_array_equal(first.decision_function(data.X), alone.decision_function(data.X))


def _as_dict(recipe: Recipe) -> dict[str, Any]:
    return {name: getattr(recipe, name) for name in recipe.__dataclass_fields__}


def test_the_drift_reference_finds_the_deciles_and_what_is_missing() -> None:
    known = np.arange(1, 101, dtype=np.float32)
    X = np.column_stack([known, np.where(known <= 25, np.nan, 7), np.full(100, np.nan)])
    found = feature_reference.reference(X.astype(np.float32))
    assert found["hours"] == 100
    assert found["missing"] == [0, 0.25, 1]
    assert found["edges"] == [[10, 20, 30, 40, 50, 60, 70, 80, 90], [7], []]
    assert found["shares"] == [[0.1] * 10, [1, 0], []]


def test_the_drift_reference_is_small_and_reads_back_to_the_same_bins(data: Dataset) -> None:
    written = json.dumps(feature_reference.reference(data.X), allow_nan=False)
    assert len(written) < 60_000
    read = json.loads(written)
    for column, edges, shares in zip(data.X.T, read["edges"], read["shares"], strict=True):
        known = column[~np.isnan(column)]
        if len(known):
            bins = bins_of(known, np.array(edges, dtype=np.float32))
            counts = np.bincount(bins, minlength=len(edges) + 1)
            np.testing.assert_allclose(counts / len(known), shares, atol=6e-4)


# --- The report -----------------------------------------------------------------------------------

FILES = ("report.md", "metrics.json", "discrimination.svg", "utility.svg", "calibration.svg")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, data: Dataset) -> Path:
    out = tmp_path_factory.mktemp("report")
    evaluate(data.cohort, RECIPE, out=out / "first", work=out / "work", draws=20)
    return out


def contents(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_the_report_shows_every_plot_that_is_written_and_no_other(written: Path) -> None:
    docs = written / "first" / "docs" / "model"
    text = (docs / "report.md").read_text("utf-8")
    links = set(re.findall(r"\]\(([^)#]+)", text))
    assert {path.name for path in docs.glob("*.svg")} == {x for x in links if x.endswith(".svg")}
    assert all((docs / link).exists() for link in links)
    assert {*FILES} <= {path.name for path in docs.iterdir()}
    assert sum(path.stat().st_size for path in docs.iterdir()) < 1_500_000


def test_each_plot_has_a_sentence_above_it_and_words_for_those_who_cannot_see_it(
    written: Path,
) -> None:
    paragraphs = (written / "first/docs/model/report.md").read_text("utf-8").split("\n\n")
    for before, plot in pairwise(paragraphs):
        if plot.startswith("!["):
            assert before.rstrip().endswith((".", ":"))
            assert len(plot[2 : plot.index("]")]) > 20


def test_the_model_card_stands_beside_and_links_to_the_report(written: Path) -> None:
    card = (written / "first/MODEL_CARD.md").read_text("utf-8")
    assert "docs/model/report.md" in card
    for heading in ("Intended use", "Data", "Validation", "Alerts", "Limits", "Ethics"):
        assert f"## {heading}\n" in card
    assert "not a medical device" in card


def test_no_number_in_the_words_is_made_of_nothing(written: Path) -> None:
    for path in (written / "first").rglob("*.md"):
        assert not re.search(r"\bnan\b|\binf\b|None|[{}]", path.read_text("utf-8"))


def test_a_second_run_writes_the_same_bytes(written: Path, data: Dataset) -> None:
    evaluate(data.cohort, RECIPE, out=written / "second", work=written / "work", draws=20)
    assert contents(written / "second") == contents(written / "first")


def test_the_figures_are_those_of_the_judgement(written: Path) -> None:
    found = json.loads((written / "first/docs/model/metrics.json").read_text("utf-8"))
    assert found["data"]["patients"] == 150
    assert found["operating_points"][0]["utility"] == pytest.approx(
        found["overall"]["utility"]["value"], abs=1e-5
    )
    assert found["ablation"]["members"] == 1
    left_out = tuple(found["model"]["recipe"]["left_out"])
    seen = variable_groups(Recipe(left_out=left_out).features)
    assert found["importance"]["variables"].keys() == seen.keys()
    by_hospital = found["subgroups"]["hospital"].values()
    assert sum(group["hours"] for group in by_hospital) == found["overall"]["hours"]


@pytest.fixture(scope="module")
def measured(written: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (written / "first/docs/model/metrics.json").read_text("utf-8")
    )
    return found


FIGURE = {"value": 0.5, "low": 0.4, "high": 0.6}
AREAS = {"utility": FIGURE, "auroc": FIGURE, "auprc": FIGURE}


def carried(name: str, **changed: Any) -> dict[str, Any]:
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


def test_a_comparison_beside_the_report_becomes_part_of_it(measured: dict[str, Any]) -> None:
    less = {"auroc": {"value": -0.01, "low": -0.02, "high": 0.005}}
    compared: dict[str, Any] = {
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


def test_what_was_tried_shows_what_carries_over(measured: dict[str, Any]) -> None:
    across = {"A to B": {"auroc": 0.7}, "B to A": {"auroc": 0.6}}
    inside = {"auroc": 0.81, "auprc": 0.06, "utility": 0.2}
    row = {"label": "small trees", "inside": inside, "across_hospitals": across}
    text = training_report.text(measured, tuning={"patients": 9, "folds": 3, "variations": [row]})
    assert "| AUROC, A to B | AUROC, B to A |" in text
    assert "| small trees | 0.810 | 0.060 | 0.200 | 0.700 | 0.600 |" in text


def test_a_variant_that_was_not_fitted_is_left_out(measured: dict[str, Any]) -> None:
    served = measured["ablation"]["variants"]["as_served"]
    fewer = measured | {"ablation": {"members": 1, "variants": {"as_served": served}}}
    assert "| as served |" in training_report.text(fewer)
    assert "uncapped |" not in training_report.text(fewer)


def test_a_group_without_septic_patients_has_dashes(measured: dict[str, Any]) -> None:
    counts = {"patients": 3.0, "septic_patients": 0.0, "hours": 9.0}
    few = measured | {"subgroups": measured["subgroups"] | {"sex": {"unknown": counts}}}
    assert "| unknown | 3 | 0 | – |" in training_report.text(few)
    assert "| unknown | 3 | – |" in model_card.text(few)


def test_an_external_validation_is_read_where_it_lies(
    written: Path, measured: dict[str, Any]
) -> None:
    assert "Not validated yet" in (written / "first/docs/model/report.md").read_text("utf-8")
    out = written / "validated"
    beside = out / "docs/model/external"
    beside.mkdir(parents=True)
    (beside / "validation.json").write_bytes((METRICS.parent / EXTERNAL).read_bytes())
    write(measured, out)
    assert "Not validated yet" not in (out / "docs/model/report.md").read_text("utf-8")
    assert "Not yet measured" not in (out / "MODEL_CARD.md").read_text("utf-8")


def test_variables_left_out_are_named_with_the_reason(measured: dict[str, Any]) -> None:
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


def test_the_committed_words_are_those_of_the_committed_figures() -> None:
    found, compared, tuned, external = (
        committed(name) for name in (METRICS.name, COMPARISON, TUNING, EXTERNAL)
    )
    words = "run `python -m model_build evaluate`"
    expected = training_report.text(found, compared, tuned, external)
    assert (METRICS.parent / "report.md").read_text("utf-8") == expected, words
    card = model_card.text(found, compared, external)
    assert (ROOT / "MODEL_CARD.md").read_text("utf-8") == card, words


def test_figures_for_json_have_six_digits_and_null_for_unknown() -> None:
    given = {
        "z": -1e-12,
        "a": np.float64(1 / 3),
        "b": [float("nan")],
        "c": Figure(1.0, 0.5, np.inf),
        "d": 7,
    }
    assert plain(given) == {
        "z": 0.0,
        "a": 0.333333,
        "b": [None],
        "c": {"value": 1.0, "low": 0.5, "high": None},
        "d": 7,
    }


def test_the_command_says_what_is_wrong_with_the_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--data", str(tmp_path), "--work", str(tmp_path)]) == 2
    assert "neither" in capsys.readouterr().err
    assert QUICK.max_patients is not None
