"""Stage `adapt`: an artifact that the service accepts, and figures of patients it never saw."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest

from model_build.data.cohort import Cohort
from model_build.data.dataset import Dataset, dataset
from model_build.data.labels import LATEST_USEFUL, hours_since_onset
from model_build.judge.figures import Figure, Figures
from model_build.learn.calibration import sigmoid
from model_build.site import adapt as stage
from model_build.site.adapt import Adapted, adapt, require_enough, site_data, site_features
from model_build.site.adapt_figures import decisive_figures, verdict
from model_build.site.adapt_operating_point import OperatingPointRule
from model_build.site.adaptation import Choice
from model_build.site.given_model import GivenModel
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE
from sepsis_detect.errors import BadFileError
from sepsis_detect.prediction.model import METADATA_KEY, Model
from tests.artifacts import opened
from tests.unit.model_build.site.small_site import SETTINGS, UTILITY, WITH_STATIC


def with_septic_stays(cohort: Cohort, n_septic: int) -> Cohort:
    """The first septic stays and all others."""
    septic = np.maximum.reduceat(cohort.labels, cohort.stay.starts) == 1
    return cohort.take(np.flatnonzero(~septic | (np.cumsum(septic) <= n_septic)))


def metadata_of(artifact: bytes) -> Figures:
    (text,) = (
        each.value
        for each in onnx.load_from_string(artifact).metadata_props
        if each.key == METADATA_KEY
    )
    found: Figures = json.loads(text)
    return found


@pytest.fixture(scope="module")
def model(adapted: Adapted) -> Model:
    return opened(adapted.artifact)


def test_the_artifact_names_parent_site_and_data(
    model: Model, given: GivenModel, own: Dataset, adapted: Adapted
) -> None:
    metadata, parent = model.metadata, given.model
    assert metadata.parent is not None
    assert metadata.site is not None
    assert metadata.parent.model_dump() == {
        "name": parent.metadata.name,
        "version": parent.metadata.version,
        "sha256": parent.sha256,
    }
    assert metadata.site.name == "St Elsewhere"
    assert metadata.name == parent.metadata.name
    assert metadata.version.startswith(f"{parent.metadata.version}-st-elsewhere-")
    assert metadata.training["data_digest"] == f"sha256:{own.cohort.digest}"
    assert metadata.features == list(given.features)
    assert metadata.external is None
    blend = metadata_of(adapted.artifact)["blend"]
    assert blend["refit"] + blend["weight"] > 0


def test_its_operating_points_and_metrics_are_out_of_fold(model: Model, adapted: Adapted) -> None:
    points = model.metadata.operating_points
    assert points is not None
    assert np.float32(points[0].threshold) == model.threshold
    found = model.metadata.metrics["first_36_hours"]
    judged = adapted.figures["models"]["adapted"]
    assert found["auroc"] == pytest.approx(judged["auroc"]["value"], abs=1e-5)
    assert judged["auroc"]["low"] <= judged["auroc"]["value"] <= judged["auroc"]["high"]


def test_given_figures_are_those_of_the_artifact_as_it_came(
    adapted: Adapted, given: GivenModel, own: Dataset
) -> None:
    rows = own.is_uncut
    flags = sigmoid(given.trees.margins(own.X)) >= given.model.threshold
    found = adapted.figures["models"]["given"]
    assert found["alerts_per_patient_day"]["value"] == pytest.approx(24 * flags[rows].mean())
    assert found["sensitivity"]["value"] == pytest.approx(flags[rows & (own.labels == 1)].mean())


def test_no_figure_is_of_a_model_that_saw_the_patient(given: GivenModel, stays: Cohort) -> None:
    """Labels that follow nothing cannot be learnt: the adapted model then ranks by chance."""
    random = np.random.default_rng(3)
    order = random.permutation(stays.stay.n_stays)
    shuffled = np.concatenate([_label(n, k in order[:50]) for k, n in enumerate(stays.lengths)])
    cohort = replace(stays, labels=shuffled)
    values = stays.stay.values[random.permutation(stays.stay.n_hours)]
    values[:, -1] = stays.stay.values[:, -1]
    cohort = replace(cohort, stay=Stay(values, stays.stay.starts))
    found = adapt(given, cohort, rule=UTILITY, site_name="x", settings=SETTINGS)
    assert found.figures["models"]["adapted"]["auroc"]["value"] < 0.6


def _label(n_hours: int, is_septic: bool) -> np.ndarray:
    label = np.zeros(n_hours, dtype=np.int8)
    label[max(0, n_hours - 10) :] = is_septic
    return label


def test_with_few_septic_stays_only_calibration_and_threshold_move(
    given: GivenModel, stays: Cohort
) -> None:
    few = with_septic_stays(stays, 20)
    found = adapt(given, few, rule=UTILITY, site_name="x", settings=SETTINGS)
    metadata = metadata_of(found.artifact)
    assert metadata["blend"]["weight"] == metadata["blend"]["refit"] == 0
    assert metadata["blend"]["slope"] == 1
    assert found.figures["blend"]["is_calibration_only"]
    X = dataset(few, given.features).X
    served = opened(found.artifact)
    p = served._run(X)
    expected = sigmoid(given.trees.margins(X) + metadata["blend"]["intercept"])
    np.testing.assert_allclose(p, expected, atol=1e-6)


def test_fewer_than_ten_septic_stays_are_refused_with_what_is_needed(
    given: GivenModel, stays: Cohort
) -> None:
    few = with_septic_stays(stays, 9)
    with pytest.raises(BadFileError, match=r"^9 of .* at least 10 are needed .* and 30 septic"):
        adapt(given, few, rule=UTILITY, site_name="x", settings=SETTINGS)
    require_enough(site_data(with_septic_stays(stays, 10), given.features, progress=False))


def test_a_septic_hour_after_hour_36_does_not_count_as_early(
    given: GivenModel, stays: Cohort
) -> None:
    values = stays.stay.values.copy()
    values[:, -1] += 40
    late = replace(stays, stay=Stay(values, stays.stay.starts))
    with pytest.raises(BadFileError, match=r"^0 of 150 stays have a septic hour among their first"):
        adapt(given, late, rule=UTILITY, site_name="x", settings=SETTINGS)


def test_hours_long_after_onset_are_left_out_as_in_training(
    given: GivenModel, stays: Cohort
) -> None:
    labels = stays.labels.copy()
    septic = np.maximum.reduceat(labels, stays.stay.starts) == 1
    labels[septic[stays.stay_of_hour] & (stays.stay.icu_hours >= 3)] = 1
    found = site_data(replace(stays, labels=labels), given.features, progress=False)
    since = hours_since_onset(labels, stays.stay.starts)
    assert len(found.X) == np.count_nonzero(since <= LATEST_USEFUL) < len(labels)


def shares(choice: Choice) -> float:
    return max(choice.blend.refit, choice.blend.weight)


def test_what_is_local_is_lowered_until_the_risk_has_no_step(
    given: GivenModel, stays: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        stage,
        "exceeded_bound",
        lambda _given, _names, _local, choice: "a step" if shares(choice) > 0.5 else None,
    )
    found = adapt(given, stays, rule=UTILITY, site_name="x", settings=SETTINGS)
    assert max(found.figures["blend"]["refit"], found.figures["blend"]["weight"]) <= 0.5
    assert found.figures["blend"]["max_share"] < 1
    monkeypatch.setattr(stage, "exceeded_bound", lambda *_: "a step")
    found = adapt(given, stays, rule=UTILITY, site_name="x", settings=SETTINGS)
    assert found.figures["blend"]["refit"] == found.figures["blend"]["weight"] == 0


def test_own_trees_see_variables_that_the_given_model_does_not(
    given: GivenModel, stays: Cohort
) -> None:
    settings = replace(SETTINGS, recipe=WITH_STATIC)
    found = adapt(given, stays, rule=UTILITY, site_name="x", settings=settings)
    model = opened(found.artifact)
    assert model.metadata.features[: len(given.features)] == list(given.features)
    assert set(model.metadata.features) == set(WITH_STATIC.features)
    assert len(model.metadata.features) > len(given.features)
    again = adapt(
        GivenModel.of(found.artifact, source="x"),
        stays,
        rule=UTILITY,
        site_name="y",
        settings=SETTINGS,
    )
    assert opened(again.artifact).metadata.features == model.metadata.features


def test_variables_without_a_value_are_not_added(given: GivenModel, stays: Cohort) -> None:
    values = stays.stay.values.copy()
    values[:, BY_CHALLENGE["HospAdmTime"].column] = np.nan
    cohort = replace(stays, stay=Stay(values, stays.stay.starts))
    names = site_features(cohort, given, WITH_STATIC)
    assert "hospital_admission_hour" not in names
    assert "age" in names


def test_a_sensitivity_that_is_asked_for_is_about_reached_out_of_fold(
    given: GivenModel, stays: Cohort
) -> None:
    rule = OperatingPointRule(kind="sensitivity", value=0.8)
    found = adapt(given, stays, rule=rule, site_name="x", settings=SETTINGS).figures
    assert found["models"]["adapted"]["sensitivity"]["value"] == pytest.approx(0.8, abs=0.1)
    assert found["operating_points"][0]["sensitivity"] == pytest.approx(0.8, abs=0.1)
    assert found["decisive"] == ["auroc"]


def test_the_same_stays_give_the_same_figures(
    given: GivenModel, stays: Cohort, adapted: Adapted
) -> None:
    again = adapt(given, stays, rule=UTILITY, site_name="St Elsewhere", settings=SETTINGS)
    for name in ("models", "blend", "operating_points"):
        assert again.figures[name] == adapted.figures[name]


@pytest.mark.parametrize(
    ("auroc", "utility", "expected"),
    [
        pytest.param((0.01, 0.03), (-0.1, 0.1), "better", id="AUROC surely higher"),
        pytest.param((-0.01, 0.03), (-0.1, 0.1), "unproven", id="both may be zero"),
        pytest.param((-0.03, -0.01), (-0.1, 0.1), "worse", id="AUROC surely lower"),
        pytest.param((0.01, 0.03), (-0.3, -0.1), "mixed", id="one each way"),
    ],
)
def test_the_verdict_follows_the_intervals(
    auroc: tuple[float, float], utility: tuple[float, float], expected: str
) -> None:
    assert verdict([Figure(0.0, *auroc), Figure(0.0, *utility)]) == expected


def test_utility_decides_only_on_equal_terms() -> None:
    assert decisive_figures(2.4, is_for_utility=True) == ("auroc", "utility")
    assert decisive_figures(2.6, is_for_utility=True) == ("auroc",)
    assert decisive_figures(1.0, is_for_utility=False) == ("auroc",)
