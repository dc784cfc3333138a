"""The given model's trees with their leaves refitted on a hospital's own hours.

The splits stay: what divides the patients was learnt from many more stays than a hospital has. Tree
after tree, each leaf moves by a part of a Newton step of the logistic loss on the hours that reach
it, with a penalty that keeps leaves of few septic hours where they were (Friedman's gradient
boosting with the trees held fixed).

Several fits, each on other hours, are made in one pass: finding the leaves takes most of the time.

Source: Friedman, Greedy function approximation: a gradient boosting machine, Ann Statist
    2001;29(5):1189-1232, doi:10.1214/aos/1013203451.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from tqdm import tqdm

from model_build.data.labels import Labels
from model_build.learn.calibration import logistic_fit, sigmoid
from sepsis_detect.clinical.stay import BoolArray, Float32Array, FloatArray, IntArray

TOTAL_STEP = 60.0  # of all trees together, in Newton steps
L2 = 100.0  # added to the curvature of a leaf: that of some 10,000 quiet hours
SEED = 7  # of the order of the trees


@dataclass(frozen=True)
class Trees:
    """The nodes of all trees, one after the other.

    Attributes:
        roots: Shape (n_trees,), the first node of each tree.
        is_leaf: Shape (n_nodes,).
        feature: Shape (n_nodes,), of a split; from `n_features` on the negatives of the features.
        threshold: Shape (n_nodes,): a value up to it goes to `yes`.
        yes, no: Shape (n_nodes,), the nodes below a split.
        targets: Shape (n_leaves,), the node of each leaf weight of the ONNX node.
    """

    roots: IntArray
    is_leaf: BoolArray
    feature: IntArray
    threshold: FloatArray
    yes: IntArray
    no: IntArray
    targets: IntArray

    @classmethod
    def of(cls, node: onnx.NodeProto) -> Self:
        """Read the node of trees of an artifact."""
        of: dict[str, Any] = {
            each.name: helper.get_attribute_value(each) for each in node.attribute
        }
        tree, number = np.array(of["nodes_treeids"]), np.array(of["nodes_nodeids"])
        nodes = zip(tree.tolist(), number.tolist(), strict=True)
        place = {node: at for at, node in enumerate(nodes)}

        def places(trees: Any, numbers: Any) -> IntArray:
            pairs = zip(trees, numbers, strict=True)
            return np.array([place.get(pair, 0) for pair in pairs], dtype=np.intp)

        return cls(
            roots=np.flatnonzero(np.append(True, tree[1:] != tree[:-1])),
            is_leaf=np.array(of["nodes_modes"]) == b"LEAF",
            feature=np.array(of["nodes_featureids"]),
            threshold=numpy_helper.to_array(of["nodes_values_as_tensor"]),
            yes=places(tree.tolist(), of["nodes_truenodeids"]),
            no=places(tree.tolist(), of["nodes_falsenodeids"]),
            targets=places(of["target_treeids"], of["target_nodeids"]),
        )

    def leaves(self, root: int, columns: Float32Array) -> IntArray:
        """The leaf of each hour in the tree below a root.

        Args:
            root: Its first node.
            columns: Shape (n_features, n_hours).

        Returns:
            Shape (n_hours,): nodes.
        """
        found = np.empty(columns.shape[1], dtype=np.intp)
        waiting = [(root, np.arange(columns.shape[1]))]
        while waiting:
            node, hours = waiting.pop()
            if self.is_leaf[node]:
                found[hours] = node
                continue
            is_yes = self._is_yes(node, columns, hours)
            waiting.append((int(self.yes[node]), hours[is_yes]))
            waiting.append((int(self.no[node]), hours[~is_yes]))
        return found

    def _is_yes(self, node: int, columns: Float32Array, hours: IntArray) -> BoolArray:
        sign, feature = divmod(int(self.feature[node]), len(columns))
        values = columns[feature, hours].astype(np.float64)
        is_yes: BoolArray = (-values if sign else values) <= self.threshold[node]
        return is_yes


@dataclass(frozen=True)
class Refitted:
    """Changes of margins and of leaves, one row a fit.

    Attributes:
        margins: Shape (n_fits, n_hours): what the refit adds to the given margin of each hour.
        leaves: Shape (n_fits, n_leaves): what it adds to each leaf weight of the ONNX node.
    """

    margins: FloatArray
    leaves: FloatArray


def refitted(
    node: onnx.NodeProto,
    X: Float32Array,
    given: FloatArray,
    labels: Labels,
    fits: NDArray[np.float64],
    *,
    progress: bool = False,
) -> Refitted:
    """Refit the leaves, once for each row of `fits`.

    Args:
        node: The trees of the given model.
        X: Shape (n_hours, n_features).
        given: Shape (n_hours,), margins of the given model.
        labels: Shape (n_hours,).
        fits: Shape (n_fits, n_hours), the weight of each hour in each fit; 0: not used.
        progress: Whether a bar is shown.
    """
    trees, columns = Trees.of(node), np.ascontiguousarray(X.T)
    step = TOTAL_STEP / len(trees.roots)
    logits = np.stack([given + _shift(given, labels, weights) for weights in fits])
    start = logits.copy()
    changes = np.zeros((len(fits), len(trees.is_leaf)))
    order = np.random.default_rng(SEED).permutation(trees.roots)
    for root in tqdm(order.tolist(), "leaves refitted", disable=not progress):
        leaf = trees.leaves(root, columns)
        local = leaf - root
        size = int(local.max()) + 1
        for fit, weights in enumerate(fits):
            expected = sigmoid(logits[fit])
            gradient = np.bincount(local, weights * (labels - expected), minlength=size)
            curvature = np.bincount(local, weights * expected * (1 - expected), minlength=size)
            change = step * gradient / (curvature + L2)
            changes[fit, root : root + size] = change
            logits[fit] += change[local]
    return Refitted(logits - start, changes[:, trees.targets])


def _shift(given: FloatArray, labels: Labels, weights: FloatArray) -> float:
    """What makes the mean prediction right on the hours of a fit."""
    used = weights > 0
    nothing = np.zeros((int(used.sum()), 0))
    fitted = logistic_fit(nothing, labels[used], offset=given[used], weights=weights[used])
    return float(fitted[-1])
