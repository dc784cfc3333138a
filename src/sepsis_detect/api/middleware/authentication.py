"""Authentication: API keys, or client JWTs for CDS Hooks.

Without valid credentials an unknown route cannot be told from a known one: both are 401.
"""

import asyncio
import logging
import re
from collections.abc import Callable

import anyio
import anyio.to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from sepsis_detect.api.error_responses import error_response
from sepsis_detect.auth.api_keys import ApiKeys
from sepsis_detect.auth.client_tokens import ClientTokens
from sepsis_detect.problems import Problem, RequestError
from sepsis_detect.telemetry import logs

CALLER = "sepsis_detect.caller"
"""Key of the caller's name in the ASGI scope."""
WRONG_KEY_SECONDS = 0.5  # delay of the response to a wrong key
MAX_WAITING = 20  # wrong keys at a time; more are rejected at once
BEARER = b"bearer "
CDS = "/cds-services"
TOKEN = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
"""What a JSON Web Token looks like, and no API key does."""


class Authentication:
    """Middleware that names the caller in the ASGI scope, or rejects the request.

    Args:
        app: The application.
        keys: Valid API keys; None: keys are not required.
        tokens: Verifies JWTs of CDS Hooks clients, with the service's address; None: no JWTs.
        is_open: Whether a path needs no authentication.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: ApiKeys | None,
        tokens: tuple[ClientTokens, str] | None,
        is_open: Callable[[str], bool],
    ):
        """Wrap `app`."""
        self._app = app
        self._keys = keys
        self._tokens = tokens
        self._is_open = is_open
        self._n_waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not self._is_open(scope["path"]):
            try:
                scope[CALLER] = await self._caller(scope)
            except RequestError as error:
                await error_response(error, scope)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _caller(self, scope: Scope) -> str | None:
        """Name of the caller; None where no authentication is required.

        Raises:
            RequestError: 401, not valid; 429, too many wrong keys; 503, keys are not loaded yet.
        """
        sent_keys = _sent_keys(scope)
        sent = sent_keys[0] if sent_keys else None
        path: str = scope["path"]
        if self._tokens is not None and (path == CDS or path.startswith(f"{CDS}/")):
            tokens, address = self._tokens
            if self._keys is None or (sent is not None and TOKEN.fullmatch(sent)):
                return await self._client(tokens, sent, address + path)
        if self._keys is None:
            return None
        for each in sent_keys:
            if (caller := self._keys.caller(each)) is not None:
                return caller
        if (reason := self._keys.unready) is not None:
            raise _unready(reason)
        if sent is not None:
            logs.event(logging.WARNING, "wrong_key")
            await self._slow_down()
        raise no_key()

    async def _client(self, tokens: ClientTokens, sent: str | None, url: str) -> str:
        """Name of the client whose token was sent."""
        headers = {} if sent is None else {"authorization": f"Bearer {sent}"}
        try:
            return await anyio.to_thread.run_sync(tokens.verify, headers, url)
        except RequestError as error:
            if error.status == 401 and sent is not None:
                logs.event(logging.WARNING, "wrong_token")
                await self._slow_down()
            raise

    async def _slow_down(self) -> None:
        """Delay the response to a wrong key, few at a time, against guessing."""
        if self._n_waiting >= MAX_WAITING:
            raise too_many_wrong_keys()
        self._n_waiting += 1
        try:
            await asyncio.sleep(WRONG_KEY_SECONDS)
        finally:
            self._n_waiting -= 1


def _sent_keys(scope: Scope) -> list[str]:
    """The keys sent, at most one of each header; either may be the valid one."""
    found: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            found.setdefault(name, str(value, "latin-1").strip())
        elif name == b"authorization" and value[: len(BEARER)].lower() == BEARER:
            found.setdefault(name, str(value[len(BEARER) :], "latin-1").strip())
    return list(found.values())


def _problem(rule: str, msg: str, msg_fr: str) -> Problem:
    return Problem(type="access", rule=rule, loc=("header",), msg=msg, msg_fr=msg_fr)


def no_key() -> RequestError:
    """401: no API key, or a wrong one."""
    problem = _problem(
        "access.key",
        "A valid API key is needed: send it as `Authorization: Bearer KEY`.",
        "Une clé d'API valide est nécessaire : envoyez `Authorization: Bearer CLÉ`.",
    )
    error = RequestError(401, [problem])
    error.headers["WWW-Authenticate"] = "Bearer"
    return error


def too_many_wrong_keys() -> RequestError:
    """429: many wrong API keys are waiting for their answers."""
    problem = _problem(
        "access.too_many",
        "Too many wrong API keys are being sent: try again later.",
        "Trop de clés d'API erronées sont envoyées : réessayez plus tard.",
    )
    return RequestError(429, [problem], retry_after=1)


def _unready(reason: str) -> RequestError:
    problem = _problem(
        "access.unready",
        f"Nobody can be let in yet: {reason}.",
        "Personne ne peut encore être admis : les clés d'API n'ont pas pu être lues.",
    )
    return RequestError(503, [problem], retry_after=5)
