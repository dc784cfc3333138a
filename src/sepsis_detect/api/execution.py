"""Executes a prediction request: one model, in a batch or a worker thread, with an audit line."""

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from sepsis_detect.api.middleware.authentication import CALLER
from sepsis_detect.api.middleware.request_id import REQUEST_ID
from sepsis_detect.api.services import services_of
from sepsis_detect.prediction.model import Model
from sepsis_detect.problems import RequestError
from sepsis_detect.telemetry.audit_log import REFUSED, Decision
from sepsis_detect.telemetry.shadow_comparison import PendingShadowScores

# Above this size a request takes long enough to be worth a thread: the event loop stays free.
LARGE_BODY_BYTES = 32 * 1024


class Answered(NamedTuple):
    """A response, and what the audit log says of it.

    Attributes:
        response: To the request.
        decisions: One for each patient.
        shadow_scores: Of the shadow, for the patients that are not refused.
    """

    response: Response
    decisions: Sequence[Decision]
    shadow_scores: PendingShadowScores | None = None


Answer = Callable[[bytes, Model], Answered]
Result = TypeVar("Result")


async def execute(
    request: Request, answer: Answer, *, is_slow: bool, batch_key: Hashable = None
) -> Response:
    """Answer one request.

    Args:
        request: Whose body is answered.
        answer: From the body and the model to the response; the model stays the same throughout.
        is_slow: Whether it takes long whatever the size of the body.
        batch_key: Key of the micro-batcher, which does what `answer` does for several small
            requests in one call; None: not in a batch.

    Raises:
        RequestError: What `answer` refuses; 503, too many requests wait for a thread.
    """
    body = await read_body(request)
    # Read once: a model that is swapped meanwhile answers the next request.
    services = services_of(request)
    model = services.models.current

    def audited(answered: Answered | RequestError) -> Response:
        if services.audit_log is not None:
            refused: tuple[Sequence[Decision], None] = [REFUSED], None
            decisions, shadow_scores = (
                refused if isinstance(answered, RequestError) else answered[1:]
            )
            services.audit_log.write(
                body,
                decisions,
                model,
                request_id=request.scope[REQUEST_ID],
                caller=request.scope.get(CALLER),
                shadow=shadow_scores,
            )
        if isinstance(answered, RequestError):
            raise answered
        return answered.response

    def respond() -> Response:
        try:
            answered: Answered | RequestError = answer(body, model)
        except RequestError as error:
            answered = error
        return audited(answered)

    if batch_key is None or is_slow or len(body) > LARGE_BODY_BYTES:
        return await run_in_thread_if_large(request, respond, len(body), is_slow=is_slow)
    item = body, request.scope[REQUEST_ID]
    return audited(await services.micro_batcher.submit(model, batch_key, item))


async def run_in_thread_if_large(
    request: Request, function: Callable[[], Result], n_bytes: int, *, is_slow: bool = False
) -> Result:
    """Call a function that handles a body of so many bytes; in a thread where it takes long.

    When this returns or raises, nothing refers to what was parsed from the body: two of the largest
    at a time would take too much memory.

    Raises:
        RequestError: What `function` refuses; 503, too many requests wait for a thread.
    """

    def run() -> Result | RequestError:
        try:
            return function()
        except RequestError as error:
            return error.alone()

    if is_slow or n_bytes > LARGE_BODY_BYTES:
        result = await services_of(request).threads.run(run, n_bytes)
    else:
        result = run()
    if isinstance(result, RequestError):
        raise result
    return result


async def read_body(request: Request) -> bytes:
    """The body, which `BodyLimit` has received as a whole.

    Raises:
        ClientDisconnect: The client closed the connection.
    """
    message = await request.receive()
    if message["type"] != "http.request":
        raise ClientDisconnect
    body: bytes = message["body"]
    return body
