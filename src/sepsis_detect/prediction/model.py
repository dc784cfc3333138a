"""The model: one ONNX artifact with its metadata, checked on opening, run by ONNX Runtime.

Source of the format: docs/adr/0002-model-artifact.md.
"""

import copy
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from sepsis_detect.clinical.stay import BoolArray
from sepsis_detect.errors import ModelArtifactError
from sepsis_detect.prediction import features, risk_continuity
from sepsis_detect.prediction.features import Float32Array

METADATA_KEY = "sepsis_detect"
INPUT, OUTPUT = "features", "probability"
SELFCHECK_TOLERANCE = 1e-5  # probability
EMBEDDED_MODEL = Path(__file__).parents[1] / "model.onnx"
"""The artifact in this package, served without other configuration."""

FiniteFloat = Annotated[float, Field(allow_inf_nan=False)]
Row = list[FiniteFloat | None]
Probability = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class SelfCheck(BaseModel):
    """Feature rows, None where missing, and scikit-learn's probabilities for them."""

    features: list[Row] = Field(min_length=1)
    probabilities: list[Probability]


class DriftReference(BaseModel):
    """The distribution of each feature in training, in the order of the features.

    Attributes:
        missing: Share of missing values.
        edges: Edges of the bins. A value is in bin k if k edges are below it, as float32.
        shares: Shares of the known values in the bins.
    """

    missing: list[Share]
    edges: list[list[FiniteFloat]]
    shares: list[list[Share]]


class OperatingPoint(BaseModel):
    """A threshold and its figures in patients that the model was not fitted on.

    Attributes:
        threshold: Hours with a probability at or above it are flagged.
        sensitivity: Share of the septic hours that are flagged.
        ppv: Share of the flagged hours that are septic; None if no hour is flagged.
        alerts_per_patient_day: Flagged hours in 24 hours of a patient.
        in_time: Share of septic patients with a flagged hour in the 12 hours before onset.
        utility: Normalised utility of the PhysioNet/CinC 2019 challenge: 0 without any flag, 1 for
            the best possible answers.
        is_interpolated: Whether the figures lie between two measured ones.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    threshold: Probability
    sensitivity: Share
    ppv: Share | None
    alerts_per_patient_day: float = Field(ge=0, le=24)
    in_time: Share
    utility: float = Field(le=1)
    is_interpolated: bool = False


class Parent(BaseModel):
    """The model that was adapted: its identity and the digest of its artifact."""

    name: str = Field(min_length=1, max_length=100)
    version: str = Field(min_length=1, max_length=100)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Site(BaseModel):
    """The hospital whose stays a model was adapted to."""

    name: str = Field(min_length=1, max_length=100)


class ModelMetadata(BaseModel):
    """Metadata of an artifact: the JSON in `metadata_props["sepsis_detect"]`.

    Attributes:
        format: Version of this format.
        name, version, created_at: Identity of the model.
        features: Names of the inputs, in order.
        threshold: Probability from which a prediction is positive.
        training: Data digest, numbers of patients and hours, code version.
        metrics: Figures of the evaluation.
        selfcheck: Rows and probabilities that the model must reproduce.
        reference: A typical hour, feature by feature, to which contributions are relative.
        drift: Distributions that recent inputs are compared with.
        operating_points: Figures of thresholds, the served one first.
        external: Figures in hospitals that took no part in the training.
        parent: The model that was adapted; None: this one was not made by adaptation.
        site: The hospital that it was adapted to.
        metrics_threshold: The threshold of `metrics`, where the served one was moved since.
    """

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    format: Literal[1]
    name: str = Field(min_length=1, max_length=100)
    version: str = Field(min_length=1, max_length=100)
    created_at: AwareDatetime
    features: list[str] = Field(min_length=1)
    threshold: Probability
    training: dict[str, Any]
    metrics: dict[str, Any]
    selfcheck: SelfCheck
    reference: Row | None = None
    drift: DriftReference | None = None
    operating_points: list[OperatingPoint] | None = Field(default=None, min_length=1)
    external: dict[str, Any] | None = None
    parent: Parent | None = None
    site: Site | None = None
    metrics_threshold: Probability | None = None


class Model:
    """An accepted model.

    Attributes:
        metadata: Metadata of the artifact.
        source: `embedded`, `cache`, or the URI or path of the artifact.
        etag: ETag of the artifact in its source, if it has one.
        version_id: S3 version id of the upload, if the bucket keeps versions.
        loaded_at: Time of acceptance.
        sha256: Digest of the artifact.
        threshold: Probability from which a prediction is positive, as float32.
    """

    def __init__(
        self,
        artifact: bytes,
        *,
        source: str,
        loaded_at: datetime,
        etag: str | None = None,
        version_id: str | None = None,
        threads: int = 1,
    ):
        """Open and check an artifact.

        Args:
            artifact: Content of the ONNX file.
            source: As the attribute.
            loaded_at: Time of acceptance, with a time zone.
            etag: As the attribute.
            version_id: As the attribute.
            threads: ONNX Runtime's threads; more than one is faster only for large batches.

        Raises:
            ModelArtifactError: It does not open, has unknown features or the wrong inputs or
                outputs, does not reproduce its self-check, or has a step in the risk of an
                unchanged patient (`risk_continuity`).
        """
        self.source = source
        self.etag = etag
        self.version_id = version_id
        self.loaded_at = loaded_at
        self.sha256 = hashlib.sha256(artifact).hexdigest()
        self._session = _open(artifact, threads)
        self.metadata = _metadata(self._session)
        _check_metadata(self.metadata)
        self._columns = _columns(self.metadata)
        self._is_in_order = np.array_equal(self._columns, np.arange(len(features.NAMES)))
        self.threshold = np.float32(self.metadata.threshold)
        _check_signature(self._session, len(self.metadata.features))
        self._check_selfcheck()
        self._check_risk_continuity()

    @classmethod
    def load(cls, path: Path, *, loaded_at: datetime, threads: int = 1) -> "Model":
        """Open an artifact on disk.

        Raises:
            ModelArtifactError: As the constructor, or the file cannot be read.
        """
        try:
            artifact = path.read_bytes()
        except OSError as error:
            raise ModelArtifactError(f"cannot read {path.name}: {error.strerror}") from error
        return cls(artifact, source=str(path), loaded_at=loaded_at, threads=threads)

    @classmethod
    def embedded(cls, *, loaded_at: datetime, threads: int = 1) -> "Model":
        """Open the embedded model."""
        artifact = EMBEDDED_MODEL.read_bytes()
        return cls(artifact, source="embedded", loaded_at=loaded_at, threads=threads)

    def also_at(self, source: str, *, etag: str | None, version_id: str | None) -> "Model":
        """A copy with another source, in which the same artifact was found."""
        found = copy.copy(self)
        found.source, found.etag, found.version_id = source, etag, version_id
        return found

    @property
    def reference(self) -> Float32Array:
        """The typical hour: shape (n_features,), in the order of `features.NAMES`."""
        row = np.full(len(features.NAMES), np.nan, dtype=np.float32)
        if self.metadata.reference is not None:
            row[self._columns] = np.array(self.metadata.reference, dtype=np.float32)
        return row

    @property
    def is_seen(self) -> BoolArray:
        """Shape (n_features,): which of `features.NAMES` are inputs of the model."""
        is_seen = np.zeros(len(features.NAMES), dtype=np.bool_)
        is_seen[self._columns] = True
        return is_seen

    def probabilities(self, rows: Float32Array) -> Float32Array:
        """Calibrated probability that sepsis begins within six hours or has begun.

        Args:
            rows: Shape (n_rows, n_features), as `features.compute` returns them.

        Returns:
            Shape (n_rows,).
        """
        return self._run(rows if self._is_in_order else rows[:, self._columns])

    def is_positive(self, probabilities: Float32Array) -> BoolArray:
        """Shape (n,): whether each probability is at or above the threshold."""
        return probabilities >= self.threshold

    def _run(self, rows: Float32Array) -> Float32Array:
        probabilities: Float32Array = self._session.run([OUTPUT], {INPUT: rows})[0]
        return probabilities

    def _check_selfcheck(self) -> None:
        check = self.metadata.selfcheck
        expected = np.array(check.probabilities)
        widths = {len(row) for row in check.features}
        if len(check.features) != len(expected) or widths != {len(self.metadata.features)}:
            raise ModelArtifactError(
                "the self-check does not have one value per feature and one probability per row"
            )
        with np.errstate(over="ignore"):  # a number beyond float32 becomes infinite
            rows = np.array(check.features, dtype=np.float32)
        with _artifact_errors("the model does not run"):
            found = self._run(rows)
        worst = float(np.max(np.abs(found - expected))) if found.shape == expected.shape else np.inf
        if not worst <= SELFCHECK_TOLERANCE:
            raise ModelArtifactError(
                f"the model misses its self-check by {worst:.2g}, more than {SELFCHECK_TOLERANCE:g}"
            )

    def _check_risk_continuity(self) -> None:
        with _artifact_errors("the model does not run"):
            exceeded = risk_continuity.check(self.probabilities)
        if exceeded is not None:
            raise ModelArtifactError(exceeded)


@contextmanager
def _artifact_errors(problem: str) -> Iterator[None]:
    """Raise errors of ONNX Runtime, subclasses of `Exception` alone, as `ModelArtifactError`."""
    try:
        yield
    except Exception as error:
        text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ModelArtifactError(f"{problem}: {text}") from error


def _open(artifact: bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised; no log lines beside them
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    with _artifact_errors("not an ONNX model"):
        session = ort.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])
    return session


def _metadata(session: ort.InferenceSession) -> ModelMetadata:
    try:
        text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    except UnicodeDecodeError as error:
        raise ModelArtifactError("its metadata are not UTF-8") from error
    if text is None:
        raise ModelArtifactError(f"the model carries no metadata '{METADATA_KEY}'")
    try:
        return ModelMetadata.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelArtifactError(f"its metadata are wrong at '{where}': {first['msg']}") from error


def _check_metadata(metadata: ModelMetadata) -> None:
    """Refuse metadata whose parts do not fit together."""
    n_features = len(metadata.features)
    unknown = [name for name in metadata.features if name not in features.NAMES]
    if unknown:
        raise ModelArtifactError(f"unknown feature '{unknown[0]}' ({len(unknown)} in all)")
    if len(set(metadata.features)) < n_features:
        raise ModelArtifactError("a feature is named twice")
    points = metadata.operating_points
    if points is not None and np.float32(points[0].threshold) != np.float32(metadata.threshold):
        raise ModelArtifactError("the first operating point is not at the served threshold")
    if metadata.reference is not None and len(metadata.reference) != n_features:
        raise ModelArtifactError("the reference does not have one value per feature")
    drift = metadata.drift
    if drift and {len(drift.missing), len(drift.edges), len(drift.shares)} != {n_features}:
        raise ModelArtifactError("the drift reference does not describe every feature")


def _columns(metadata: ModelMetadata) -> NDArray[np.intp]:
    """Shape (n_features of the model,): the columns of its features in `features.NAMES`."""
    columns = {name: column for column, name in enumerate(features.NAMES)}
    return np.array([columns[name] for name in metadata.features])


def _check_signature(session: ort.InferenceSession, n_features: int) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    try:
        found = [(each.name, each.type) for each in (*inputs, *outputs)]
    except UnicodeDecodeError as error:
        raise ModelArtifactError("the names of its inputs or outputs are not UTF-8") from error
    if found != [(INPUT, "tensor(float)"), (OUTPUT, "tensor(float)")]:
        raise ModelArtifactError(
            f"expected float tensors '{INPUT}' in, '{OUTPUT}' out, got {found}"
        )
    shapes = (inputs[0].shape, outputs[0].shape)
    is_fixed = any(isinstance(shape[0], int) for shape in shapes if shape)
    if is_fixed or shapes[0][1:] != [n_features] or len(shapes[1]) != 1:
        raise ModelArtifactError(f"expected shapes [n, {n_features}] and [n], got {shapes}")
