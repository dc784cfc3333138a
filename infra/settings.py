"""Settings of one environment, from the context of CDK: `cdk.json` and `-c name=value`.

`cdk.json` holds the settings of each environment under `environments`; `-c env=prod` selects one,
and `-c` overrides any setting for one run.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

PRIVATE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
THE_WORLD = ("0.0.0.0/0",)
DIGEST = r"^sha256:[0-9a-f]{64}$"
CERTIFICATE = r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[0-9a-f-]+$"
# Retention periods in days that CloudWatch offers here, with CDK's names.
LOG_RETENTION = {
    7: "ONE_WEEK",
    30: "ONE_MONTH",
    90: "THREE_MONTHS",
    180: "SIX_MONTHS",
    365: "ONE_YEAR",
    731: "TWO_YEARS",
    1827: "FIVE_YEARS",
    3653: "TEN_YEARS",
}
SECONDS_A_DAY = 86_400


class InfraSettingsError(Exception):
    """A setting is invalid; the message is a sentence for the person who runs CDK."""


class Egress(StrEnum):
    """How instances in private subnets reach AWS."""

    NAT = "nat"  # one NAT gateway: cheapest, but it depends on one availability zone
    ENDPOINTS = "endpoints"  # interface endpoints in each zone, no route to the internet


def _listed(value: Any) -> Any:
    """A list from a comma-separated text, since `-c` passes texts only."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class EnvironmentSettings(BaseModel):
    """The settings of an environment.

    Attributes:
        env: Name of the environment; part of the stack's name.
        image: The `sha256:` digest of an image in the environment's repository. None: the image
            is built from this directory at deployment and tagged with the digest of its sources.
        instance_type: EC2 type; it also selects the architecture: t4g, c7g, ... are arm64.
        min_instances: At least one for each zone, to survive the loss of a zone.
        spot_percent: Share of the instances beyond `min_instances` that may be spot instances.
        internet_facing: Whether the load balancer has public addresses.
        certificate_arn: ACM certificate in the same region. None: plain HTTP only.
        allow_plain_http: Whether plain HTTP is accepted; never for patients' data.
        domain_name: DNS name of the certificate, for the URL; the operator creates the record.
        allowed_cidrs: Networks that may reach the load balancer. None: all addresses if it is
            internet-facing, else private networks.
        waf: Whether AWS WAF, with managed rules and a rate limit, protects the load balancer.
        waf_requests_per_5_minutes: Rate limit of one address; a hospital is often one address.
        model_key: S3 key of the served model.
        shadow_model_key: S3 key of a second model that scores every request and answers none. None:
            there is none.
        silent: Whether CDS Hooks give no cards.
        model_max_age_days: Age of the model from which the alarm asks for a review.
        max_input_drift: Drift of one input from which the alarm asks for a look; 0: no alarm.
        auth: Value of `SEPSIS_AUTH`; likewise `max_body_bytes`, `cors_origins`, `cds_issuers`,
            `cds_on_incoherence`, `fhir_outcome` and `log_level`.
        audit_log: Whether decisions are logged; the stack generates the HMAC key.
        cds_base_url: Value of `SEPSIS_CDS_BASE_URL`. None: `https://` and `domain_name`.
        no_traffic_hours: Hours without a request until the alarm; 0: no alarm.
        lambda_percent: Share of the requests that the Lambda function answers.
        alarm_email: Address subscribed to the alarm topic; it must be confirmed.
        is_protected: Whether load balancer and stack have deletion protection.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    env: str = Field(pattern=r"^[a-z][a-z0-9-]{1,19}$")
    image: str | None = Field(None, pattern=DIGEST)
    instance_type: str = Field("c7i.large", pattern=r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$")
    min_instances: int = Field(2, ge=1, le=100)
    max_instances: int = Field(6, ge=1, le=100)
    spot_percent: int = Field(0, ge=0, le=100)
    max_instance_lifetime_days: int = Field(30, ge=1, le=365)
    target_cpu_percent: int = Field(50, ge=10, le=90)
    target_requests_per_minute: int = Field(3_000, ge=1)
    availability_zones: int = Field(2, ge=2, le=3)
    cidr: str = "10.40.0.0/16"
    egress: Egress = Egress.ENDPOINTS
    flow_logs: bool = True
    internet_facing: bool = True
    certificate_arn: str | None = Field(None, pattern=CERTIFICATE)
    allow_plain_http: bool = False
    domain_name: str | None = Field(None, pattern=r"^[a-z0-9.-]+\.[a-z]+$")
    allowed_cidrs: Texts | None = None
    waf: bool = True
    waf_requests_per_5_minutes: int = Field(20_000, ge=100, le=2_000_000_000)
    model_key: str = Field("sepsis/model.onnx", pattern=r"^[A-Za-z0-9._/-]+\.onnx$")
    shadow_model_key: str | None = Field(None, pattern=r"^[A-Za-z0-9._/-]+\.onnx$")
    silent: bool = False
    model_poll_seconds: float = Field(30.0, ge=0.05, le=SECONDS_A_DAY)
    model_max_age_days: int = Field(180, ge=1)
    # `python -m benchmarks.input_drift`: an input that is lost has 4.6 and more; the hospitals of
    # training, each against both, have at most 1.9 over 2,000 hours of stays.
    max_input_drift: float = Field(4.0, ge=0, le=100)
    auth: str = Field("required", pattern="^(required|off)$")
    audit_log: bool = False
    max_body_bytes: int | None = Field(None, ge=1024, le=1024**3)
    cors_origins: Texts = ()
    cds_issuers: Texts = ()
    cds_base_url: str | None = Field(None, pattern=r"^https?://[^\s?#]+$")
    cds_on_incoherence: str | None = Field(None, pattern="^(drop|reject)$")
    fhir_outcome: str | None = Field(None, pattern=r"^(none|[^|\s]+\|[^|\s]+)$")
    # ERROR would hide the warnings that the alarm ModelUnreachable counts.
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING)$")
    log_retention_days: int = 365
    no_traffic_hours: int = Field(1, ge=0, le=24)
    lambda_percent: int = Field(0, ge=0, le=99)
    alarm_email: str | None = Field(None, pattern=r"^[^@\s]+@[^@\s]+$")
    is_protected: bool = True

    @property
    def stack_name(self) -> str:
        """Name of the CloudFormation stack."""
        return f"sepsis-detect-{self.env}"

    @property
    def cds_address(self) -> str | None:
        """Base URL that tokens of CDS Hooks clients must be issued for; None without clients."""
        own = f"https://{self.domain_name}" if self.domain_name else None
        return (self.cds_base_url or own) if self.cds_issuers else None

    @property
    def callers(self) -> tuple[str, ...]:
        """Networks that may reach the load balancer, as CIDR blocks."""
        if self.allowed_cidrs is not None:
            return self.allowed_cidrs
        return THE_WORLD if self.internet_facing else PRIVATE_NETWORKS

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        for reason, is_wrong in (
            (
                "certificate_arn is missing: patients' data does not travel in clear. Request a "
                "certificate in ACM (docs/operations.md), or set allow_plain_http for a trial "
                "with made-up patients",
                self.certificate_arn is None and not self.allow_plain_http,
            ),
            (
                "internet_facing needs certificate_arn: nothing is served to the internet in clear",
                self.internet_facing and self.certificate_arn is None,
            ),
            (
                "max_instances must be at least min_instances",
                self.max_instances < self.min_instances,
            ),
            (
                "auth may be off only where the load balancer is not internet_facing",
                self.auth == "off" and self.internet_facing,
            ),
            (
                f"log_retention_days must be one of {', '.join(map(str, LOG_RETENTION))}",
                self.log_retention_days not in LOG_RETENTION,
            ),
            (
                "cds_issuers needs domain_name or cds_base_url: tokens are for an address",
                bool(self.cds_issuers) and self.cds_address is None,
            ),
            (
                "cds_issuers needs egress=nat: their key sets are on the internet",
                bool(self.cds_issuers) and self.egress is Egress.ENDPOINTS,
            ),
            (
                "audit_log needs lambda_percent=0: a function would show its key to whoever may "
                "look at its settings",
                self.audit_log and self.lambda_percent > 0,
            ),
            (
                "model_key and shadow_model_key must not begin with /",
                self.model_key.startswith("/") or (self.shadow_model_key or "").startswith("/"),
            ),
            (
                "shadow_model_key must be another key than model_key",
                self.shadow_model_key == self.model_key,
            ),
            (
                "shadow_model_key needs lambda_percent=0: a function runs no second model",
                self.shadow_model_key is not None and self.lambda_percent > 0,
            ),
        ):
            if is_wrong:
                raise ValueError(reason)
        for cidr in (self.cidr, *self.callers):
            _check_network(cidr)
        return self


def _check_network(cidr: str) -> None:
    try:
        IPv4Network(cidr)
    except ValueError as error:
        raise ValueError(f"{error}: a network is written like 10.40.0.0/16") from error


def read_settings(context: Mapping[str, Any]) -> EnvironmentSettings:
    """The settings of the environment that the context names, `dev` if it names none.

    Raises:
        InfraSettingsError: The environment or a setting is unknown, or a value is invalid.
    """
    environments: Mapping[str, Mapping[str, Any]] = context.get("environments", {})
    env = context.get("env", "dev")
    if env not in environments:
        known = ", ".join(sorted(environments)) or "none"
        raise InfraSettingsError(f"There is no environment {env} in cdk.json, only {known}.")
    # Names of CDK's own context keys have a colon, a slash or an @.
    given = {key: value for key, value in context.items() if not re.search("[:/@]", key)}
    values = {**environments[env], **given, "env": env}
    values.pop("environments")
    try:
        return EnvironmentSettings.model_validate(values)
    except ValidationError as error:
        raise InfraSettingsError(_sentence(error)) from error


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else None
    if name is None:
        return f"{first['msg'].removeprefix('Value error, ')}."
    if first["type"] == "extra_forbidden":
        close = get_close_matches(name, EnvironmentSettings.model_fields, n=1)
        hint = f"; did you mean {close[0]}?" if close else "; docs/operations.md lists them."
        return f"There is no setting {name}{hint}"
    return f"{name} is wrong: {first['msg']}, but it is {first['input']!r}."
