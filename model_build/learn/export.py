"""ONNX export of the ensemble, and the parity check against scikit-learn.

skl2onnx converts each member. The trees are then merged into one TreeEnsembleRegressor: the leaves
of each member are divided by the number of members and multiplied by the slope of the sigmoid, and
thresholds on bins become thresholds on values, so that the graph takes the features as they are.

Leaves are summed in float64: float32 sums of a thousand leaves drift by 1e-6. It costs a tenth in
time and size.

Missing values: the trees read each feature and its negative. A split that sends a missing value to
the left is written as `-x <= next float below -t` with its branches exchanged, because a comparison
with NaN is false. A check for missing values at every split would take a quarter more time.
"""

import json
from typing import Any, Literal

import numpy as np
import onnx
import skl2onnx
from onnx import TensorProto, helper, numpy_helper
from skl2onnx.common.data_types import FloatTensorType

from model_build.learn.ensemble import AveragedGradientBoosting
from sepsis_detect.clinical.stay import Float32Array, FloatArray
from sepsis_detect.prediction.model import METADATA_KEY

OPSETS = {"": 17, "ai.onnx.ml": 3}
IR_VERSION = 8
MAX_DIFFERENCE = 1e-6  # between the two probabilities of an hour

TREES, TREES_INPUT, TREES_OUTPUT = "TreeEnsembleRegressor", "signed", "logits"
Output = Literal["probability", "logit"]


class ParityError(AssertionError):
    """ONNX Runtime and scikit-learn disagree."""


def to_onnx(ensemble: AveragedGradientBoosting) -> onnx.ModelProto:
    """Convert a fitted, calibrated ensemble.

    Returns:
        A graph from `features`, float32 (n, n_features), to `probability`, float32 (n,).
    """
    return graph_of(merged_trees(ensemble), ensemble.n_features_in_)


def graph_of(
    trees: onnx.NodeProto, n_features: int, output: Output = "probability"
) -> onnx.ModelProto:
    """The graph around a node of trees, from features to a probability or to its log-odds.

    Args:
        trees: From `merged_trees`: it reads `TREES_INPUT` and gives `TREES_OUTPUT`.
        n_features: Of the model.
        output: Name of the output, float32 (n,).
    """
    nodes = [
        helper.make_node("Cast", ["features"], ["exact"], to=TensorProto.DOUBLE),
        helper.make_node("Neg", ["exact"], ["negative"]),
        helper.make_node("Concat", ["exact", "negative"], [TREES_INPUT], axis=1),
        trees,
        helper.make_node("Reshape", [TREES_OUTPUT, "one_dimension"], ["logit"]),
    ]
    if output == "probability":
        nodes.append(helper.make_node("Sigmoid", ["logit"], [output]))
    shape = [None, n_features]
    graph = helper.make_graph(
        nodes,
        "sepsis",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None])],
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
    """The artifact: a graph with its metadata (`report.artifact_metadata`)."""
    helper.set_model_props(model, {METADATA_KEY: json.dumps(content, allow_nan=False)})
    artifact: bytes = model.SerializeToString()
    return artifact


def with_external(artifact: bytes, external: dict[str, Any]) -> bytes:
    """The same artifact with the figures of its validation at other hospitals."""
    model = onnx.load_from_string(artifact)
    (metadata,) = (each.value for each in model.metadata_props if each.key == METADATA_KEY)
    return with_metadata(model, json.loads(metadata) | {"external": external})


def require_parity(served: Float32Array, expected: FloatArray) -> float:
    """The largest difference between the two probabilities of an hour.

    Raises:
        ParityError: It is `MAX_DIFFERENCE` or more, or one of them is NaN.
    """
    difference = float(np.abs(served - expected).max())
    if not difference < MAX_DIFFERENCE:
        raise ParityError(
            f"ONNX and scikit-learn differ by {difference:.2g}, not below {MAX_DIFFERENCE:g}"
        )
    return difference


def merged_trees(ensemble: AveragedGradientBoosting) -> onnx.NodeProto:
    """The trees of all members as one node that gives slope * mean margin + intercept."""
    parts = [_converted(member) for member in ensemble.members_]
    n_trees = [1 + max(part["nodes_treeids"]) for part in parts]
    first_trees = np.cumsum([0, *n_trees[:-1]])

    def joined(name: str) -> Any:
        return np.concatenate([np.array(part[name]) for part in parts])

    def tree_ids(name: str) -> Any:
        ids = [np.array(part[name]) + first for part, first in zip(parts, first_trees, strict=True)]
        return np.concatenate(ids).tolist()

    is_split = joined("nodes_modes") != b"LEAF"
    feature = joined("nodes_featureids")
    values = np.zeros(len(is_split))
    values[is_split] = ensemble.bins_.thresholds(
        feature[is_split], joined("nodes_values")[is_split]
    )
    is_left = is_split & (joined("nodes_missing_value_tracks_true") == 1)
    values[is_left] = np.nextafter(-values[is_left], -np.inf)  # below it, not at it
    column = np.where(is_split, feature + is_left * ensemble.n_features_in_, 0)
    yes, no = joined("nodes_truenodeids"), joined("nodes_falsenodeids")
    share = ensemble.slope_ / len(parts)
    intercept = share * sum(part["base_values"][0] for part in parts) + ensemble.intercept_
    leaf_trees = tree_ids("class_treeids")
    return helper.make_node(
        TREES,
        [TREES_INPUT],
        [TREES_OUTPUT],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        nodes_treeids=tree_ids("nodes_treeids"),
        nodes_nodeids=joined("nodes_nodeids").tolist(),
        nodes_modes=joined("nodes_modes").tolist(),
        nodes_featureids=column.tolist(),
        nodes_truenodeids=np.where(is_left, no, yes).tolist(),
        nodes_falsenodeids=np.where(is_left, yes, no).tolist(),
        nodes_values_as_tensor=numpy_helper.from_array(values),
        target_weights_as_tensor=numpy_helper.from_array(share * joined("class_weights")),
        base_values_as_tensor=numpy_helper.from_array(np.array([intercept])),
        target_ids=[0] * len(leaf_trees),
        target_treeids=leaf_trees,
        target_nodeids=joined("class_nodeids").tolist(),
    )


def _converted(member: Any) -> dict[str, Any]:
    """The attributes of skl2onnx's tree node for one member, its margin not yet a probability."""
    model = skl2onnx.to_onnx(
        member,
        initial_types=[("features", FloatTensorType([None, member.n_features_in_]))],
        options={id(member): {"zipmap": False, "raw_scores": True}},
        target_opset=OPSETS,
    )
    (trees,) = (node for node in model.graph.node if node.op_type == "TreeEnsembleClassifier")
    return {item.name: helper.get_attribute_value(item) for item in trees.attribute}
