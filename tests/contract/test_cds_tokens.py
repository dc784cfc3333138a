"""Tokens of CDS Hooks clients: signed, for the address called, within their lifetime, used once."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.testclient import TestClient

from sepsis_detect.api.app import create_app
from sepsis_detect.api.middleware import authentication
from sepsis_detect.auth import client_tokens
from sepsis_detect.auth.client_tokens import ClientTokens
from sepsis_detect.errors import SettingsError
from sepsis_detect.problems import RequestError
from sepsis_detect.settings import Auth, Settings
from tests.builders import Json, a_patient
from tests.contract.asking import refused
from tests.resources import a_hook

ISSUER, FETCHED = "https://ehr.example", "https://other-ehr.example"
BASE = "https://sepsis.example/prefix"
DISCOVERY = f"{BASE}/cds-services"
SERVICE = f"{DISCOVERY}/sepsis-risk"
KEY = "0123456789abcdef0123456789abcdef"

EC = ec.generate_private_key(ec.SECP384R1())
OTHER_KEY = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  is refused
OTHER_CURVE = ec.generate_private_key(ec.SECP256R1())


def jwk(key: Any, kid: str, **more: str) -> Json:
    algorithm = (
        RSAAlgorithm if hasattr(key, "key_size") and not hasattr(key, "curve") else ECAlgorithm
    )
    found: Json = json.loads(algorithm.to_jwk(key.public_key()))
    return found | {"kid": kid} | more


KEY_SET = {
    "keys": [
        jwk(EC, "ec", use="sig", alg="ES384"),
        jwk(RSA, "rsa"),
        jwk(SHORT, "short"),
        jwk(OTHER_CURVE, "curve"),
        jwk(EC, "encrypts", use="enc"),
        5,
        {"kty": "EC"},
        {"kid": "broken", "kty": "EC", "crv": "P-384", "x": "?"},
    ]
}


class Keys:
    """The key set server of a client."""

    def __init__(self) -> None:
        self.body: bytes = json.dumps(KEY_SET).encode()
        self.status = 200
        self.n_requests = 0
        keys = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                keys.n_requests += 1
                self.send_response(keys.status)
                if keys.status == 302:
                    self.send_header("Location", f"http://127.0.0.1:{keys.port}/elsewhere")
                self.send_header("Content-Length", str(len(keys.body)))
                self.end_headers()
                self.wfile.write(keys.body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/jwks.json"


@pytest.fixture
def keys() -> Iterator[Keys]:
    found = Keys()
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "jwks.json"
    path.write_text(json.dumps(KEY_SET), encoding="utf-8")
    return path


@pytest.fixture
def tokens(key_file: Path) -> ClientTokens:
    return ClientTokens({ISSUER: str(key_file)})


def token(
    key: Any = EC,
    kid: str | None = "ec",
    algorithm: str = "ES384",
    headers: Json | None = None,
    **changed: Any,
) -> str:
    """A valid token; the value `...` leaves a claim out."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": SERVICE,
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid4()),
        **changed,
    }
    kept = {name: each for name, each in claims.items() if each is not ...}
    return jwt.encode(kept, key, algorithm, headers={"kid": kid, **(headers or {})})


def unsigned(header: Json, **changed: Any) -> str:
    """A token that PyJWT would not encode."""
    parts = {"alg": "ES384", "kid": "ec"} | header, {"iss": ISSUER, "aud": SERVICE} | changed
    head, claims = (base64.urlsafe_b64encode(json.dumps(each).encode()) for each in parts)
    return f"{head.decode().rstrip('=')}.{claims.decode().rstrip('=')}.eA"


def reason_refused(tokens: ClientTokens, sent: str, status: int = 401) -> str:
    with pytest.raises(RequestError) as raised:
        tokens.verify({"authorization": f"Bearer {sent}"}, SERVICE)
    assert raised.value.status == status
    assert raised.value.headers
    return raised.value.problems[0].msg


@pytest.mark.parametrize(("key", "kid", "algorithm"), [(EC, "ec", "ES384"), (RSA, "rsa", "RS384")])
@pytest.mark.parametrize("audience", [SERVICE, [SERVICE, "https://else.example"]])
def test_a_valid_token_identifies_its_issuer(
    tokens: ClientTokens, key: Any, kid: str, algorithm: str, audience: Any
) -> None:
    sent = token(key, kid, algorithm, aud=audience)
    assert tokens.verify({"authorization": f"Bearer {sent}"}, SERVICE) == ISSUER


NOW = int(time.time())


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(lambda: token(iss="https://evil.example"), "issuer", id="another issuer"),
        pytest.param(lambda: token(iss=...), "issuer", id="no issuer"),
        pytest.param(lambda: unsigned({}, iss=["x"]), "", id="a list of issuers"),
        pytest.param(lambda: token(aud=DISCOVERY), "`aud`", id="for another address"),
        pytest.param(lambda: token(aud=f"{SERVICE}/"), "`aud`", id="for nearly this address"),
        pytest.param(lambda: token(aud=...), "", id="for no address"),
        pytest.param(lambda: token(exp=NOW - 100), "expired", id="expired"),
        pytest.param(lambda: token(exp=...), "", id="without end"),
        pytest.param(lambda: token(exp=NOW + 90_000), "hour", id="for a day"),
        pytest.param(lambda: token(exp="x"), "", id="an end that is none"),
        pytest.param(lambda: token(iat=NOW + 900, exp=NOW + 950), "yet", id="issued tomorrow"),
        pytest.param(lambda: token(iat=...), "", id="issued never"),
        pytest.param(lambda: token(jti=...), "", id="without id"),
        pytest.param(lambda: token(jti=""), "`jti`", id="an empty id"),
        pytest.param(lambda: token(jti="x" * 300), "`jti`", id="a long id"),
        pytest.param(lambda: token(OTHER_KEY), "not valid", id="signed by a stranger"),
        pytest.param(lambda: token(kid="other"), "`kid`", id="an unknown key"),
        pytest.param(lambda: unsigned({"kid": 5}), "", id="no key"),
        pytest.param(lambda: token(kid="encrypts"), "not valid", id="a key for encryption"),
        pytest.param(lambda: token(kid="broken"), "not valid", id="a broken key"),
        pytest.param(lambda: token(RSA, "ec", "RS384"), "not valid", id="a key of another kind"),
        pytest.param(lambda: token(RSA, "rsa", "RS256"), "Sign with", id="RS256"),
        pytest.param(lambda: token(OTHER_CURVE, "curve", "ES256"), "Sign with", id="ES256"),
        pytest.param(lambda: token(KEY, "ec", "HS384"), "Sign with", id="HMAC"),
        pytest.param(lambda: token("", "ec", "none"), "Sign with", id="not signed"),
        pytest.param(lambda: token(SHORT, "short", "RS384"), "not valid", id="a short key"),
        pytest.param(lambda: token(headers={"typ": "at+jwt"}), "`typ`", id="another kind"),
        pytest.param(lambda: "a.b.c", "not valid", id="no token"),
        pytest.param(lambda: "x" * 9_000, "long", id="a long token"),
    ],
)
def test_an_invalid_token_is_401(tokens: ClientTokens, make: Callable[[], str], says: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)  # of PyJWT, about our bad keys
        assert says in reason_refused(tokens, make())


def test_a_changed_token_is_401(tokens: ClientTokens) -> None:
    head, _, signature = token().split(".")
    claims = (
        base64.urlsafe_b64encode(json.dumps({"iss": ISSUER, "aud": SERVICE}).encode())
        .decode()
        .rstrip("=")
    )
    assert "not valid" in reason_refused(tokens, f"{head}.{claims}.{signature}")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic eDp5"])
def test_no_token_is_401(tokens: ClientTokens, header: str) -> None:
    with pytest.raises(RequestError) as raised:
        tokens.verify({"authorization": header}, SERVICE)
    assert raised.value.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_is_accepted_once(tokens: ClientTokens) -> None:
    sent = token()
    assert tokens.verify_token(sent, SERVICE) == ISSUER
    assert "used before" in reason_refused(tokens, sent)
    assert "used before" in reason_refused(tokens, token(jti=_jti(sent)))
    assert tokens.verify_token(token(), SERVICE) == ISSUER


def _jti(sent: str) -> str:
    found: str = jwt.decode(sent, options={"verify_signature": False})["jti"]
    return found


def test_a_bounded_number_of_used_tokens_is_remembered(
    tokens: ClientTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_tokens, "MAX_REMEMBERED", 2)
    old = token(iat=NOW - 200, exp=int(time.time()) - 59 + 5)
    tokens.verify_token(old, SERVICE)
    tokens.verify_token(token(), SERVICE)
    assert "under way" in reason_refused(tokens, token(), 503)
    tokens._used = dict.fromkeys(tokens._used, 0.0)  # they expire
    assert tokens.verify_token(token(), SERVICE) == ISSUER


# --- Keys that are fetched ---


def token_of_fetched(keys: Keys, **changed: Any) -> str:
    return token(iss=FETCHED, **changed)


def test_keys_are_fetched_once(keys: Keys) -> None:
    tokens = ClientTokens({FETCHED: keys.url})
    for _ in range(3):
        assert tokens.verify_token(token_of_fetched(keys), SERVICE) == FETCHED
    assert keys.n_requests == 1
    for _ in range(3):
        assert "`kid`" in reason_refused(tokens, token_of_fetched(keys, kid="unknown"))
    assert keys.n_requests == 1  # unknown keys do not cause repeated fetches


def test_a_new_key_is_fetched(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_tokens, "MIN_BETWEEN_FETCHES_SECONDS", 0)
    tokens = ClientTokens({FETCHED: keys.url})
    tokens.verify_token(token_of_fetched(keys), SERVICE)
    keys.body = json.dumps({"keys": [jwk(OTHER_KEY, "new")]}).encode()
    assert tokens.verify_token(token_of_fetched(keys, key=OTHER_KEY, kid="new"), SERVICE) == FETCHED


def test_expired_keys_stay_accepted_while_the_set_cannot_be_fetched(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = ClientTokens({FETCHED: keys.url})
    tokens.verify_token(token_of_fetched(keys), SERVICE)
    keys.status = 500
    monkeypatch.setattr(client_tokens, "MIN_BETWEEN_FETCHES_SECONDS", 0)
    monkeypatch.setattr(client_tokens, "KEYS_LAST_SECONDS", 0)
    assert tokens.verify_token(token_of_fetched(keys), SERVICE) == FETCHED
    assert keys.n_requests == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b""), (302, b""), (200, b"?"), (200, b"[]"), (200, b"{}"), (200, b" " * 300_000)],
    ids=["an error", "a redirect", "no JSON", "no object", "no keys", "too much"],
)
def test_a_key_set_that_cannot_be_fetched_is_503(keys: Keys, status: int, body: bytes) -> None:
    keys.status, keys.body = status, body
    assert "fetched" in reason_refused(
        ClientTokens({FETCHED: keys.url}), token_of_fetched(keys), 503
    )
    assert keys.n_requests == 1


def test_a_token_may_contain_only_the_configured_address_of_its_keys(keys: Keys) -> None:
    tokens = ClientTokens({FETCHED: keys.url})
    good = token_of_fetched(keys, headers={"jku": keys.url})
    assert tokens.verify_token(good, SERVICE) == FETCHED
    evil = token_of_fetched(keys, headers={"jku": "https://evil.example/jwks.json"})
    assert "`jku`" in reason_refused(tokens, evil)


def test_a_file_that_is_not_a_key_set_stops_the_start(tmp_path: Path) -> None:
    for text in (None, "?", "{}"):
        path = tmp_path / "keys.json"
        if text is not None:
            path.write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError, match="Key Set"):
            ClientTokens({ISSUER: str(path)})


# --- The service ---


def service(key_file: Path, **more: Any) -> TestClient:
    settings = Settings(cds_issuers=(f"{ISSUER}={key_file}",), cds_base_url=f"{BASE}/", **more)
    return TestClient(create_app(settings))


def bearer(sent: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {sent}"}


@pytest.fixture
def without_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "WRONG_KEY_SECONDS", 0.0)


@pytest.mark.usefixtures("without_delay")
def test_every_route_of_cds_hooks_requires_a_token(key_file: Path) -> None:
    client = service(key_file)
    asked: list[tuple[str, str, Any]] = [
        ("GET", "/cds-services", None),
        ("POST", "/cds-services/sepsis-risk", a_hook()),
        (
            "POST",
            "/cds-services/sepsis-risk/feedback",
            {
                "feedback": [
                    {
                        "card": "x",
                        "outcome": "overridden",
                        "outcomeTimestamp": "2026-03-01T09:25:00Z",
                    }
                ]
            },
        ),
    ]
    for method, path, body in asked:
        good = token(aud=f"{BASE}{path}")
        assert client.request(method, path, json=body, headers=bearer(good)).status_code == 200
        assert refused(client.request(method, path, json=body), 401)
        again = client.request(method, path, json=body, headers=bearer(good))
        assert refused(again, 401)[0]["rule"] == "access.token"
    # Without API keys the other routes require no authentication.
    assert client.post("/predict/patient", json=a_patient()).status_code == 200
    assert client.get("/health").status_code == 200


@pytest.mark.usefixtures("without_delay")
def test_api_keys_are_accepted_by_cds_hooks_and_tokens_by_no_other_route(key_file: Path) -> None:
    hashed = sha256(KEY.encode()).hexdigest()
    client = service(key_file, api_keys=(f"ward:{hashed}",), auth=Auth.REQUIRED)
    assert client.get("/cds-services", headers=bearer(KEY)).status_code == 200
    assert client.get("/cds-services", headers=bearer(token(aud=DISCOVERY))).status_code == 200
    assert refused(client.get("/cds-services"), 401)
    elsewhere = bearer(token(aud=f"{BASE}/predict/patient"))
    response = client.post("/predict/patient", json=a_patient(), headers=elsewhere)
    assert refused(response, 401)[0]["rule"] == "access.key"


@pytest.mark.parametrize(
    "wrong",
    [
        {"cds_issuers": (f"{ISSUER}=/x",)},
        {"cds_issuers": ("x",), "cds_base_url": BASE},
        {"cds_issuers": (f"{ISSUER}=http://ehr.example/jwks.json",), "cds_base_url": BASE},
        {"cds_issuers": (f"{ISSUER}=ftp://ehr.example/jwks.json",), "cds_base_url": BASE},
        {"cds_base_url": "sepsis.example"},
    ],
)
def test_invalid_settings_are_refused(wrong: Json) -> None:
    with pytest.raises(ValueError, match="cds_"):
        Settings(**wrong)
