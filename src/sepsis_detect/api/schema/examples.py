"""Examples of the OpenAPI document: what the service answers, by the code that answers.

The requests of `example_requests` are sent to the routes when the document is asked for. Errors
that no request alone brings about (401, 408, 413, 429, 503) are made by the functions that make
them elsewhere.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Scope

from sepsis_detect.api.error_responses import body_too_large, error_response, overload
from sepsis_detect.api.middleware.authentication import no_key, too_many_wrong_keys
from sepsis_detect.api.middleware.body_limit import too_slow
from sepsis_detect.api.schema.example_requests import (
    CDS_FEEDBACK,
    EXAMPLE_REQUESTS,
    STOPPING,
    ExampleRequest,
    media_type,
)
from sepsis_detect.problems import RequestError

HOST, REQUEST_ID = "sepsis-detect.example.org", "5f0c1a52"
MAX_LISTED = 3  # of a list that is shortened
SUMMARIES = {
    401: "Without a key",
    408: "A body that stops coming",
    413: "A body over the limit",
    429: "Many wrong keys at a time",
    503: "More than can be answered",
}
Document = dict[str, Any]


async def add_examples(
    document: Document, app: ASGIApp, stopping_app: ASGIApp, *, max_body_bytes: int
) -> None:
    """Add an example for every status of every route.

    Args:
        document: The OpenAPI document, which is changed.
        app: The routes, with the middleware that reads bodies.
        stopping_app: The same before a stop.
        max_body_bytes: The limit that a 413 names.
    """
    for request in EXAMPLE_REQUESTS:
        await _add_answer(document, app, request)
    await _add_answer(document, stopping_app, STOPPING)
    # Asking would log it as the feedback of a physician.
    _put(document, CDS_FEEDBACK, "post", 200, "logged", "It was logged", {})
    errors = _errors(max_body_bytes)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status in errors if path != STOPPING.path else ():
                if str(status) in operation["responses"]:
                    value = _error(errors[status], path)
                    _put(document, path, method, status, "error", SUMMARIES[status], value)


async def _add_answer(document: Document, app: ASGIApp, request: ExampleRequest) -> None:
    answer = await _ask(app, request)
    value = _shortened(answer) if request.is_shortened else answer
    of = request
    _put(document, of.path, of.method, of.status, of.name, of.summary, value)


def _errors(max_body_bytes: int) -> Mapping[int, RequestError]:
    return {
        401: no_key(),
        408: too_slow(),
        413: body_too_large(max_body_bytes),
        429: too_many_wrong_keys(),
        503: overload(),
    }


def _put(
    document: Document, path: str, method: str, status: int, name: str, summary: str, value: Any
) -> None:
    response = document["paths"][path][method]["responses"][str(status)]
    content = response["content"][media_type(path)]
    content.setdefault("examples", {})[name] = {"summary": summary, "value": value}


def _error(error: RequestError, path: str) -> Any:
    return orjson.loads(bytes(error_response(error, {"path": path, "headers": []}).body))


def _shortened(answer: Any) -> Any:
    """An answer with the first entries of each list."""
    if isinstance(answer, dict):
        return {key: _shortened(each) for key, each in answer.items()}
    if isinstance(answer, list):
        return [_shortened(each) for each in answer[:MAX_LISTED]]
    return answer


async def _ask(app: ASGIApp, request: ExampleRequest) -> Any:
    """The JSON that the routes answer.

    Raises:
        ValueError: The status is another one than the document says.
    """
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    content = b"" if request.body is None else orjson.dumps(request.body)
    unread: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> Message:
        return unread.pop() if unread else {"type": "http.disconnect"}

    await app(_scope(request), receive, send)
    status = messages[0]["status"]
    if status != request.status:
        raise ValueError(f"{request.path}, example {request.name}: {status} is answered")
    return orjson.loads(b"".join(message.get("body", b"") for message in messages[1:]))


def _scope(request: ExampleRequest) -> Scope:
    headers = {"Host": HOST, "X-Request-ID": REQUEST_ID, "Content-Type": media_type(request.path)}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method.upper(),
        "scheme": "https",
        "path": request.path,
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": request.query.encode(),
        "headers": [
            (name.lower().encode(), value.encode())
            for name, value in (headers | request.headers).items()
        ],
        "server": (HOST, 443),
        "client": None,
    }
