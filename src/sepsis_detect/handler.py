"""AWS Lambda handler: answers events of a load balancer, API Gateway or a function URL.

The routes are the same behind all of them. API Gateway puts the name of a stage before the path of
an HTTP API (`/prod/health`), unless the stage is `$default`; it is no part of the route.

Application and model are opened when Lambda imports this module, in its initialisation phase, and
serve every invocation of the process. Every HTTP request gets an answer. Only an event that is not
an HTTP request fails the invocation; the error contains nothing of the event.
"""

import asyncio
import base64
import binascii
import json
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mangum import Mangum
from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from sepsis_detect.api.app import create_app
from sepsis_detect.api.error_responses import problem_response
from sepsis_detect.api.services import services_in
from sepsis_detect.auth.api_keys import ApiKeys
from sepsis_detect.errors import EventError, SettingsError
from sepsis_detect.model_delivery.store import ModelStore
from sepsis_detect.problems import Problem, RequestError
from sepsis_detect.settings import read_settings
from sepsis_detect.telemetry import logs
from sepsis_detect.telemetry.metrics import Metrics

# Limits of an answer as JSON; a larger one would become a 502 without an explanation.
# Source: AWS, "Lambda functions as targets" and "Lambda quotas".
MAX_LOAD_BALANCER_BYTES = 1_000_000
MAX_OTHER_BYTES = 6 * 1024 * 1024
# Time limit for a new model within one invocation; a check takes less even with little CPU.
REFRESH_SECONDS = 10.0

DEFAULT_STAGE = "$default"  # of an HTTP API and of a function URL: not in the path

# Mangum parses these without checking them; a caller may send any text.
ADDRESS_HEADERS = {
    "host": re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?"),
    "x-forwarded-port": re.compile(r"\d{1,5}"),
}

Json = dict[str, Any]


class Handler:
    """Answers the events of one process.

    Args:
        app: The application, with its model store in `services_in(app).models`.
    """

    def __init__(self, app: Starlette):
        self._models: ModelStore = services_in(app).models
        self._keys: ApiKeys | None = services_in(app).keys
        self._metrics: Metrics = services_in(app).metrics
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        # With lifespan, Mangum would start and stop the application in every invocation.
        self._mangum = Mangum(self._answer, lifespan="off")
        self._app = app
        self._is_body_readable = True  # of the event that is being answered

    def __call__(self, event: Json, context: Any) -> Json:
        """Answer one event in the format of its kind.

        Raises:
            EventError: It is not an HTTP request.
        """
        self._run_due_tasks()
        asyncio.set_event_loop(self._loop)
        try:
            readable = _readable(event)
            self._is_body_readable = not readable.get("isBase64Encoded")
            answer = self._mangum(readable | {"isBase64Encoded": False}, context)
        except Exception as error:
            logs.event(logging.ERROR, "event_refused", **logs.failure(error))
            # Not `from error`: Lambda logs the message, which may quote the event.
            raise EventError(
                "not an event of a load balancer, API Gateway or function URL"
            ) from None
        is_load_balancer = "elb" in event["requestContext"]
        max_bytes = MAX_LOAD_BALANCER_BYTES if is_load_balancer else MAX_OTHER_BYTES
        # A body inside JSON has at most twice its size.
        if len(answer["body"]) * 2 > max_bytes and len(json.dumps(answer)) > max_bytes:
            return _too_large(answer, max_bytes)
        return answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive if self._is_body_readable else _no_base64, send)

    def _run_due_tasks(self) -> None:
        """Poll the model, refresh the keys, flush the metrics: Lambda suspends their threads."""
        self._models.refresh_if_due(timeout_seconds=REFRESH_SECONDS)
        if self._keys is not None:
            self._keys.refresh_if_due()
        self._metrics.flush_if_due()


def _readable(event: Json) -> Json:
    """The event without headers that are not valid in HTTP and that Mangum cannot read.

    A body in base64 is decoded; one that is none is left out, and its mark stays.
    """
    readable = _without_stage(event)
    for name in ("headers", "multiValueHeaders"):
        if event.get(name):
            readable[name] = _readable_headers(event[name])
    body = event.get("body")
    readable["isBase64Encoded"] = False
    if body and event.get("isBase64Encoded"):
        readable["isBase64Encoded"] = True
        readable["body"] = b""
        with suppress(binascii.Error, ValueError):
            readable["body"] = base64.b64decode("".join(body.split()), validate=True)
            readable["isBase64Encoded"] = False
    elif isinstance(body, str):
        # A lone surrogate is answered like any other body that is not UTF-8.
        readable["body"] = body.encode(errors="surrogatepass")
    return readable


async def _no_base64() -> Message:
    problem = Problem(
        type="body",
        rule="body.base64",
        loc=("body",),
        msg="The event says that its body is in base64, and it is not.",
        msg_fr="L'événement annonce un corps en base64, ce qu'il n'est pas.",
        hint="Set isBase64Encoded to false for plain JSON.",
        hint_fr="Mettez isBase64Encoded à false pour du JSON non codé.",
    )
    raise RequestError(422, [problem])


def _without_stage(event: Json) -> Json:
    """The event of an HTTP API without the stage in its path; a copy of any other event.

    Only events of HTTP APIs and function URLs have a `version`; a REST API leaves its stage out.

    Source: AWS, "Working with AWS Lambda proxy integrations for HTTP APIs", payload 1.0 and 2.0.
    """
    stage = event["requestContext"].get("stage", DEFAULT_STAGE) if "version" in event else None
    if stage in (None, DEFAULT_STAGE):
        return dict(event)
    if event["version"] == "1.0":
        return event | {"path": _route(event["path"], stage)}
    context = event["requestContext"]
    http = context["http"] | {"path": _route(context["http"]["path"], stage)}
    return event | {
        "rawPath": _route(event["rawPath"], stage),
        "requestContext": context | {"http": http},
    }


def _route(path: str, stage: str) -> str:
    """A path without the stage that it begins with, if it does: a domain of one's own hides it."""
    prefix = f"/{stage}"
    return (path[len(prefix) :] or "/") if f"{path}/".startswith(f"{prefix}/") else path


def _readable_headers(headers: Mapping[str, Any]) -> Json:
    kept: Json = {}
    for name, value in headers.items():
        is_list = isinstance(value, list)
        values = [_encodable(each) for each in (value if is_list else [value])]
        form = ADDRESS_HEADERS.get(name.lower())
        if form is None or all(form.fullmatch(each) for each in values):
            kept[_encodable(name)] = values if is_list else values[0]
    return kept


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()


def _too_large(answer: Json, max_bytes: int) -> Json:
    logs.event(logging.WARNING, "answer_too_large", status=413)
    problem = Problem(
        type="body",
        rule="body.answer_size",
        loc=("body",),
        msg=f"The answer is larger than {max_bytes} bytes and cannot be sent: ask for less.",
        msg_fr=f"La réponse dépasse {max_bytes} octets et ne peut être envoyée : demandez moins.",
        ctx={"max_answer_bytes": max_bytes},
    )
    response = problem_response(RequestError(413, [problem]))
    kept = {"x-request-id", "cache-control"}
    changed = answer | {
        "statusCode": response.status_code,
        "body": bytes(response.body).decode(),
        "isBase64Encoded": False,
    }
    for form in {"headers", "multiValueHeaders"} & answer.keys():
        headers = {name: value for name, value in answer[form].items() if name in kept}
        content_type = "application/json"
        is_single = form == "headers"
        changed[form] = headers | {"content-type": content_type if is_single else [content_type]}
    return changed


def _open_handler() -> Handler:
    settings = read_settings()
    logs.configure(settings.log_level)
    if settings.shadow_model_uri is not None:
        raise SettingsError(
            "SEPSIS_SHADOW_MODEL_URI cannot be used in a Lambda function: no process runs between "
            "two invocations"
        )
    settings = settings.decided("answering as a Lambda function")
    return Handler(create_app(settings))


handler = _open_handler()
