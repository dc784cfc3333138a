"""The blend of a given model with local members: one margin, one graph of all trees.

margin = slope * ((1 - weight) * (given margin + refit * change of its refitted leaves)
                  + weight * mean margin of the hospital's own trees) + intercept

All four are factors of leaves, so that the blend is again one node of trees and can itself be
adapted. Decision: docs/adr/0025-adapted-model.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from model_build.learn.calibration import sigmoid
from model_build.learn.ensemble import AveragedGradientBoosting
from model_build.learn.export import graph_of, merged_trees
from model_build.site.given_model import LEAVES, GivenTrees
from sepsis_detect.clinical.stay import FloatArray

BASE = "base_values_as_tensor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blend:
    """How the margins become a probability.

    Attributes:
        refit: Share of the change of the given model's leaves that is made, 0 to 1.
        weight: Of the hospital's own trees, 0 to 1.
        slope, intercept: The sigmoid of the blended margin.
    """

    refit: float
    weight: float
    slope: float
    intercept: float

    def mixed(self, given: FloatArray, change: FloatArray, own: FloatArray) -> FloatArray:
        """Shape (n_hours,): the blended margin; what has no weight is not read."""
        return mixed(given, change, own, refit=self.refit, weight=self.weight)

    def probabilities(self, given: FloatArray, change: FloatArray, own: FloatArray) -> FloatArray:
        """Shape (n_hours,): calibrated probabilities of margins, shape (n_hours,) each."""
        return sigmoid(self.slope * self.mixed(given, change, own) + self.intercept)


def mixed(
    given: FloatArray, change: FloatArray, own: FloatArray, *, refit: float, weight: float
) -> FloatArray:
    """The blended margin; what has no weight is not read."""
    moved = given + refit * change if refit else given
    return (1.0 - weight) * moved + weight * own if weight else moved


@dataclass(frozen=True)
class LocalModels:
    """What was fitted on all stays of a hospital.

    Attributes:
        leaves: Shape (n_leaves,), change of each leaf of the given model.
        ensemble: The hospital's own trees; None where they have no weight.
    """

    leaves: FloatArray
    ensemble: AveragedGradientBoosting | None


def blended_graph(given: GivenTrees, local: LocalModels | None, blend: Blend) -> onnx.ModelProto:
    """The graph of a blend; `local` is None where neither leaves nor trees of its own count."""
    moved = given if local is None else given.changed(blend.refit * local.leaves)
    parts = [(moved.node, blend.slope * (1.0 - blend.weight))]
    if local is not None and local.ensemble is not None:
        parts.append((merged_trees(local.ensemble), blend.slope * blend.weight))
    return graph_of(joined_trees(parts, blend.intercept), given.n_features)


def joined_trees(parts: Sequence[tuple[onnx.NodeProto, float]], intercept: float) -> onnx.NodeProto:
    """One node of trees that gives a weighted sum of others, in float64.

    Args:
        parts: Nodes from `merged_trees` or from this function, and the factor of each.
        intercept: Added to the sum.
    """
    nodes = [_attributes(node) for node, _ in parts]
    factors = [factor for _, factor in parts]
    n_trees = [1 + max(attributes["nodes_treeids"]) for attributes in nodes]
    first_trees = np.cumsum([0, *n_trees[:-1]]).tolist()
    found = {
        name: _joined(name, [attributes[name] for attributes in nodes], factors, first_trees)
        for name in nodes[0]
    }
    base = numpy_helper.to_array(found[BASE]) + intercept
    found[BASE] = numpy_helper.from_array(base)
    node = parts[0][0]
    return helper.make_node(
        node.op_type, list(node.input), list(node.output), domain=node.domain, **found
    )


def _joined(name: str, values: list[Any], factors: list[float], first_trees: list[int]) -> Any:
    """One attribute of the joined node: ids of trees moved, leaves scaled, base values summed."""
    if name.endswith("_treeids"):
        moves = zip(values, first_trees, strict=True)
        return [tree + first for trees, first in moves for tree in trees]
    if not isinstance(values[0], onnx.TensorProto):
        is_list = isinstance(values[0], list)
        return [item for each in values for item in each] if is_list else values[0]
    arrays = [numpy_helper.to_array(value) for value in values]
    if name in (LEAVES, BASE):
        arrays = [factor * array for factor, array in zip(factors, arrays, strict=True)]
    joined = np.sum(arrays, axis=0) if name == BASE else np.concatenate(arrays)
    return numpy_helper.from_array(joined)


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {each.name: helper.get_attribute_value(each) for each in node.attribute}
