"""An artifact that needs two features only, to validate on synthetic stays."""

from sepsis_detect.prediction.model import Model
from tests.artifacts import NOW, artifact, metadata_of

USED = ["temperature_last", "respiratory_rate_last"]  # features
DRAWS = 20


def an_artifact(threshold: float = 0.3) -> bytes:
    return artifact(metadata_of(USED) | {"threshold": threshold}, names=USED)


def a_model(threshold: float = 0.3) -> Model:
    return Model(an_artifact(threshold), source="a test", loaded_at=NOW)
