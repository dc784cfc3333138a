"""The ensemble as one ONNX graph, and the proof that it answers as scikit-learn does.

skl2onnx converts each member; the trees are then merged into one TreeEnsembleRegressor, whose
leaves are the members' divided by their number and whose thresholds are the cuts behind the
members' bins, so that it takes the features as they are. Slope and intercept of the sigmoid are in
the leaves.

Trees work in float64 on the float32 inputs: float32 sums of a thousand leaves drift by 1e-6. It
costs a tenth in time and size.

Trees read each feature and its negative. A split that sends a missing value to the left asks the
negative and has its branches exchanged: `x <= t, or missing` is `not -x < -t`, and nothing but a
comparison is left to do, which a missing value never passes. To look for missing values at every
split takes a quarter more time.
"""

import json
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import skl2onnx
import sklearn
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from skl2onnx.common.data_types import FloatTensorType

from model_build.learn.ensemble import AveragedGradientBoosting
from sepsis_detect.clinical.stay import FloatArray
from sepsis_detect.prediction.model import METADATA_KEY

Float32Array = NDArray[np.float32]

OPSETS = {"": 17, "ai.onnx.ml": 3}
IR_VERSION = 8
PARITY = 1e-6  # most that a probability may differ
HOURS_AT_A_TIME = 50_000
COPIED = ("nodes_nodeids", "nodes_modes", "nodes_truenodeids", "nodes_falsenodeids")


class ParityError(AssertionError):
    """ONNX Runtime and scikit-learn disagree."""


def to_onnx(ensemble: AveragedGradientBoosting) -> onnx.ModelProto:
    """Convert a fitted, calibrated ensemble.

    Returns:
        A graph from `features`, float32 (n, n_features), to `probability`, float32 (n,).
    """
    members = ensemble.members_
    base = sum(float(member._baseline_prediction.item()) for member in members) / len(members)
    intercept = ensemble.slope_ * base + ensemble.intercept_
    nodes = [
        helper.make_node("Cast", ["features"], ["exact"], to=TensorProto.DOUBLE),
        helper.make_node("Neg", ["exact"], ["negative"]),
        helper.make_node("Concat", ["exact", "negative"], ["signed"], axis=1),
        _merged_trees(ensemble, "signed", "logits", intercept=intercept),
        helper.make_node("Reshape", ["logits", "one_dimension"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    shape = [None, ensemble.n_features_in_]
    graph = helper.make_graph(
        nodes,
        "sepsis",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None])],
        [numpy_helper.from_array(np.array([-1]), "one_dimension")],
    )
    model = helper.make_model(
        graph,
        ir_version=IR_VERSION,
        producer_name="model_build",
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in OPSETS.items()],
    )
    onnx.checker.check_model(model)
    return model


def with_metadata(model: onnx.ModelProto, content: dict[str, Any]) -> bytes:
    """The artifact: a graph with the metadata that `report.artifact_metadata` describes."""
    helper.set_model_props(model, {METADATA_KEY: json.dumps(content, allow_nan=False)})
    artifact: bytes = model.SerializeToString()
    return artifact


def with_external(artifact: bytes, external: dict[str, Any]) -> bytes:
    """The same artifact with the figures of its validation at other hospitals."""
    model = onnx.load_from_string(artifact)
    (metadata,) = (each.value for each in model.metadata_props if each.key == METADATA_KEY)
    return with_metadata(model, json.loads(metadata) | {"external": external})


def session(model: onnx.ModelProto | bytes) -> Any:
    """An ONNX Runtime session on the processor."""
    content = model if isinstance(model, bytes) else model.SerializeToString()
    return ort.InferenceSession(content, providers=["CPUExecutionProvider"])


def served_probabilities(runtime: Any, X: Float32Array) -> Float32Array:
    """Shape (n_hours,): what ONNX Runtime answers, some hours at a time."""
    parts = [
        runtime.run(["probability"], {"features": X[first : first + HOURS_AT_A_TIME]})[0]
        for first in range(0, len(X), HOURS_AT_A_TIME)
    ]
    return np.concatenate(parts)


def require_parity(served: Float32Array, expected: FloatArray) -> float:
    """The largest difference between the two probabilities of an hour.

    Raises:
        ParityError: It is `PARITY` or more, or one of them is NaN.
    """
    difference = float(np.abs(served - expected).max())
    if not difference < PARITY:
        raise ParityError(f"ONNX and scikit-learn differ by {difference:.2g}, not below {PARITY:g}")
    return difference


def _merged_trees(
    ensemble: AveragedGradientBoosting, source: str, target: str, *, intercept: float
) -> onnx.NodeProto:
    lists: dict[str, Any] = {name: [] for name in ("nodes_treeids", *COPIED)}
    leaf_trees: list[int] = []
    leaf_nodes: list[int] = []
    n_trees = 0
    for member in ensemble.members_:
        converted = _converted(member)
        for name in COPIED:
            lists[name] += converted[name]
        lists["nodes_treeids"] += [tree + n_trees for tree in converted["nodes_treeids"]]
        leaf_trees += [tree + n_trees for tree in converted["class_treeids"]]
        leaf_nodes += converted["class_nodeids"]
        n_trees += len(member._predictors)
    nodes = np.concatenate([_nodes(member) for member in ensemble.members_])
    is_leaf = nodes["is_leaf"] == 1
    splits = nodes[~is_leaf]
    values = np.zeros(len(nodes))
    values[~is_leaf] = ensemble.bins_.thresholds(splits["feature_idx"], splits["num_threshold"])
    is_left = ~is_leaf & (nodes["missing_go_to_left"] == 1)
    values[is_left] = np.nextafter(-values[is_left], -np.inf)  # below it, not at it
    column = nodes["feature_idx"] + is_left * ensemble.n_features_in_
    lists["nodes_featureids"] = np.where(is_leaf, 0, column).tolist()
    yes, no = np.array(lists["nodes_truenodeids"]), np.array(lists["nodes_falsenodeids"])
    lists["nodes_truenodeids"] = np.where(is_left, no, yes).tolist()
    lists["nodes_falsenodeids"] = np.where(is_left, yes, no).tolist()
    weights = nodes["value"][is_leaf] * ensemble.slope_ / len(ensemble.members_)
    return helper.make_node(
        "TreeEnsembleRegressor",
        [source],
        [target],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        nodes_values_as_tensor=numpy_helper.from_array(values),
        target_weights_as_tensor=numpy_helper.from_array(weights),
        base_values_as_tensor=numpy_helper.from_array(np.array([intercept])),
        target_ids=[0] * len(leaf_trees),
        target_treeids=leaf_trees,
        target_nodeids=leaf_nodes,
        **lists,
    )


def _converted(member: Any) -> dict[str, Any]:
    """The attributes of skl2onnx's tree node, checked against the member's own trees."""
    model = skl2onnx.to_onnx(
        member,
        initial_types=[("features", FloatTensorType([None, member.n_features_in_]))],
        options={id(member): {"zipmap": False, "raw_scores": True}},
        target_opset=OPSETS,
    )
    (trees,) = (node for node in model.graph.node if node.op_type == "TreeEnsembleClassifier")
    converted = {item.name: helper.get_attribute_value(item) for item in trees.attribute}
    nodes = _nodes(member)
    is_leaf = nodes["is_leaf"] == 1
    splits, leaves = nodes[~is_leaf], nodes[is_leaf]

    def of_splits(name: str) -> Any:
        return np.array(converted[name])[~is_leaf]

    same = (
        converted["post_transform"] == b"NONE"
        and np.array_equal(np.array(converted["nodes_modes"]) == b"LEAF", is_leaf)
        and np.array_equal(of_splits("nodes_featureids"), splits["feature_idx"])
        and np.array_equal(of_splits("nodes_values"), splits["num_threshold"].astype(np.float32))
        and np.array_equal(
            of_splits("nodes_missing_value_tracks_true"), splits["missing_go_to_left"]
        )
        and np.allclose(converted["class_weights"], leaves["value"], rtol=1e-6, atol=0)
        and not nodes["is_categorical"].any()
    )
    if not same:
        versions = f"skl2onnx {skl2onnx.__version__}, scikit-learn {sklearn.__version__}"
        raise ParityError(f"the converted trees are not the fitted ones ({versions})")
    return converted


def _nodes(member: Any) -> Any:
    """All nodes of a member, in the order of its trees: scikit-learn's structured array."""
    return np.concatenate([predictors[0].nodes for predictors in member._predictors])
