"""Answering a request: by one model, within what the process takes on, and written down."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from sepsis_detect.api.middleware.authentication import CALLER
from sepsis_detect.api.middleware.load_shedding import Load
from sepsis_detect.api.middleware.request_guard import REQUEST_ID
from sepsis_detect.api.services import services_of
from sepsis_detect.prediction.model import Model
from sepsis_detect.problems import RequestError
from sepsis_detect.telemetry.audit_log import REFUSED, AuditLog

# Above this size an answer takes long enough to be worth a thread: the loop stays free.
LARGE_BODY_BYTES = 32 * 1024

Answered = tuple[Response, Sequence[str]]
Answer = Callable[[bytes, Model], Answered]
Done = TypeVar("Done")
AnswerTogether = Callable[[bytes, Model], Awaitable[Answered | RequestError]]


async def answered(
    request: Request, answer: Answer, *, is_slow: bool, together: AnswerTogether | None = None
) -> Response:
    """Answer one request.

    Args:
        request: Whose body is answered.
        answer: From the body to the answer and what the audit log says of it; the model stays
            the same throughout.
        is_slow: Whether it takes long whatever the size of the body.
        together: The same as `answer` for what is quick, beside other requests.

    Raises:
        RequestError: What `answer` refuses; 503, too much is under way.
    """
    body = await whole_body(request)
    services = services_of(request)
    # Taken once: a model that is swapped meanwhile answers the next request.
    model: Model = services.models.current
    audit: AuditLog | None = services.audit_log

    def written_down(found: Answered | RequestError) -> Response:
        if audit is not None:
            request_id, caller = request.scope[REQUEST_ID], request.scope.get(CALLER)
            decided = [REFUSED] if isinstance(found, RequestError) else found[1]
            audit.write(body, decided, model, request_id=request_id, caller=caller)
        if isinstance(found, RequestError):
            raise found
        return found[0]

    def respond() -> Response:
        try:
            found: Answered | RequestError = answer(body, model)
        except RequestError as error:
            found = error
        return written_down(found)

    if together is None or is_slow or len(body) > LARGE_BODY_BYTES:
        return await done(request, respond, len(body), is_slow=is_slow)
    load: Load = services.load
    with load.at_work:
        found = await together(body, model)
    return written_down(found)


async def done(
    request: Request, do: Callable[[], Done], n_bytes: int, *, is_slow: bool = False
) -> Done:
    """Do something with a body of so many bytes: where it takes long, in a thread.

    What was made of the body is gone when this returns or raises: two of the largest at a time
    would be too much.

    Raises:
        RequestError: What `do` refuses; 503, too much is under way.
    """

    def do_alone() -> Done | RequestError:
        try:
            return do()
        except RequestError as error:
            return error.alone()

    load: Load = services_of(request).load
    if is_slow or n_bytes > LARGE_BODY_BYTES:
        result = await load.in_thread(do_alone, n_bytes)
    else:
        result = do_alone()
    if isinstance(result, RequestError):
        raise result
    return result


async def whole_body(request: Request) -> bytes:
    """What was sent: starlette's `body()` for what most often comes in one piece.

    Raises:
        ClientDisconnect: The client left before it was whole.
    """
    parts = []
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
