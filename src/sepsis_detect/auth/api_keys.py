"""API keys: names and SHA-256 digests, from the settings and from AWS Secrets Manager.

A key is 32 random bytes, so one round of SHA-256 is enough to store it: it cannot be guessed.
A digest is compared with every known one in constant time, so that the response time reveals
nothing.
"""

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from sepsis_detect.errors import KeysError
from sepsis_detect.periodic_task import PeriodicTask
from sepsis_detect.settings import API_KEY, Settings
from sepsis_detect.telemetry import logs

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

KEY_BYTES = 32
MAX_KEY_CHARACTERS = 256  # a longer one is not hashed
REFRESH_SECONDS = 60.0  # a key removed from the secret is rejected after this time
RETRY_SECONDS = 5.0  # until the secret was read once
READ_SECONDS = 5.0  # time-out of Secrets Manager


def new_key() -> str:
    """A random key, of characters that need no quoting."""
    return secrets.token_urlsafe(KEY_BYTES)


def entry(name: str, key: str) -> str:
    """The entry of a key in the settings or the secret: `name:sha256hex`."""
    return f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"


class ApiKeys:
    """The accepted API keys.

    The secret is read at the start, then every `REFRESH_SECONDS` between `start_refreshing()` and
    `stop()`, or by `refresh_if_due()`. While it cannot be read, the keys read last stay accepted.
    """

    def __init__(self, settings: Settings):
        """Take `settings.api_keys` and read `settings.api_keys_secret_arn`."""
        self._of_settings = _digests(settings.api_keys)
        self._of_secret: list[tuple[bytes, str]] = []
        self._is_secret_read = False
        self._refreshing: PeriodicTask | None = None
        if (arn := settings.api_keys_secret_arn) is not None:
            self._refresh(arn)
            self._refreshing = PeriodicTask(
                lambda: self._refresh(arn), self._interval_seconds, name="keys_refresh"
            )

    @property
    def unready(self) -> str | None:
        """Why no key can be accepted yet, in one sentence; None when some can.

        Keys of the settings are accepted whether or not the secret can be read.
        """
        if self._is_secret_read or self._of_settings or self._refreshing is None:
            return None
        return "the secret with the API keys could not be read yet"

    def caller(self, key: str) -> str | None:
        """The name of the caller with this key; None when the key is unknown."""
        if len(key) > MAX_KEY_CHARACTERS:
            return None
        digest = hashlib.sha256(key.encode(errors="replace")).digest()
        found = None
        for known, name in (*self._of_settings, *self._of_secret):
            if hmac.compare_digest(known, digest):
                found = name
        return found

    def start_refreshing(self) -> None:
        """Refresh the secret periodically, in a thread, until `stop()`."""
        if self._refreshing is not None:
            self._refreshing.start()

    def stop(self) -> None:
        """End refreshing, without waiting for a pending answer."""
        if self._refreshing is not None:
            self._refreshing.stop()

    def refresh_if_due(self) -> None:
        """Refresh the secret in this thread, if it is due: for AWS Lambda. Never raises."""
        if self._refreshing is not None:
            self._refreshing.run_if_due()

    def _refresh(self, secret_arn: str) -> None:
        try:
            text = read_secret(secret_arn)
        except KeysError as error:
            logs.event(logging.ERROR, "keys_unreadable", reason=str(error))
            return
        self._of_secret, n_wrong = _parse_secret(text)
        self._is_secret_read = True
        if n_wrong:
            reason = f"{n_wrong} lines of the secret are not name:sha256hex"
            logs.event(logging.ERROR, "keys_wrong", reason=reason)

    def _interval_seconds(self) -> float:
        return REFRESH_SECONDS if self._is_secret_read else RETRY_SECONDS


def read_secret(arn: str) -> str:
    """Read a secret from Secrets Manager.

    Raises:
        KeysError: It cannot be read; the message gives the reason, and no part of the secret.
    """
    # Imported only where it is needed: botocore takes 17 MB.
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.session import get_session

    config = Config(
        connect_timeout=READ_SECONDS / 2,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": 1},
    )
    try:
        client = cast(
            "SecretsManagerClient",
            get_session().create_client(
                "secretsmanager", region_name=arn.split(":")[3], config=config
            ),
        )
        answer = client.get_secret_value(SecretId=arn)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise KeysError(f"Secrets Manager answered {code}") from error
    except (BotoCoreError, ValueError, OSError) as error:
        raise KeysError(f"Secrets Manager did not answer ({type(error).__name__})") from error
    text: str = answer.get("SecretString", "")
    return text


def _parse_secret(text: str) -> tuple[list[tuple[bytes, str]], int]:
    """The keys of a secret, and the number of invalid entries, which are skipped."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    entries = [entry for entry in re.split(r"[,\s]+", "\n".join(lines)) if entry]
    valid = [entry for entry in entries if API_KEY.fullmatch(entry)]
    return _digests(valid), len(entries) - len(valid)


def _digests(entries: Iterable[str]) -> list[tuple[bytes, str]]:
    split = [entry.rpartition(":") for entry in entries]
    return [(bytes.fromhex(digest), name) for name, _, digest in split]
