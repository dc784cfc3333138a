"""JSON Web Tokens of CDS Hooks clients: signature, audience, lifetime and single use.

A token is accepted when it is signed with ES384 or RS384 by a key of a configured issuer, for the
exact address that is called, within its lifetime, and not seen before. Key sets are fetched only
from the addresses in the settings, never from an address in a token.

Used tokens are remembered by the process that accepted them: each of several processes accepts a
token once, within its lifetime of at most an hour. See docs/interoperability.md.

PyJWT's `PyJWKClient` (2.15) does not fetch the key sets, as three bounds would be lost: it reads an
answer of any size, it drops expired keys although the issuer's server fails, and then it repeats
the failed fetch for every token. Its fetch is one method: overriding that also loses its cool-down.

Source: https://cds-hooks.hl7.org/2.0/ (2.0.1), "Trusting CDS Clients"; RFC 7519, RFC 8725.
"""

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sepsis_detect.errors import SettingsError
from sepsis_detect.problems import Problem, RequestError

if TYPE_CHECKING:
    from jwt import PyJWK

ALGORITHMS = ("ES384", "RS384")
CLAIMS = ("iss", "aud", "exp", "iat", "jti")
CLOCK_SKEW_SECONDS = 60
MAX_LIFETIME_SECONDS = 3_600
MAX_TOKEN_CHARACTERS = 8_192
MAX_ID_CHARACTERS = 256
KEYS_LAST_SECONDS = 3_600
MIN_BETWEEN_FETCHES_SECONDS = 30
FETCH_SECONDS = 5
MAX_KEY_SET_BYTES = 256 * 1024
MAX_REMEMBERED = 100_000
"""Used tokens that are remembered, 16 bytes each; further ones are rejected with 503."""

Jwk = dict[str, Any]


class ClientTokens:
    """Verifies the tokens of the configured issuers.

    Args:
        issuers: Address or file of the key set, by issuer.

    Raises:
        SettingsError: A file is not a key set.
    """

    def __init__(self, issuers: Mapping[str, str]):
        self._key_sets = {issuer: KeySet(place) for issuer, place in issuers.items()}
        self._used: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def verify(self, headers: Mapping[str, str], url: str) -> str:
        """Verify the token of a request. Blocks while keys are fetched.

        Args:
            headers: Header names in lower case.
            url: The exact address that is called.

        Returns:
            The issuer.

        Raises:
            RequestError: 401, the token is not accepted, and why; 503, no keys are available now.
        """
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise refused("A client's token is needed.", "Un jeton du client est nécessaire.")
        return self.verify_token(token.strip(), url)

    def verify_token(self, token: str, url: str) -> str:
        """Verify a token, as `verify` does."""
        import jwt  # imported only where tokens are accepted: it is slow

        if len(token) > MAX_TOKEN_CHARACTERS:
            raise refused("The token is too long.", "Le jeton est trop long.")
        try:
            header = jwt.get_unverified_header(token)
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
            key = self._key(header, issuer)
            claims = jwt.decode(
                token,
                key,
                algorithms=[header["alg"]],
                audience=url,
                issuer=issuer,
                leeway=CLOCK_SKEW_SECONDS,
                options={"require": list(CLAIMS), "enforce_minimum_key_length": True},
            )
        except jwt.InvalidAudienceError as error:
            raise refused(
                "`aud` must be the address called.", "`aud` : adresse appelée."
            ) from error
        except jwt.ExpiredSignatureError as error:
            raise refused("The token has expired.", "Le jeton a expiré.") from error
        except jwt.ImmatureSignatureError as error:
            raise refused("The token is not valid yet.", "Jeton pas encore valable.") from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise refused("The token is not valid.", "Le jeton n'est pas valable.") from error
        self._mark_used(str(issuer), claims)
        return str(issuer)

    def _key(self, header: Mapping[str, Any], issuer: Any) -> "PyJWK":
        from jwt import PyJWK

        if header.get("alg") not in ALGORITHMS:
            raise refused("Sign with ES384 or RS384.", "Signez en ES384 ou RS384.")
        if header.get("typ", "JWT") != "JWT":
            raise refused("`typ` must be JWT.", "`typ` doit être JWT.")
        key_set = self._key_sets.get(issuer) if isinstance(issuer, str) else None
        if key_set is None:
            raise refused("The issuer is not known here.", "L'émetteur n'est pas connu ici.")
        if not key_set.is_at(header.get("jku")):
            raise refused("`jku` is not the issuer's here.", "`jku` n'est pas celui de l'émetteur.")
        jwk = key_set.find(header.get("kid"))
        if jwk is None:
            raise refused("The key (`kid`) is not known.", "La clé (`kid`) n'est pas connue.")
        algorithm = header["alg"]
        if jwk.get("use", "sig") != "sig" or jwk.get("alg", algorithm) != algorithm:
            raise ValueError("a key for another use")
        return PyJWK(jwk, algorithm)

    def _mark_used(self, issuer: str, claims: Mapping[str, Any]) -> None:
        """Remember the token, and reject it if it was used before."""
        jti, now = claims["jti"], time.time()
        lifetime_seconds = float(claims["exp"]) - float(claims["iat"])
        if not 0 < lifetime_seconds <= MAX_LIFETIME_SECONDS:
            raise refused("The token lives longer than an hour.", "Jeton valable plus d'une heure.")
        if not isinstance(jti, str) or not 0 < len(jti) <= MAX_ID_CHARACTERS:
            raise refused("`jti` must be a text.", "`jti` doit être un texte.")
        digest = hashlib.sha256(f"{issuer}\n{jti}".encode("utf-8", "replace")).digest()[:16]
        with self._lock:
            if len(self._used) >= MAX_REMEMBERED:
                self._used = {each: until for each, until in self._used.items() if until > now}
            if self._used.get(digest, 0) > now:
                raise refused("The token was used before.", "Le jeton a déjà servi.")
            if len(self._used) >= MAX_REMEMBERED:
                raise _unavailable("Too many tokens are under way.", "Trop de jetons en cours.")
            self._used[digest] = float(claims["exp"]) + CLOCK_SKEW_SECONDS


class KeySet:
    """The public keys of one issuer (JSON Web Key Set), from a file or an address.

    Args:
        place: `https://...` (`http://` only on loopback), or a path.

    Raises:
        SettingsError: The file is not a key set.
    """

    def __init__(self, place: str):
        self._url = place if "://" in place else None
        self._keys: dict[str, Jwk] = {}
        self._fetched_at_seconds = self._tried_at_seconds = float("-inf")
        self._lock = threading.Lock()
        if self._url is None:
            try:
                self._keys = _keys_by_id(Path(place).read_bytes())
            except (OSError, ValueError) as error:
                raise SettingsError(f"{place} cannot be read as a JSON Web Key Set") from error

    def is_at(self, jku: Any) -> bool:
        """Whether the header `jku` of a token, if any, is the address of this key set."""
        return jku is None or self._url is None or jku == self._url

    def find(self, kid: Any) -> Jwk | None:
        """The key with this id; the set is fetched if it is expired or lacks the key.

        Raises:
            RequestError: 503, the set cannot be fetched now.
        """
        if not isinstance(kid, str):
            return None
        if self._url is not None:
            with self._lock:
                self._refresh(self._url, kid)
        return self._keys.get(kid)

    def _refresh(self, url: str, kid: str) -> None:
        now = time.monotonic()
        is_known, is_expired = kid in self._keys, now - self._fetched_at_seconds > KEYS_LAST_SECONDS
        is_too_soon = now - self._tried_at_seconds < MIN_BETWEEN_FETCHES_SECONDS
        if is_too_soon or (is_known and not is_expired):
            return
        self._tried_at_seconds = now
        try:
            self._keys = _keys_by_id(_fetch(url))
            self._fetched_at_seconds = now
        except (OSError, ValueError) as error:
            if not is_known:
                self._tried_at_seconds = float("-inf")  # the next token may try again
                raise _unavailable(
                    "The client's keys cannot be fetched now.",
                    "Les clés du client ne sont pas accessibles.",
                ) from error


def _fetch(url: str) -> bytes:
    # Imported only here: they are slow to import.
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class NoRedirects(HTTPRedirectHandler):
        """Only the address in the settings is trusted."""

        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310  checked by settings
    try:
        with build_opener(NoRedirects).open(request, timeout=FETCH_SECONDS) as response:
            body: bytes = response.read(MAX_KEY_SET_BYTES + 1)
    except HTTPError as error:
        error.close()
        raise
    except HTTPException as error:
        raise ValueError("not an HTTP response") from error
    if len(body) > MAX_KEY_SET_BYTES:
        raise ValueError("the key set is too large")
    return body


def _keys_by_id(key_set: bytes) -> dict[str, Jwk]:
    parsed = json.loads(key_set)
    keys = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(keys, list):
        raise ValueError("not a JSON Web Key Set")
    return {
        key["kid"]: key for key in keys if isinstance(key, dict) and isinstance(key.get("kid"), str)
    }


def refused(msg: str, msg_fr: str) -> RequestError:
    """401: the token is not accepted."""
    problem = Problem(type="access", rule="access.token", loc=("header",), msg=msg, msg_fr=msg_fr)
    error = RequestError(401, [problem])
    error.headers["WWW-Authenticate"] = "Bearer"
    return error


def _unavailable(msg: str, msg_fr: str) -> RequestError:
    problem = Problem(type="access", rule="access.unready", loc=("header",), msg=msg, msg_fr=msg_fr)
    return RequestError(503, [problem], retry_after=5)
