"""Settings of an environment: defaults, parsing, and error messages."""

from typing import Any

import pytest

from infra.settings import InfraSettingsError, read_settings
from tests.infra.conftest import cdk_context

CERTIFICATE = "arn:aws:acm:eu-west-3:123456789012:certificate/12345678-1234-1234-1234-123456789012"


def settings_of(**given: Any) -> Any:
    return read_settings(cdk_context() | given)


def test_the_default_is_the_dev_environment() -> None:
    settings = settings_of()
    assert (settings.env, settings.stack_name) == ("dev", "sepsis-detect-dev")
    assert settings.auth == "required"
    assert not settings.internet_facing


def test_production_needs_a_certificate_and_nothing_else() -> None:
    with pytest.raises(InfraSettingsError, match=r"certificate_arn is missing: .*in clear"):
        settings_of(env="prod")
    settings = settings_of(env="prod", certificate_arn=CERTIFICATE)
    assert settings.internet_facing
    assert settings.waf
    assert settings.is_protected
    assert settings.min_instances >= settings.availability_zones >= 2


def test_values_from_the_command_line_are_parsed() -> None:
    settings = settings_of(
        min_instances="3", flow_logs="false", allowed_cidrs="10.1.0.0/16, 10.2.0.0/16"
    )
    assert settings.min_instances == 3
    assert settings.flow_logs is False
    assert settings.callers == ("10.1.0.0/16", "10.2.0.0/16")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"env": "test"}, "There is no environment test in cdk.json, only dev, prod."),
        ({"min_instance": "2"}, "There is no setting min_instance; did you mean min_instances\\?"),
        ({"colour": "red"}, "There is no setting colour; docs/operations.md lists them."),
        ({"min_instances": "two"}, "min_instances is wrong: .* but it is 'two'."),
        (
            {"cds_issuers": "https://ehr=https://ehr/jwks.json"},
            "cds_issuers needs domain_name or .*",
        ),
        (
            {"audit_log": "true", "lambda_percent": "5"},
            "audit_log needs lambda_percent=0: a function would show its key .*",
        ),
        ({"log_level": "ERROR"}, "log_level is wrong: .*'ERROR'."),
        ({"min_instances": "4"}, "max_instances must be at least min_instances."),
        ({"internet_facing": "true"}, "internet_facing needs certificate_arn: .* in clear."),
        ({"image": "latest"}, "image is wrong: .* but it is 'latest'."),
        ({"certificate_arn": "mine"}, "certificate_arn is wrong: .*"),
        ({"allowed_cidrs": "10.1.2.3/16"}, ".*a network is written like 10.40.0.0/16."),
        ({"cidr": "10.40.0.0/33"}, ".*a network is written like 10.40.0.0/16."),
        ({"log_retention_days": "31"}, "log_retention_days must be one of 7, 30, .*"),
        ({"availability_zones": "1"}, "availability_zones is wrong: .*"),
        (
            {"model_key": "/model.onnx"},
            "model_key and shadow_model_key must not begin with /.",
        ),
        (
            {"shadow_model_key": "/model.onnx"},
            "model_key and shadow_model_key must not begin with /.",
        ),
        (
            {"shadow_model_key": "sepsis/model.onnx"},
            "shadow_model_key must be another key than model_key.",
        ),
        (
            {"shadow_model_key": "sepsis/shadow.onnx", "lambda_percent": "5"},
            "shadow_model_key needs lambda_percent=0: a function runs no second model.",
        ),
        ({"instance_type": "large"}, "instance_type is wrong: .*"),
        (
            {"certificate_arn": CERTIFICATE, "internet_facing": "true", "auth": "off"},
            "auth may be off only where the load balancer is not internet_facing.",
        ),
    ],
    ids=str,
)
def test_an_invalid_setting_is_refused_with_a_sentence(
    given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InfraSettingsError, match=f"^{sentence}$") as refused:
        settings_of(**given)
    assert "\n" not in str(refused.value)
