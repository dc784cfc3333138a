"""The given model of an adaptation: an accepted artifact, and its trees with their margins."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
import onnx
from onnx import numpy_helper

from model_build.learn.calibration import sigmoid
from model_build.learn.export import TREES, TREES_INPUT, TREES_OUTPUT, graph_of
from model_build.learn.onnx_inference import served_scores, session
from sepsis_detect.clinical.stay import Float32Array, FloatArray
from sepsis_detect.errors import ModelArtifactError
from sepsis_detect.prediction.model import EMBEDDED_MODEL, SELFCHECK_TOLERANCE, Model

LEAVES, COLUMNS = "target_weights_as_tensor", "nodes_featureids"
"""Attributes of a node of trees: what its leaves add to the margin, what its splits read."""


@dataclass(frozen=True)
class GivenTrees:
    """The trees of a model: the sum of their leaves, calibration included, is the margin.

    Attributes:
        node: The one node of trees of its graph.
        n_features: That it reads.
    """

    node: onnx.NodeProto
    n_features: int

    def margins(self, X: Float32Array) -> FloatArray:
        """Log-odds of the model's answers, float32 exact: shape (n_hours,).

        Args:
            X: Shape (n_hours, n_features), in the model's order.
        """
        graph = graph_of(self.node, self.n_features, "logit")
        return served_scores(session(graph), X).astype(np.float64)

    def widened(self, n_features: int) -> "GivenTrees":
        """The same trees on rows with more features behind those that they read."""
        node = onnx.NodeProto()
        node.CopyFrom(self.node)
        (columns,) = (each for each in node.attribute if each.name == COLUMNS)
        # The columns of the negatives stand behind those of all features.
        moved = [c + (n_features - self.n_features) * (c >= self.n_features) for c in columns.ints]
        columns.ints[:] = moved
        return GivenTrees(node, n_features)

    def changed(self, leaves: FloatArray) -> "GivenTrees":
        """The same trees with a change added to each leaf, shape (n_leaves,)."""
        node = onnx.NodeProto()
        node.CopyFrom(self.node)
        (weights,) = (each for each in node.attribute if each.name == LEAVES)
        weights.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights.t) + leaves))
        return GivenTrees(node, self.n_features)


@dataclass(frozen=True)
class GivenModel:
    """An artifact that `model_build` wrote.

    Attributes:
        model: Opened and checked, as by the service.
        trees: What it is made of.
    """

    model: Model
    trees: GivenTrees

    @classmethod
    def read(cls, path: Path | None) -> Self:
        """Read an artifact; None: the embedded one.

        Raises:
            ModelArtifactError: The file cannot be read, or `of` refuses it.
        """
        path = EMBEDDED_MODEL if path is None else path
        try:
            return cls.of(path.read_bytes(), source=str(path))
        except OSError as error:
            raise ModelArtifactError(f"cannot read {path}: {error.strerror}") from error

    @classmethod
    def of(cls, artifact: bytes, *, source: str) -> Self:
        """Open an artifact and find its trees.

        Raises:
            ModelArtifactError: The service would refuse it, or its graph is not one that
                `model_build` writes, so that its trees cannot be joined with others.
        """
        model = Model(artifact, source=source, loaded_at=datetime.now(UTC))
        nodes = [n for n in onnx.load_from_string(artifact).graph.node if n.op_type == TREES]
        is_ours = len(nodes) == 1 and list(nodes[0].input) == [TREES_INPUT]
        if not (is_ours and list(nodes[0].output) == [TREES_OUTPUT]):
            raise ModelArtifactError(f"{source} cannot be adapted: model_build did not write it")
        given = cls(model, GivenTrees(nodes[0], len(model.metadata.features)))
        given._require_same_answers(source)
        return given

    @property
    def features(self) -> tuple[str, ...]:
        """The features that it reads, in its order."""
        return tuple(self.model.metadata.features)

    def _require_same_answers(self, source: str) -> None:
        """Compare the graph around the trees with the artifact, on its self-check."""
        check = self.model.metadata.selfcheck
        rows = np.array(check.features, dtype=np.float32)
        found = sigmoid(self.trees.margins(rows))
        if not (np.abs(found - np.array(check.probabilities)) <= SELFCHECK_TOLERANCE).all():
            raise ModelArtifactError(
                f"{source} cannot be adapted: its graph is not its trees alone"
            )
