"""Effects of a setting on the template and on the instance's environment."""

import shlex

import pytest

from tests.infra.conftest import Synthesise, Template
from tests.infra.templates.reading import DIGEST, user_data
from tests.paths import ROOT

ANOTHER_DIGEST = "sha256:" + "b" * 64
SERVICE_SETTINGS = {
    "shadow_model_key": "sepsis/shadow.onnx",
    "silent": "true",
    "audit_log": "true",
    "cors_origins": "https://ward.example.org",
    "cds_issuers": "https://ehr.example.org=https://ehr.example.org/jwks.json",
    "cds_on_incoherence": "reject",
    "domain_name": "sepsis.example.org",
    "fhir_outcome": "http://hl7.org/fhir/sid/icd-10|A41.9",
    "max_body_bytes": "1048576",
}


def changed(before: Template, after: Template) -> set[str]:
    """Types of the resources that differ."""
    names = before["Resources"].keys() | after["Resources"].keys()
    kinds = set()
    for name in names:
        old, new = before["Resources"].get(name), after["Resources"].get(name)
        if old != new:
            kinds.add((old or new)["Type"].removeprefix("AWS::"))
    return kinds


def test_another_image_changes_the_launch_template_alone(synthesise: Synthesise) -> None:
    assert changed(synthesise(image=DIGEST), synthesise(image=ANOTHER_DIGEST)) == {
        "EC2::LaunchTemplate"
    }


def test_another_instance_type_changes_the_launch_template_alone(
    dev: Template, synthesise: Synthesise
) -> None:
    assert changed(dev, synthesise(instance_type="t3.medium")) == {"EC2::LaunchTemplate"}


def test_another_model_key_changes_its_readers_and_writers_alone(
    dev: Template, synthesise: Synthesise
) -> None:
    assert changed(dev, synthesise(model_key="other/model.onnx")) == {
        "EC2::LaunchTemplate",
        "Events::Rule",
        "IAM::Policy",
        "Lambda::Function",
    }


def test_the_user_data_holds_all_settings_and_no_secret(
    prod: Template, everything: Template
) -> None:
    script = user_data(prod)
    for name in ("MODEL_URI", "MODEL_POLL_SECONDS", "API_KEYS_SECRET_ARN", "LOG_LEVEL"):
        assert f"SEPSIS_{name}=" in script
    assert "SEPSIS_AUTH=required" in script
    assert "resolve:" not in script
    assert "SEPSIS_CORS_ORIGINS=https://ward.example.org" in user_data(everything)
    assert len(script) < 12_000  # EC2's limit is 16 KB


def test_every_setting_of_the_service_can_be_given(
    synthesise: Synthesise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the keys, which are in a secret; and the service accepts the values."""
    from sepsis_detect.settings import Settings

    settings = SERVICE_SETTINGS | {"env": "dev", "internet_facing": "false", "waf": "false"}
    script = user_data(synthesise(**settings))
    assert "audit=(--env SEPSIS_AUDIT_KEY)" in script
    (line,) = [each for each in script.splitlines() if "SEPSIS_MODEL_URI" in each]
    given = [each.partition("=") for each in shlex.split(line) if each.startswith("SEPSIS_")]
    passed = {name: value for name, _, value in given}
    names = {f"SEPSIS_{name.upper()}" for name in Settings.model_fields}
    assert names - {"SEPSIS_API_KEYS", "SEPSIS_AUDIT_KEY"} == passed.keys()
    passed |= {
        "SEPSIS_MODEL_URI": "s3://bucket/key",
        "SEPSIS_SHADOW_MODEL_URI": "s3://bucket/shadow",
        "SEPSIS_API_KEYS_SECRET_ARN": "arn:aws:secretsmanager:x",
        "SEPSIS_AUDIT_KEY": "a" * 64,
    }
    for name, value in passed.items():
        monkeypatch.setenv(name, value)
    taken = Settings()
    assert taken.cds_issuers == ("https://ehr.example.org=https://ehr.example.org/jwks.json",)
    assert taken.cds_base_url == "https://sepsis.example.org"
    assert taken.cds_on_incoherence == "reject"
    assert taken.fhir_outcome == SERVICE_SETTINGS["fhir_outcome"]
    assert taken.max_body_bytes == 1_048_576
    assert taken.silent


def test_every_setting_is_in_the_operators_guide() -> None:
    from infra.settings import EnvironmentSettings

    guide = (ROOT / "docs" / "operations.md").read_text("utf-8")
    for name in EnvironmentSettings.model_fields:
        assert f"`{name}`" in guide, name
