"""The given model of an adaptation: an accepted artifact, its trees and its margins."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
import onnx

from model_build.learn.export import TREES, TREES_INPUT, TREES_OUTPUT, graph_of
from model_build.learn.onnx_inference import served_scores, session
from sepsis_detect.clinical.stay import Float32Array, FloatArray
from sepsis_detect.errors import ModelArtifactError
from sepsis_detect.prediction.model import EMBEDDED_MODEL, SELFCHECK_TOLERANCE, Model


@dataclass(frozen=True)
class GivenModel:
    """An artifact that `model_build` wrote.

    Attributes:
        model: Opened and checked, as by the service.
        trees: Its one node of trees: sum of leaves, calibration included, is the margin.
    """

    model: Model
    trees: onnx.NodeProto

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
        trees = [n for n in onnx.load_from_string(artifact).graph.node if n.op_type == TREES]
        is_ours = len(trees) == 1 and list(trees[0].input) == [TREES_INPUT]
        if not (is_ours and list(trees[0].output) == [TREES_OUTPUT]):
            raise ModelArtifactError(f"{source} cannot be adapted: model_build did not write it")
        given = cls(model, trees[0])
        given._require_same_answers(source)
        return given

    @property
    def features(self) -> tuple[str, ...]:
        """The features that it reads, in its order."""
        return tuple(self.model.metadata.features)

    def margins(self, X: Float32Array) -> FloatArray:
        """Log-odds of the given model's answers, float32 exact.

        Args:
            X: Shape (n_hours, n_features), in the order of `features`.

        Returns:
            Shape (n_hours,).
        """
        graph = graph_of(self.trees, len(self.features), "logit")
        return served_scores(session(graph), X).astype(np.float64)

    def _require_same_answers(self, source: str) -> None:
        """Compare the graph around the trees with the artifact, on its self-check."""
        check = self.model.metadata.selfcheck
        rows = np.array(check.features, dtype=np.float32)
        found = served_scores(session(graph_of(self.trees, len(self.features))), rows)
        if not (np.abs(found - np.array(check.probabilities)) <= SELFCHECK_TOLERANCE).all():
            raise ModelArtifactError(
                f"{source} cannot be adapted: its graph is not its trees alone"
            )
