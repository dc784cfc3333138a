"""Who may call: names and SHA-256 digests of keys, from the settings and from Secrets Manager.

A key is 32 random bytes, so one round of SHA-256 is enough to keep it: there is nothing to guess.
A digest is compared with every known one, each in constant time, so that how long an answer takes
tells nothing.
"""

import hashlib
import hmac
import logging
import random
import re
import secrets
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from sepsis_detect.errors import KeysError
from sepsis_detect.settings import API_KEY, Settings
from sepsis_detect.telemetry import logs

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

KEY_BYTES = 32
MAX_KEY_CHARACTERS = 256  # longer ones are nobody's
REFRESH_SECONDS = 60.0  # a key that is taken out of the secret opens nothing after this
RETRY_SECONDS = 5.0  # until the secret was read once
ANSWER_SECONDS = 5.0  # of Secrets Manager


def new_key() -> str:
    """A key that nobody can guess, of characters that need no quoting."""
    return secrets.token_urlsafe(KEY_BYTES)


def entry(name: str, key: str) -> str:
    """What the service is told of a key: `name:sha256hex`."""
    return f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"


class ApiKeys:
    """The keys that open the service now.

    A secret is read at the start, then every `REFRESH_SECONDS` between `start_refreshing()` and
    `stop()`; without a thread, `refresh_if_due()` does. What was read last holds while it cannot be
    read.
    """

    def __init__(self, settings: Settings):
        """Take `settings.api_keys` and read `settings.api_keys_secret_arn`."""
        self._own = _digests(settings.api_keys)
        self._secret_arn = settings.api_keys_secret_arn
        self._shared: list[tuple[bytes, str]] = []
        self._is_read = self._secret_arn is None
        self._due_at = 0.0
        self._is_stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.refresh_if_due()

    @property
    def unready(self) -> str | None:
        """Why nobody can be let in yet, in a sentence; None when somebody can.

        Keys of the settings open the service whatever becomes of the secret.
        """
        if self._is_read or self._own:
            return None
        return "the secret with the API keys could not be read yet"

    def caller(self, key: str) -> str | None:
        """The name of whoever holds this key; None when nobody does."""
        if len(key) > MAX_KEY_CHARACTERS:
            return None
        digest = hashlib.sha256(key.encode(errors="replace")).digest()
        found = None
        for known, name in (*self._own, *self._shared):
            if hmac.compare_digest(known, digest):
                found = name
        return found

    def start_refreshing(self) -> None:
        """Read the secret again and again, in a thread, until `stop()`."""
        if self._secret_arn is not None:
            self._thread = threading.Thread(target=self._refresh_on, name="keys", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End refreshing; nobody waits for an answer that is under way."""
        self._is_stopped.set()

    def refresh_if_due(self) -> None:
        """Read the secret, if that was not done for a while; never raises."""
        if self._secret_arn is None or time.monotonic() < self._due_at:
            return
        try:
            found = read_secret(self._secret_arn)
        except KeysError as error:
            logs.event(logging.ERROR, "keys_unreadable", reason=str(error))
        else:
            self._shared, n_wrong = _of_secret(found)
            self._is_read = True
            if n_wrong:
                reason = f"{n_wrong} lines of the secret are not name:sha256hex"
                logs.event(logging.ERROR, "keys_wrong", reason=reason)
        self._due_at = time.monotonic() + self._interval()

    def _refresh_on(self) -> None:
        while not self._is_stopped.wait(max(0.1, self._due_at - time.monotonic())):
            self.refresh_if_due()

    def _interval(self) -> float:
        seconds = REFRESH_SECONDS if self._is_read else RETRY_SECONDS
        return seconds * (1 - 0.15 * random.random())  # noqa: S311 - to spread a fleet


def read_secret(arn: str) -> str:
    """The text of a secret.

    Raises:
        KeysError: It cannot be read; the message tells why, and nothing of the secret.
    """
    # botocore costs 17 MB: for those who need it.
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.session import get_session

    config = Config(
        connect_timeout=ANSWER_SECONDS / 2,
        read_timeout=ANSWER_SECONDS,
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


def _of_secret(text: str) -> tuple[list[tuple[bytes, str]], int]:
    """The keys of a secret, and how many of its entries are none: those cost the others nothing."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    entries = [entry for entry in re.split(r"[,\s]+", "\n".join(lines)) if entry]
    good = [entry for entry in entries if API_KEY.fullmatch(entry)]
    return _digests(good), len(entries) - len(good)


def _digests(entries: Iterable[str]) -> list[tuple[bytes, str]]:
    parted = [entry.rpartition(":") for entry in entries]
    return [(bytes.fromhex(digest), name) for name, _, digest in parted]
