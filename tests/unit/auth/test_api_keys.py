"""API keys from the settings and from a secret, which may be invalid, missing or late."""

import hashlib
import json
import logging
import re
from typing import Any

import boto3
import pytest
from starlette.testclient import TestClient

from sepsis_detect.__main__ import main
from sepsis_detect.api.app import create_app
from sepsis_detect.auth import api_keys
from sepsis_detect.auth.api_keys import ApiKeys, entry, new_key
from sepsis_detect.settings import API_KEY, Settings
from tests.contract.asking import refused
from tests.faulty_s3 import FaultyS3
from tests.waiting import until

OLD, NEW = new_key(), new_key()
MISSING = "arn:aws:secretsmanager:us-east-1:123456789012:secret:none-AbCdEf"


class Secret:
    """A secret in a local Secrets Manager."""

    def __init__(self, client: Any):
        self._client = client
        self.arn: str = client.create_secret(Name="keys", SecretString=entry("ward", OLD))["ARN"]

    def set(self, text: str) -> None:
        self._client.put_secret_value(SecretId=self.arn, SecretString=text)


@pytest.fixture
def secret(s3: FaultyS3, monkeypatch: pytest.MonkeyPatch) -> Secret:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", s3.url)
    return Secret(boto3.client("secretsmanager", region_name="us-east-1"))


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_keys_differ_and_only_their_digest_is_stored() -> None:
    assert len({new_key() for _ in range(100)}) == 100
    stored = entry("ward-3", OLD)
    assert API_KEY.fullmatch(stored)
    assert stored == f"ward-3:{hashlib.sha256(OLD.encode()).hexdigest()}"


def test_a_caller_may_have_several_keys() -> None:
    keys = ApiKeys(Settings(api_keys=(entry("ward", OLD), entry("ward", NEW))))
    assert keys.caller(OLD) == keys.caller(NEW) == "ward"
    assert keys.caller(new_key()) is None
    assert keys.caller("") is None
    assert keys.unready is None


def test_a_changed_secret_is_read_again(secret: Secret, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "REFRESH_SECONDS", 0.0)
    keys = ApiKeys(Settings(api_keys_secret_arn=secret.arn))
    assert (keys.caller(OLD), keys.caller(NEW)) == ("ward", None)
    secret.set(f"# rotated\n{entry('ward', OLD)}\n{entry('ward', NEW)}\n")
    keys.refresh_if_due()
    assert keys.caller(OLD) == keys.caller(NEW) == "ward"
    secret.set(entry("ward", NEW))
    keys.refresh_if_due()
    assert (keys.caller(OLD), keys.caller(NEW)) == (None, "ward")


def test_a_secret_is_not_read_before_it_is_due(secret: Secret) -> None:
    keys = ApiKeys(Settings(api_keys_secret_arn=secret.arn))
    secret.set(entry("ward", NEW))
    keys.refresh_if_due()
    assert keys.caller(OLD) == "ward"


def test_keys_stay_accepted_while_the_secret_cannot_be_read(
    secret: Secret, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(api_keys, "REFRESH_SECONDS", 0.0)
    keys = ApiKeys(Settings(api_keys_secret_arn=secret.arn))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    keys.refresh_if_due()
    assert keys.caller(OLD) == "ward"
    assert keys.unready is None
    assert events(caplog) == ["keys_unreadable"]


def test_an_invalid_line_is_skipped_and_not_quoted_in_the_log(
    secret: Secret, caplog: pytest.LogCaptureFixture
) -> None:
    secret.set(f"ward:{'A' * 64}, {entry('lab', NEW)}, secret-canary")
    keys = ApiKeys(Settings(api_keys_secret_arn=secret.arn))
    assert keys.caller(NEW) == "lab"
    # An application that other tests share may log its metrics meanwhile.
    (record,) = [each for each in caplog.records if not each.message.startswith("metrics")]
    assert record.message == "keys_wrong"
    assert "canary" not in json.dumps(record.__dict__, default=str)
    assert record.__dict__["fields"]["reason"].startswith("2 lines")


@pytest.mark.usefixtures("secret")
def test_the_service_is_not_ready_until_the_secret_was_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with (
        caplog.at_level(logging.ERROR),
        TestClient(create_app(Settings(api_keys_secret_arn=MISSING))) as client,
    ):
        response = client.get("/health")
        assert response.status_code == 503
        assert response.json() == {
            "status": "Unavailable",
            "reason": "the secret with the API keys could not be read yet",
        }
        headers = {"Authorization": f"Bearer {OLD}"}
        response = client.get("/model", headers=headers)
        assert refused(response, 503)[0]["rule"] == "access.unready"
        assert response.headers["Retry-After"]


@pytest.mark.usefixtures("secret")
def test_a_key_of_the_settings_is_accepted_without_the_secret() -> None:
    keys = ApiKeys(Settings(api_keys=(entry("ops", NEW),), api_keys_secret_arn=MISSING))
    assert keys.unready is None
    assert keys.caller(NEW) == "ops"
    assert keys.caller(OLD) is None


def test_a_running_service_refreshes_the_secret(
    secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys, "REFRESH_SECONDS", 0.05)
    with TestClient(create_app(Settings(api_keys_secret_arn=secret.arn))) as client:
        assert client.get("/model", headers={"X-API-Key": OLD}).status_code == 200
        secret.set(entry("ward", NEW))
        until(lambda: client.get("/model", headers={"X-API-Key": NEW}).status_code == 200)


def test_a_new_key_is_accepted_with_the_printed_entry(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["key", "new", "ward-3"]) == 0
    key, printed = re.findall(r": +(\S+)$", capsys.readouterr().out, re.MULTILINE)
    assert ApiKeys(Settings(api_keys=(printed,))).caller(key) == "ward-3"


def test_an_invalid_name_of_a_key_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "new", "ward 3, bed 4"]) == 2
    assert "letters, digits" in capsys.readouterr().err
