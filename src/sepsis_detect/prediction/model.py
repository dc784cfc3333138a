"""The model: one ONNX file, accepted only when it proves itself, answered by ONNX Runtime.

Source of the format: docs/adr/0002-model-artifact.md.
"""

import copy
import hashlib
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from sepsis_detect.clinical.stay import BoolArray
from sepsis_detect.errors import ModelArtifactError
from sepsis_detect.prediction import features, steadiness
from sepsis_detect.prediction.features import Float32Array

METADATA_KEY = "sepsis_detect"
INPUT, OUTPUT = "features", "probability"
SELFCHECK_TOLERANCE = 1e-5  # probability
EMBEDDED = "model.onnx"

Row = list[Annotated[float, Field(allow_inf_nan=False)] | None]
Probability = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class SelfCheck(BaseModel):
    """Feature rows, None where missing, and the probabilities scikit-learn gave for them."""

    features: list[Row] = Field(min_length=1)
    probabilities: list[Probability]


class DriftReference(BaseModel):
    """How the features lay in training, in their order: what is missing, and bins of the rest.

    A value x lies in bin k when k edges are below it, compared as float32.
    """

    missing: list[Annotated[float, Field(ge=0, le=1)]]
    edges: list[list[Annotated[float, Field(allow_inf_nan=False)]]]
    shares: list[list[Annotated[float, Field(ge=0, le=1)]]]


class OperatingPoint(BaseModel):
    """What a threshold gives, in patients that the model was not fitted on.

    Attributes:
        threshold: Flagged is an hour whose probability reaches it.
        sensitivity: Share of the hours labelled septic that is flagged.
        ppv: Share of the flagged hours that is labelled septic; None where none is flagged.
        alerts_per_patient_day: Flagged hours in 24 hours of a patient.
        in_time: Share of septic patients with a flagged hour from 12 hours before onset to 3 after.
        utility: Of the PhysioNet/CinC 2019 challenge; 0 is never flagging, 1 the best answers.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    threshold: Probability
    sensitivity: Share
    ppv: Share | None
    alerts_per_patient_day: float = Field(ge=0, le=24)
    in_time: Share
    utility: float = Field(le=1)


class ModelMetadata(BaseModel):
    """What the artifact says of itself: `metadata_props["sepsis_detect"]`."""

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
    """A typical hour, feature by feature: what contributions are measured against."""
    drift: DriftReference | None = None
    """What the inputs of a running service are held against."""
    operating_points: list[OperatingPoint] | None = Field(default=None, min_length=1)
    """What other thresholds would give; the served one comes first."""
    external: dict[str, Any] | None = None
    """Figures in hospitals that the model never saw."""


class Model:
    """An accepted model.

    Attributes:
        metadata: The artifact's description of itself.
        source: `embedded`, `cache`, or where the file came from.
        etag: What the source calls this content, if it does.
        version_id: S3's name for this upload, where the bucket keeps versions.
        loaded_at: When it was accepted.
        sha256: Of the artifact.
        threshold: Positive from here on, as float32.
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
        """Open an artifact and accept it.

        Args:
            artifact: The whole ONNX file.
            source: For people: where it came from.
            loaded_at: Time of acceptance, with a time zone.
            etag: What the source calls this content.
            version_id: S3's name for this upload.
            threads: ONNX Runtime's threads; more than one only pays for large batches.

        Raises:
            ModelArtifactError: It does not open, names unknown features, has the wrong inputs
                or outputs, does not reproduce its self-check, or changes the risk of a patient
                whose signs do not change (`steadiness`).
        """
        self.source = source
        self.etag = etag
        self.version_id = version_id
        self.loaded_at = loaded_at
        self.sha256 = hashlib.sha256(artifact).hexdigest()
        self._session = _open(artifact, threads)
        self.metadata = _card(self._session)
        self._columns = _columns(self.metadata)
        self._is_in_order = np.array_equal(self._columns, np.arange(len(features.NAMES)))
        self.threshold = np.float32(self.metadata.threshold)
        _check_signature(self._session, len(self.metadata.features))
        self._check_itself()
        self._check_steadiness()

    @classmethod
    def load(cls, path: Path, *, loaded_at: datetime, threads: int = 1) -> "Model":
        """Open an artifact on disk; errors as in the constructor."""
        try:
            artifact = path.read_bytes()
        except OSError as error:
            raise ModelArtifactError(f"cannot read {path.name}: {error.strerror}") from error
        return cls(artifact, source=str(path), loaded_at=loaded_at, threads=threads)

    @classmethod
    def embedded(cls, *, loaded_at: datetime, threads: int = 1) -> "Model":
        """Open the model that is part of this package."""
        artifact = files("sepsis_detect").joinpath(EMBEDDED).read_bytes()
        return cls(artifact, source="embedded", loaded_at=loaded_at, threads=threads)

    def also_at(self, source: str, *, etag: str | None, version_id: str | None) -> "Model":
        """This model, where the same content was found again."""
        found = copy.copy(self)
        found.source, found.etag, found.version_id = source, etag, version_id
        return found

    @property
    def reference(self) -> Float32Array:
        """Shape (n_features of `features.NAMES`,): a typical hour; NaN where typically missing."""
        row = np.full(len(features.NAMES), np.nan, dtype=np.float32)
        if self.metadata.reference is not None:
            row[self._columns] = np.array(self.metadata.reference, dtype=np.float32)
        return row

    def probabilities(self, rows: Float32Array) -> Float32Array:
        """Calibrated probability that sepsis begins within six hours or has begun.

        Args:
            rows: Shape (n_rows, n_features), as `features.compute` returns them.

        Returns:
            Shape (n_rows,).
        """
        return self._run(rows if self._is_in_order else rows[:, self._columns])

    def is_positive(self, probabilities: Float32Array) -> BoolArray:
        """Shape (n,): whether each probability reaches the threshold."""
        return probabilities >= self.threshold

    def _run(self, rows: Float32Array) -> Float32Array:
        probabilities: Float32Array = self._session.run([OUTPUT], {INPUT: rows})[0]
        return probabilities

    def _check_itself(self) -> None:
        check = self.metadata.selfcheck
        expected = np.array(check.probabilities)
        widths = {len(row) for row in check.features}
        if len(check.features) != len(expected) or widths != {len(self.metadata.features)}:
            raise ModelArtifactError(
                "the self-check does not have one value per feature and one probability per row"
            )
        with np.errstate(over="ignore"):  # a number beyond float32 is an infinity to the model
            rows = np.array(check.features, dtype=np.float32)
        try:
            found = self._run(rows)
        except Exception as error:  # ONNX Runtime raises classes of its own making
            raise ModelArtifactError(f"the model does not run: {_first_line(error)}") from error
        worst = float(np.max(np.abs(found - expected))) if found.shape == expected.shape else np.inf
        if not worst <= SELFCHECK_TOLERANCE:
            raise ModelArtifactError(
                f"the model misses its self-check by {worst:.2g}, more than {SELFCHECK_TOLERANCE:g}"
            )

    def _check_steadiness(self) -> None:
        try:
            breach = steadiness.breach(self.probabilities)
        except Exception as error:  # ONNX Runtime raises classes of its own making
            raise ModelArtifactError(f"the model does not run: {_first_line(error)}") from error
        if breach is not None:
            raise ModelArtifactError(breach)


def _open(artifact: bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised, and worded by us
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises classes of its own making
        raise ModelArtifactError(f"not an ONNX model: {_first_line(error)}") from error


def _card(session: ort.InferenceSession) -> ModelMetadata:
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


def _columns(metadata: ModelMetadata) -> NDArray[np.intp]:
    place = {name: column for column, name in enumerate(features.NAMES)}
    unknown = [name for name in metadata.features if name not in place]
    if unknown:
        raise ModelArtifactError(f"unknown feature '{unknown[0]}' ({len(unknown)} in all)")
    if len(set(metadata.features)) < len(metadata.features):
        raise ModelArtifactError("a feature is named twice")
    points = metadata.operating_points
    if points is not None and np.float32(points[0].threshold) != np.float32(metadata.threshold):
        raise ModelArtifactError("the first operating point is not at the served threshold")
    if metadata.reference is not None and len(metadata.reference) != len(metadata.features):
        raise ModelArtifactError("the reference does not have one value per feature")
    reference = metadata.drift
    if reference is not None and {
        len(each) for each in (reference.missing, reference.edges, reference.shares)
    } != {len(metadata.features)}:
        raise ModelArtifactError("the drift reference does not describe every feature")
    return np.array([place[name] for name in metadata.features])


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


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
