"""Settings from the environment, prefix `SEPSIS_`; a bad value stops the start with a sentence."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sepsis_detect.errors import SettingsError

API_KEY = re.compile(r"[A-Za-z0-9._-]+:[0-9a-f]{64}")
ORIGIN = re.compile(r"\*|https?://[^/\s,]+")


class Auth(StrEnum):
    """Whether a key is asked for."""

    REQUIRED = "required"
    OFF = "off"


class LogLevel(StrEnum):
    """The least severe message that is written."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def _separated(value: Any) -> Any:
    """Split a comma-separated text, dropping empty parts."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


Separated = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Everything that can be set, with what holds when it is not.

    Attributes:
        model_uri: `s3://bucket/key` or a path; unset: the embedded model.
        model_poll_seconds: How often S3 is asked for a new model.
        model_cache_dir: Where the last accepted model is kept for a start without S3.
        api_keys: `name:sha256hex` of each accepted key.
        api_keys_secret_arn: A Secrets Manager secret with the same lines.
        auth: Unset: required wherever the server listens beyond loopback.
        max_body_bytes: Largest body that is read.
        cors_origins: Origins of browsers that may call.
        log_level: The least severe message that is written.
    """

    model_config = SettingsConfigDict(
        env_prefix="SEPSIS_", frozen=True, env_ignore_empty=True, protected_namespaces=()
    )

    model_uri: str | None = None
    model_poll_seconds: float = Field(30.0, ge=1, le=86_400)
    model_cache_dir: Path | None = None
    api_keys: Separated = ()
    api_keys_secret_arn: str | None = Field(None, pattern=r"^arn:[^:]+:secretsmanager:.+$")
    auth: Auth | None = None
    max_body_bytes: int = Field(5 * 1024 * 1024, ge=1024, le=1024**3)
    cors_origins: Separated = ()
    log_level: LogLevel = LogLevel.INFO

    _split = field_validator("api_keys", "cors_origins", mode="before")(_separated)

    @field_validator("api_keys")
    @classmethod
    def _check_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if any(not API_KEY.fullmatch(key) for key in keys):
            raise ValueError("each key must be written name:sha256hex, separated by commas")
        return keys

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if any(not ORIGIN.fullmatch(origin) for origin in origins):
            raise ValueError("each origin must be written https://host, separated by commas")
        return origins

    @field_validator("model_uri")
    @classmethod
    def _check_model_uri(cls, uri: str | None) -> str | None:
        if uri is not None and "://" in uri and not re.fullmatch(r"s3://[^/]+/.+", uri):
            raise ValueError("must be s3://bucket/key or a path")
        return uri


def unknown_settings(environment: Mapping[str, str]) -> list[str]:
    """Names that begin like settings and are none: most likely misspelt."""
    prefix = "SEPSIS_"
    known = {f"{prefix}{name}".upper() for name in Settings.model_fields}
    return sorted(name for name in environment if name.startswith(prefix) and name not in known)


def read_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsError: A value cannot be meant; the message names the variable, not the value.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = f"SEPSIS_{first['loc'][0]}".upper()
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{name} is wrong: {reason}.") from error
