"""Stage `train`: from a synthetic cohort to an artifact that the service accepts."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import pytest

from model_build.config import Recipe
from model_build.data.dataset import Dataset
from model_build.train import train
from sepsis_detect.clinical.variables import VARIABLES
from sepsis_detect.errors import ModelArtifactError
from sepsis_detect.prediction.model import METADATA_KEY, Model
from tests.unit.model_build.small_recipe import RECIPE


def only(*names: str) -> Recipe:
    """A recipe that sees no other variables."""
    return replace(RECIPE, left_out=tuple({v.name for v in VARIABLES if v.name not in names}))


# What does not change in a stay: a model of it is steady, whatever sixty patients teach.
STATIC = ("age", "sex", "icu_unit", "hospital_admission_hour")
STEADY = only(*STATIC)


def test_a_training_ends_in_an_artifact_that_the_service_accepts(
    tmp_path: Path, data: Dataset
) -> None:
    out = tmp_path / "model.onnx"
    model = train(data.cohort, STEADY, out=out, work=tmp_path / "work")
    assert [path.name for path in tmp_path.iterdir() if path.name != "work"] == ["model.onnx"]
    served = Model.load(out, loaded_at=datetime.now(UTC))
    np.testing.assert_array_equal(served.probabilities(data.X), model.probabilities(data.X))
    metadata = json.loads(onnx.load(out).metadata_props[0].value)
    assert onnx.load(out).metadata_props[0].key == METADATA_KEY
    assert metadata["features"] == list(STEADY.features)
    assert len(metadata["reference"]) == len(STEADY.features) == len(STATIC)
    assert metadata["threshold"] == float(np.float32(metadata["threshold"]))
    assert metadata["training"]["patients"] == 60
    assert metadata["training"]["hospitals"] == {"A": 30, "B": 30}
    assert metadata["training"]["data_digest"] == f"sha256:{data.cohort.digest}"
    assert served.metadata.operating_points is not None
    assert served.metadata.operating_points[0].threshold == metadata["threshold"]
    groups = {"first_36_hours", "hospital_A", "hospital_B", "all_hours_weighted", "whole_stays"}
    assert groups | {"intervals", "protocol"} == metadata["metrics"].keys()


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


def test_an_interrupted_training_resumes_from_the_cache(tmp_path: Path, data: Dataset) -> None:
    first = train(data.cohort, STEADY, out=tmp_path / "1.onnx", work=tmp_path / "work")
    (folder,) = (tmp_path / "work").iterdir()
    kept = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    (folder / "final.pickle").unlink()
    second = train(data.cohort, STEADY, out=tmp_path / "2.onnx", work=tmp_path / "work")
    np.testing.assert_array_equal(first.probabilities(data.X), second.probabilities(data.X))
    del kept["final.pickle"]
    assert kept.items() <= {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}.items()
