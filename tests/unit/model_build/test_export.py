"""From made-up patients to an artifact that answers exactly as scikit-learn does."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from model_build.config import Recipe
from model_build.data.dataset import Dataset, dataset
from model_build.learn.bins import Bins
from model_build.learn.ensemble import AveragedGradientBoosting
from model_build.learn.export import (
    ParityError,
    require_parity,
    served_probabilities,
    session,
    to_onnx,
)
from model_build.learn.out_of_fold import fit
from model_build.learn.selfcheck import decimal, made_up_rows
from model_build.train import train
from sepsis_detect.clinical.variables import VARIABLES
from sepsis_detect.errors import ModelArtifactError
from sepsis_detect.prediction import features
from sepsis_detect.prediction.model import METADATA_KEY, Model
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


def only(*names: str) -> Recipe:
    """A recipe that sees no other variables."""
    return replace(RECIPE, left_out=tuple({v.name for v in VARIABLES if v.name not in names}))


# What does not change in a stay: a model of it is steady, whatever sixty patients teach.
STATIC = ("age", "sex", "icu_unit", "hospital_admission_hour")
STEADY = only(*STATIC)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Fits this small only lose time to a second thread."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset(a_cohort())


@pytest.fixture(scope="module")
def fitted(data: Dataset) -> AveragedGradientBoosting:
    model = fit(data, RECIPE, np.arange(len(data.X)))
    return model.calibrate(model.decision_function(data.X), data.labels)


# --- The learner --------------------------------------------------------------------------------


def test_the_ensemble_finds_the_sick(data: Dataset, fitted: AveragedGradientBoosting) -> None:
    probabilities = fitted.predict_proba(data.X)[:, 1]
    assert probabilities[data.labels == 1].mean() > 2 * probabilities[data.labels == 0].mean()
    assert probabilities.mean() == pytest.approx(data.labels.mean(), rel=1e-6)


def test_the_same_seed_gives_the_same_margins(
    data: Dataset, fitted: AveragedGradientBoosting
) -> None:
    again = fit(data, RECIPE, np.arange(len(data.X)))
    np.testing.assert_array_equal(again.decision_function(data.X), fitted.decision_function(data.X))


def test_members_draw_different_hours(fitted: AveragedGradientBoosting, data: Dataset) -> None:
    first, second = (
        member.decision_function(fitted.bins_.encode(data.X)) for member in fitted.members_
    )
    assert not np.array_equal(first, second)


def test_a_feature_that_is_never_measured_is_no_obstacle(
    data: Dataset, fitted: AveragedGradientBoosting
) -> None:
    never = np.isnan(data.X).all(axis=0)
    assert never.any()
    X = data.X.copy()
    X[:, never] = 12.0
    np.testing.assert_array_equal(fitted.decision_function(X), fitted.decision_function(data.X))


def test_float64_features_are_refused(data: Dataset) -> None:
    learner = AveragedGradientBoosting.of(RECIPE)
    gain = data.utilities.gain
    with pytest.raises(ValueError, match="float32"):
        learner.fit(data.X.astype(np.float64), gain > 0, np.abs(gain))


floats = st.floats(width=32, allow_nan=False, min_value=-1e6, max_value=1e6)


@given(st.lists(floats, min_size=2, max_size=80, unique=True), st.integers(2, 20))
def test_a_value_is_at_most_a_cut_exactly_when_its_bin_is(values: list[float], n: int) -> None:
    column = np.array([*values, np.nan], dtype=np.float32)[:, None]
    bins = Bins.of(column, np.ones(len(column)), max_bins=n)
    (cuts,) = bins.cuts
    assert len(cuts) < n
    assert cuts.dtype == np.float32
    around = np.concatenate([column[:-1, 0], cuts, np.nextafter(cuts, np.float32(np.inf))])
    codes = bins.encode(around[:, None])[:, 0]
    for k, cut in enumerate(cuts):
        np.testing.assert_array_equal(codes <= k, around <= cut)
    assert np.isnan(bins.encode(column)[-1, 0])


def test_few_values_are_all_told_apart_even_where_float32_has_nothing_between() -> None:
    low = np.float32(0.1)
    column = np.array([low, np.nextafter(low, np.float32(1))], dtype=np.float32)[:, None]
    assert Bins.of(column, np.ones(2)).encode(column)[:, 0].tolist() == [0, 1]


# --- The graph ----------------------------------------------------------------------------------


def test_onnx_equals_scikit_learn_on_every_hour(
    data: Dataset, fitted: AveragedGradientBoosting
) -> None:
    served = served_probabilities(session(to_onnx(fitted)), data.X)
    assert served.dtype == np.float32
    assert served.shape == (len(data.X),)
    assert require_parity(served, fitted.predict_proba(data.X)[:, 1]) < 1e-6


def test_onnx_equals_scikit_learn_beside_every_threshold(
    data: Dataset, fitted: AveragedGradientBoosting
) -> None:
    random = np.random.default_rng(5)
    rows = []
    for feature, cuts in enumerate(fitted.bins_.cuts):
        below, above = (np.nextafter(cuts, np.float32(side)) for side in (-np.inf, np.inf))
        for value in np.concatenate([below, cuts, above]):
            row = data.X[random.integers(len(data.X))].copy()
            row[feature] = value
            rows.append(row)
    X = np.array(rows)
    served = served_probabilities(session(to_onnx(fitted)), X)
    require_parity(served, fitted.predict_proba(X)[:, 1])


def test_onnx_equals_scikit_learn_with_each_feature_missing(
    data: Dataset, fitted: AveragedGradientBoosting
) -> None:
    X = np.repeat(data.X[100:101], len(features.NAMES) + 1, axis=0)
    np.fill_diagonal(X, np.nan)
    X[-1] = np.nan
    served = served_probabilities(session(to_onnx(fitted)), X)
    require_parity(served, fitted.predict_proba(X)[:, 1])


def test_a_disagreement_is_refused() -> None:
    with pytest.raises(ParityError, match="differ by 1e-05"):
        require_parity(np.array([0.5], dtype=np.float32), np.array([0.50001]))
    with pytest.raises(ParityError):
        require_parity(np.array([np.nan], dtype=np.float32), np.array([0.5]))


def test_made_up_rows_tell_a_wrong_side_of_a_threshold(fitted: AveragedGradientBoosting) -> None:
    rows = made_up_rows(fitted, seed=1)
    assert len(rows) == 40
    assert np.isnan(rows[0]).all()
    answers = fitted.predict_proba(rows)[:, 1]
    left, right = answers[-24:-12], answers[-12:]
    assert (np.abs(left - right) > 1e-3).any()


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_number_in_the_artifact_reads_back_to_the_same_float32(value: float) -> None:
    written = json.dumps(decimal(np.float32(value)))
    assert np.float32(json.loads(written)) == np.float32(value)


# --- The whole way ------------------------------------------------------------------------------


def test_a_training_ends_in_an_artifact_that_the_service_accepts(
    tmp_path: Path, data: Dataset
) -> None:
    out = tmp_path / "model.onnx"
    model = train(data.cohort, STEADY, out=out, work=tmp_path / "work")
    assert [path.name for path in tmp_path.iterdir() if path.name != "work"] == ["model.onnx"]
    served = Model.load(out, loaded_at=datetime.now(UTC))
    np.testing.assert_array_equal(served.probabilities(data.X), model.probabilities(data.X))
    card = json.loads(onnx.load(out).metadata_props[0].value)
    assert onnx.load(out).metadata_props[0].key == METADATA_KEY
    assert card["features"] == list(STEADY.features)
    assert len(card["reference"]) == len(STEADY.features) == len(STATIC)
    assert card["threshold"] == float(np.float32(card["threshold"]))
    assert card["training"]["patients"] == 60
    assert card["training"]["hospitals"] == {"A": 30, "B": 30}
    assert card["training"]["data_digest"] == f"sha256:{data.cohort.digest}"
    assert served.metadata.operating_points is not None
    assert served.metadata.operating_points[0].threshold == card["threshold"]
    groups = {"first_36_hours", "hospital_A", "hospital_B", "all_hours_weighted", "whole_stays"}
    assert groups | {"intervals", "protocol"} == card["metrics"].keys()


def test_a_training_that_ends_in_a_step_writes_no_artifact(tmp_path: Path, data: Dataset) -> None:
    """The last ten hours of these stays are septic: a model of time alone learns that."""
    with pytest.raises(ModelArtifactError, match="the risk of a well patient rises by"):
        train(data.cohort, only("icu_hour"), out=tmp_path / "model.onnx", work=tmp_path / "work")
    assert not (tmp_path / "model.onnx").exists()


def test_an_artifact_whose_cuts_moved_by_one_float32_is_refused(
    tmp_path: Path, data: Dataset
) -> None:
    train(data.cohort, STEADY, out=tmp_path / "model.onnx", work=tmp_path / "work")
    artifact = onnx.load(tmp_path / "model.onnx")
    trees = next(node for node in artifact.graph.node if node.op_type == "TreeEnsembleRegressor")
    values = next(item for item in trees.attribute if item.name == "nodes_values_as_tensor")
    cuts = onnx.numpy_helper.to_array(values.t).astype(np.float32)
    moved = np.nextafter(cuts, np.float32(np.inf)).astype(np.float64)
    values.t.CopyFrom(onnx.numpy_helper.from_array(moved))
    with pytest.raises(ModelArtifactError, match="self-check"):
        Model(artifact.SerializeToString(), source="test", loaded_at=datetime.now(UTC))


def test_an_interrupted_training_goes_on_where_it_stopped(tmp_path: Path, data: Dataset) -> None:
    first = train(data.cohort, STEADY, out=tmp_path / "1.onnx", work=tmp_path / "work")
    (folder,) = (tmp_path / "work").iterdir()
    kept = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    (folder / "final.pickle").unlink()
    second = train(data.cohort, STEADY, out=tmp_path / "2.onnx", work=tmp_path / "work")
    np.testing.assert_array_equal(first.probabilities(data.X), second.probabilities(data.X))
    del kept["final.pickle"]
    assert kept.items() <= {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}.items()
