"""Model stores under test: their settings, and polls on request."""

from pathlib import Path

from sepsis_detect.model_delivery.candidate import CandidateStatus
from sepsis_detect.model_delivery.store import ModelStore
from sepsis_detect.settings import Settings
from tests.faulty_s3 import URI

POLL_SECONDS = 0.2


def settings(tmp_path: Path, uri: str = URI) -> Settings:
    return Settings(
        model_uri=uri, model_poll_seconds=POLL_SECONDS, model_cache_dir=tmp_path / "cache"
    )


def due_now(models: ModelStore) -> None:
    assert models.polling is not None
    models.polling.due_at_seconds = 0


def refresh(models: ModelStore) -> None:
    """Poll now."""
    due_now(models)
    models.refresh_if_due(timeout_seconds=60)


def version(models: ModelStore) -> str:
    return models.current.metadata.version


def reason(models: ModelStore, status: CandidateStatus) -> str:
    assert models.candidate is not None
    assert models.candidate.status == status
    return models.candidate.reason
