"""Settings: read from the environment, or an error that names the variable, not its value."""

from pathlib import Path

import pytest

from sepsis_detect.errors import SettingsError
from sepsis_detect.settings import Auth, LogLevel, read_settings, unknown_settings

DIGEST = "a" * 64


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODEL_URI", "AUTH", "API_KEYS", "CORS_ORIGINS", "LOG_LEVEL", "MAX_BODY_BYTES"):
        monkeypatch.delenv(f"SEPSIS_{name}", raising=False)


def test_a_setting_that_is_not_set_has_its_default() -> None:
    settings = read_settings()
    assert settings.model_uri is None
    assert settings.model_poll_seconds == 30
    assert settings.auth is None
    assert settings.max_body_bytes == 5 * 1024 * 1024
    assert settings.api_keys == settings.cors_origins == ()
    assert settings.log_level is LogLevel.INFO


def test_an_empty_value_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODEL_URI", "AUTH", "API_KEYS", "MAX_BODY_BYTES", "LOG_LEVEL"):
        monkeypatch.setenv(f"SEPSIS_{name}", "")
    test_a_setting_that_is_not_set_has_its_default()


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "MODEL_URI": "s3://models/sepsis/model.onnx",
        "MODEL_POLL_SECONDS": "0.2",
        "MODEL_CACHE_DIR": "/var/cache/sepsis",
        "API_KEYS": f"ward-3:{DIGEST}, lab:{DIGEST},",
        "API_KEYS_SECRET_ARN": "arn:aws:secretsmanager:eu-west-3:1:secret:keys",
        "AUTH": "off",
        "MAX_BODY_BYTES": "2048",
        "CORS_ORIGINS": "https://ward.example, http://localhost:3000",
        "LOG_LEVEL": "WARNING",
        "SHADOW_MODEL_URI": "/models/shadow.onnx",
        "SILENT": "true",
    }.items():
        monkeypatch.setenv(f"SEPSIS_{name}", value)
    settings = read_settings()
    assert settings.model_uri == "s3://models/sepsis/model.onnx"
    assert settings.shadow_model_uri == "/models/shadow.onnx"
    assert settings.silent
    assert settings.model_poll_seconds == 0.2
    assert settings.model_cache_dir == Path("/var/cache/sepsis")
    assert settings.api_keys == (f"ward-3:{DIGEST}", f"lab:{DIGEST}")
    assert settings.auth is Auth.OFF
    assert settings.max_body_bytes == 2048
    assert settings.cors_origins == ("https://ward.example", "http://localhost:3000")
    assert settings.log_level is LogLevel.WARNING


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODEL_URI", "http://models/model.onnx"),
        ("MODEL_URI", "s3://bucket"),
        ("SHADOW_MODEL_URI", "http://models/model.onnx"),
        ("SHADOW_MODEL_URI", "s3://bucket"),
        ("SILENT", "perhaps"),
        ("MODEL_POLL_SECONDS", "0"),
        ("MODEL_POLL_SECONDS", "0.01"),
        ("MODEL_POLL_SECONDS", "nan"),
        ("MODEL_POLL_SECONDS", "often"),
        ("API_KEYS", "secret-canary"),
        ("API_KEYS", f"ward:{DIGEST},lab:secret-canary"),
        ("API_KEYS", f"ward:{DIGEST.upper()}"),
        ("API_KEYS_SECRET_ARN", "secret-canary"),
        ("AUTH", "none"),
        ("MAX_BODY_BYTES", "10"),
        ("MAX_BODY_BYTES", "5MB"),
        ("CORS_ORIGINS", "ward.example"),
        ("CORS_ORIGINS", "https://ward.example/path"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_the_error_of_an_invalid_value_is_one_sentence_without_the_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"SEPSIS_{name}", value)
    with pytest.raises(SettingsError) as raised:
        read_settings()
    sentence = str(raised.value)
    assert sentence.startswith(f"SEPSIS_{name} is wrong: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "secret-canary" not in sentence


def test_a_misspelt_setting_is_found() -> None:
    environment = {"SEPSIS_MODEL_URL": "s3://x/y", "SEPSIS_AUTH": "off", "HOME": "/root"}
    assert unknown_settings(environment) == ["SEPSIS_MODEL_URL"]


@pytest.mark.parametrize(
    ("value", "place", "seconds"),
    [("", None, 0), ("", "listening on 0.0.0.0", 5), ("2.5", None, 2.5), ("0", "anywhere", 0)],
)
def test_the_server_drains_beyond_loopback_unless_set(
    monkeypatch: pytest.MonkeyPatch, value: str, place: str | None, seconds: float
) -> None:
    monkeypatch.setenv("SEPSIS_AUTH", "off")
    monkeypatch.setenv("SEPSIS_DRAIN_SECONDS", value)
    assert read_settings().decided(place).drain_seconds == seconds
