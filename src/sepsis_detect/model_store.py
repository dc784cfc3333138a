"""Where the served model comes from."""

from datetime import UTC, datetime
from pathlib import Path

from sepsis_detect.errors import SettingsError
from sepsis_detect.model import Model
from sepsis_detect.settings import Settings


class ModelStore:
    """Holds the accepted model; readers take `current` once per request.

    Raises:
        ModelArtifactError: The file named in the settings is no acceptable model.
        SettingsError: The address is of a kind this version does not read.
    """

    def __init__(self, settings: Settings):
        """Open the model the settings name."""
        self.current = _open(settings.model_uri)


def _open(uri: str | None) -> Model:
    now = datetime.now(UTC)
    if uri is None:
        return Model.embedded(loaded_at=now)
    if uri.startswith("s3://"):
        raise SettingsError("SEPSIS_MODEL_URI is wrong: this version reads a path, not S3.")
    return Model.load(Path(uri), loaded_at=now)
