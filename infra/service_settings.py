"""Environment variables of the service, the same on an instance and in the function."""

import shlex

from infra.settings import EnvironmentSettings

MODEL_CACHE_DIR = "/var/lib/sepsis-detect"


def service_environment(
    settings: EnvironmentSettings,
    *,
    model_uri: str,
    shadow_uri: str | None,
    keys_secret_arn: str,
) -> dict[str, str]:
    """The `SEPSIS_*` variables; none contains a secret."""
    environment = {
        "SEPSIS_MODEL_URI": model_uri,
        "SEPSIS_MODEL_POLL_SECONDS": f"{settings.model_poll_seconds:g}",
        "SEPSIS_AUTH": settings.auth,
        "SEPSIS_API_KEYS_SECRET_ARN": keys_secret_arn,
        "SEPSIS_LOG_LEVEL": settings.log_level,
    }
    optional = {
        "SEPSIS_SHADOW_MODEL_URI": shadow_uri,
        "SEPSIS_SILENT": settings.silent,
        "SEPSIS_CORS_ORIGINS": ",".join(settings.cors_origins),
        "SEPSIS_CDS_ISSUERS": ",".join(settings.cds_issuers),
        "SEPSIS_CDS_BASE_URL": settings.cds_address,
        "SEPSIS_CDS_ON_INCOHERENCE": settings.cds_on_incoherence,
        "SEPSIS_FHIR_OUTCOME": settings.fhir_outcome,
        "SEPSIS_MAX_BODY_BYTES": settings.max_body_bytes,
    }
    return environment | {name: str(value) for name, value in optional.items() if value}


def as_flags(environment: dict[str, str]) -> str:
    """Flags of `docker run`, quoted for a shell."""
    return " ".join(f"--env {shlex.quote(f'{key}={value}')}" for key, value in environment.items())
