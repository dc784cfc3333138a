"""Settings from environment variables with the prefix `SEPSIS_`; an invalid one stops the start."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sepsis_detect.errors import SettingsError

API_KEY = re.compile(r"[A-Za-z0-9._-]+:[0-9a-f]{64}")
ORIGIN = re.compile(r"\*|https?://[^/\s,]+")
KEY_SET = re.compile(r"https://[^/\s]+/|http://(localhost|127\.0\.0\.1)[:/]")
DRAIN_SECONDS = 5.0


class Auth(StrEnum):
    """Whether callers must authenticate."""

    REQUIRED = "required"
    OFF = "off"


class LogLevel(StrEnum):
    """The least severe log level that is written."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def _separated(value: Any) -> Any:
    """Split a comma-separated text; empty parts are dropped."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


Separated = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """All settings of the service, with their defaults.

    Attributes:
        model_uri: `s3://bucket/key` or a path; unset: the embedded model.
        shadow_model_uri: As `model_uri`: a second model that scores every request and answers none;
            unset: there is none.
        silent: Whether CDS Hooks give no cards; all else is answered.
        model_poll_seconds: Interval at which S3, or the file, is polled for a new model.
        model_cache_dir: Folder of the last accepted model, for a start without S3; unset: the
            user's cache folder, else the temporary one.
        api_keys: `name:sha256hex` of each accepted key.
        api_keys_secret_arn: A Secrets Manager secret with more keys, separated by commas or lines;
            lines that begin with # are comments.
        auth: Unset: required where the server listens beyond loopback, or has keys.
        audit_key: HMAC key of the audit log; unset: no audit log.
        max_body_bytes: Maximum size of a request body.
        drain_seconds: How long `/health` answers 503 on SIGTERM before the server stops: longer
            than the load balancer takes to notice. Unset: 5 beyond loopback, else 0.
        cors_origins: Origins of browsers that may call.
        cds_issuers: `issuer=key set` of each CDS Hooks client, its key set an address or a path;
            unset: CDS Hooks clients send API keys, where authentication is required.
        cds_base_url: Address of the service for CDS Hooks clients: the audience of their tokens.
        cds_on_incoherence: For CDS Hooks, `drop` values that are incoherent or cannot be read, and
            name them on the card, or `reject`: a card says that nothing was computed.
        fhir_outcome: `system|code` of sepsis in FHIR answers, or `none`: as text only.
        log_level: The least severe log level that is written.
    """

    model_config = SettingsConfigDict(
        env_prefix="SEPSIS_", frozen=True, env_ignore_empty=True, protected_namespaces=()
    )

    model_uri: str | None = None
    shadow_model_uri: str | None = None
    silent: bool = False
    model_poll_seconds: float = Field(30.0, ge=0.05, le=86_400)
    model_cache_dir: Path | None = None
    api_keys: Separated = ()
    api_keys_secret_arn: str | None = Field(None, pattern=r"^arn:[^:]+:secretsmanager:.+$")
    auth: Auth | None = None
    audit_key: SecretStr | None = Field(None, min_length=32)
    max_body_bytes: int = Field(5 * 1024 * 1024, ge=1024, le=1024**3)
    drain_seconds: float | None = Field(None, ge=0, le=3600)
    cors_origins: Separated = ()
    cds_issuers: Separated = ()
    cds_base_url: str | None = Field(None, pattern=r"^https?://[^\s?#]+$", validate_default=True)
    cds_on_incoherence: Literal["drop", "reject"] = "drop"
    fhir_outcome: str = Field(
        "http://snomed.info/sct|91302008", pattern=r"^(none|[^|\s]+\|[^|\s]+)$"
    )
    log_level: LogLevel = LogLevel.INFO

    _split = field_validator("api_keys", "cds_issuers", "cors_origins", mode="before")(_separated)

    @field_validator("api_keys")
    @classmethod
    def _check_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if any(not API_KEY.fullmatch(key) for key in keys):
            raise ValueError("each key must be written name:sha256hex, separated by commas")
        return keys

    @field_validator("cds_issuers")
    @classmethod
    def _check_issuers(cls, issuers: tuple[str, ...]) -> tuple[str, ...]:
        for each in issuers:
            issuer, _, place = each.partition("=")
            if not issuer or not place or ("://" in place and not KEY_SET.match(place)):
                raise ValueError(
                    "each must be written issuer=https://host/jwks.json, or issuer=path"
                )
        return issuers

    @field_validator("cds_base_url")
    @classmethod
    def _check_base_url(cls, url: str | None, info: ValidationInfo) -> str | None:
        if url is None and info.data.get("cds_issuers"):
            raise ValueError("must be set where SEPSIS_CDS_ISSUERS is: tokens are for an address")
        return None if url is None else url.rstrip("/")

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if any(not ORIGIN.fullmatch(origin) for origin in origins):
            raise ValueError("each origin must be written https://host, separated by commas")
        return origins

    @field_validator("model_uri", "shadow_model_uri")
    @classmethod
    def _check_model_uri(cls, uri: str | None) -> str | None:
        if uri is not None and "://" in uri and not re.fullmatch(r"s3://[^/]+/.+", uri):
            raise ValueError("must be s3://bucket/key or a path")
        return uri

    @property
    def key_sets(self) -> dict[str, str]:
        """Addresses or paths of the key sets, by issuer of CDS Hooks tokens."""
        parts = [each.partition("=") for each in self.cds_issuers]
        return {issuer: place for issuer, _, place in parts}

    @property
    def asks_for_keys(self) -> bool:
        """Whether callers must authenticate; if `auth` is unset, where there are keys."""
        if self.auth is None:
            return self._has_keys
        return self.auth is Auth.REQUIRED

    @property
    def _has_keys(self) -> bool:
        return bool(self.api_keys or self.api_keys_secret_arn)

    def decided(self, place: str | None) -> "Settings":
        """These settings with `auth` and `drain_seconds` set.

        Args:
            place: How other machines can call, for the error message, such as `listening on
                0.0.0.0`; None when they cannot.

        Raises:
            SettingsError: Authentication is required, and there are no keys.
        """
        is_required = self.asks_for_keys or (self.auth is None and place is not None)
        if is_required and not self._has_keys:
            where = f"{place}, beyond this machine," if place else "SEPSIS_AUTH=required"
            raise SettingsError(
                f"{where} needs SEPSIS_API_KEYS or SEPSIS_API_KEYS_SECRET_ARN "
                "(`sepsis-detect key new` makes a key), or SEPSIS_AUTH=off to let everybody in"
            )
        drain_seconds = self.drain_seconds
        if drain_seconds is None:
            drain_seconds = 0.0 if place is None else DRAIN_SECONDS
        auth = Auth.REQUIRED if is_required else Auth.OFF
        return self.model_copy(update={"auth": auth, "drain_seconds": drain_seconds})


def unknown_settings(environment: Mapping[str, str]) -> list[str]:
    """Names with the prefix of settings that are not settings: probably misspelt."""
    prefix = "SEPSIS_"
    known = {f"{prefix}{name}".upper() for name in Settings.model_fields}
    return sorted(name for name in environment if name.startswith(prefix) and name not in known)


def read_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsError: A value is invalid; the message names the variable, not the value.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = f"SEPSIS_{first['loc'][0]}".upper()
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{name} is wrong: {reason}.") from error
