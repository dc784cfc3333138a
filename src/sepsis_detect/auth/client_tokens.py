"""The JSON Web Tokens by which CDS Hooks clients say who they are.

A token counts when it is signed with ES384 or RS384 by a key of an issuer we were told of, for the
very address that is called, now, and for the first time. A key set is only ever fetched from the
address in our own settings, never from where a token points to.

Replayed tokens are known to the process that saw them first: several processes each take a token
once, within its life of at most an hour. See docs/interoperability.md.

Source: https://cds-hooks.hl7.org/2.0/ (2.0.1), "Trusting CDS Clients"; RFC 7519, RFC 8725.
"""

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sepsis_detect.errors import SettingsError
from sepsis_detect.problems import Problem, RequestError

ALGORITHMS = ("ES384", "RS384")
CLAIMS = ("iss", "aud", "exp", "iat", "jti")
SKEW_SECONDS = 60
MAX_LIFE_SECONDS = 3_600
MAX_TOKEN = 8_192  # characters
MAX_ID = 256
MIN_RSA_BITS = 2_048
KEYS_LAST_SECONDS = 3_600
MIN_BETWEEN_FETCHES_SECONDS = 30
FETCH_SECONDS = 5
MAX_KEY_SET_BYTES = 256 * 1024
MAX_REMEMBERED = 100_000
"""Tokens whose ids are kept, 16 bytes each; more at a time are turned away."""

Jwk = dict[str, Any]


class ClientTokens:
    """Knows the clients, their keys, and the tokens that were seen.

    Args:
        issuers: Issuer to the address or the file of its key set.

    Raises:
        SettingsError: A file cannot be read as a key set.
    """

    def __init__(self, issuers: Mapping[str, str]):
        """Read the key sets that are files."""
        self._key_sets = {issuer: KeySet(place) for issuer, place in issuers.items()}
        self._seen: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def verify(self, headers: Mapping[str, str], url: str) -> str:
        """Check the token of a request. Blocks while keys are fetched.

        Args:
            headers: With `authorization`, in lower case.
            url: The exact address that is called.

        Returns:
            The issuer.

        Raises:
            RequestError: 401, the token does not count, and why; 503, keys cannot be had now.
        """
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise refused("A client's token is needed.", "Un jeton du client est nécessaire.")
        return self.verify_token(token.strip(), url)

    def verify_token(self, token: str, url: str) -> str:
        """The same for the token alone."""
        import jwt  # slow to import, and only needed where tokens are asked for

        if len(token) > MAX_TOKEN:
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
                leeway=SKEW_SECONDS,
                options={"require": list(CLAIMS)},
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
        self._take(str(issuer), claims)
        return str(issuer)

    def _key(self, header: Mapping[str, Any], issuer: Any) -> Any:
        if header.get("alg") not in ALGORITHMS:
            raise refused("Sign with ES384 or RS384.", "Signez en ES384 ou RS384.")
        if header.get("typ", "JWT") != "JWT":
            raise refused("`typ` must be JWT.", "`typ` doit être JWT.")
        key_set = self._key_sets.get(issuer) if isinstance(issuer, str) else None
        if key_set is None:
            raise refused("The issuer is not known here.", "L'émetteur n'est pas connu ici.")
        if not key_set.may_be_at(header.get("jku")):
            raise refused("`jku` is not the issuer's here.", "`jku` n'est pas celui de l'émetteur.")
        jwk = key_set.find(header.get("kid"))
        if jwk is None:
            raise refused("The key (`kid`) is not known.", "La clé (`kid`) n'est pas connue.")
        return _public_key(jwk, str(header["alg"]))

    def _take(self, issuer: str, claims: Mapping[str, Any]) -> None:
        """Let a token count once."""
        jti, now = claims["jti"], time.time()
        life = float(claims["exp"]) - float(claims["iat"])
        if not 0 < life <= MAX_LIFE_SECONDS:
            raise refused("The token lives longer than an hour.", "Jeton valable plus d'une heure.")
        if not isinstance(jti, str) or not 0 < len(jti) <= MAX_ID:
            raise refused("`jti` must be a text.", "`jti` doit être un texte.")
        name = hashlib.sha256(f"{issuer}\n{jti}".encode("utf-8", "replace")).digest()[:16]
        with self._lock:
            if len(self._seen) >= MAX_REMEMBERED:
                self._seen = {each: until for each, until in self._seen.items() if until > now}
            if self._seen.get(name, 0) > now:
                raise refused("The token was used before.", "Le jeton a déjà servi.")
            if len(self._seen) >= MAX_REMEMBERED:
                raise _later("Too many tokens are under way.", "Trop de jetons en cours.")
            self._seen[name] = float(claims["exp"]) + SKEW_SECONDS


class KeySet:
    """The public keys of one issuer, from a file or an address.

    Args:
        place: `https://...` (loopback also `http`), or a path.

    Raises:
        SettingsError: The file cannot be read as a key set.
    """

    def __init__(self, place: str):
        """Read a file; an address is asked when a token comes."""
        self._url = place if "://" in place else None
        self._keys: dict[str, Jwk] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._lock = threading.Lock()
        if self._url is None:
            try:
                self._keys = _by_id(Path(place).read_bytes())
            except (OSError, ValueError) as error:
                raise SettingsError(f"{place} cannot be read as a JSON Web Key Set") from error

    def may_be_at(self, jku: Any) -> bool:
        """Whether a token may say that its key stands there."""
        return jku is None or self._url is None or jku == self._url

    def find(self, kid: Any) -> Jwk | None:
        """The key of that id; fetched again where it is not known or long ago.

        Raises:
            RequestError: 503, the keys cannot be had now.
        """
        if not isinstance(kid, str):
            return None
        if self._url is not None:
            with self._lock:
                self._refresh(self._url, kid)
        return self._keys.get(kid)

    def _refresh(self, url: str, kid: str) -> None:
        now = time.monotonic()
        is_old = now - self._fetched_at > KEYS_LAST_SECONDS
        if (kid in self._keys and not is_old) or (
            now - self._tried_at < MIN_BETWEEN_FETCHES_SECONDS
        ):
            return
        self._tried_at = now
        try:
            self._keys = _by_id(_fetch(url))
            self._fetched_at = now
        except (OSError, ValueError) as error:
            if kid not in self._keys:
                self._tried_at = float("-inf")  # the next token may find it better
                raise _later(
                    "The client's keys cannot be fetched now.",
                    "Les clés du client ne sont pas accessibles.",
                ) from error


def _fetch(url: str) -> bytes:
    import http.client  # slow to import too
    import urllib.error
    import urllib.request

    class NoRedirects(urllib.request.HTTPRedirectHandler):
        """The address in the settings is meant, and no other."""

        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    opener = urllib.request.build_opener(NoRedirects)
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310  the settings checked it
    try:
        with opener.open(request, timeout=FETCH_SECONDS) as response:
            body: bytes = response.read(MAX_KEY_SET_BYTES + 1)
    except urllib.error.HTTPError as error:
        error.close()
        raise
    except http.client.HTTPException as error:
        raise ValueError("not an answer of HTTP") from error
    if len(body) > MAX_KEY_SET_BYTES:
        raise ValueError("the key set is too large")
    return body


def _by_id(key_set: bytes) -> dict[str, Jwk]:
    found = json.loads(key_set)
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list):
        raise ValueError("not a JSON Web Key Set")
    return {
        key["kid"]: key for key in keys if isinstance(key, dict) and isinstance(key.get("kid"), str)
    }


def _public_key(jwk: Jwk, algorithm: str) -> Any:
    """The key, if it is one for this algorithm."""
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm

    if jwk.get("use", "sig") != "sig" or jwk.get("alg", algorithm) != algorithm:
        raise ValueError("a key for another use")
    public = {
        name: value for name, value in jwk.items() if name in ("kty", "crv", "x", "y", "n", "e")
    }
    if algorithm == "ES384":
        if jwk.get("crv") != "P-384":
            raise ValueError("another curve")
        return ECAlgorithm.from_jwk(public)
    key = RSAAlgorithm.from_jwk(public)
    if key.key_size < MIN_RSA_BITS:
        raise ValueError("too short a key")
    return key


def refused(msg: str, msg_fr: str) -> RequestError:
    """401: the token does not count."""
    problem = Problem(type="access", rule="access.token", loc=("header",), msg=msg, msg_fr=msg_fr)
    error = RequestError(401, [problem])
    error.headers["WWW-Authenticate"] = "Bearer"
    return error


def _later(msg: str, msg_fr: str) -> RequestError:
    problem = Problem(type="access", rule="access.unready", loc=("header",), msg=msg, msg_fr=msg_fr)
    return RequestError(503, [problem], retry_after=5)
