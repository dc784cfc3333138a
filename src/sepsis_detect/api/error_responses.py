"""Error responses: an OperationOutcome under `/fhir`, else a body with `detail`."""

import orjson
from starlette.responses import Response
from starlette.types import Scope

from sepsis_detect.fhir.languages import preferred
from sepsis_detect.fhir.outcomes import outcome
from sepsis_detect.fhir.systems import MEDIA_TYPE
from sepsis_detect.problems import Problem, RequestError

FHIR = "/fhir/"
RETRY_SECONDS = 1


def problem_response(error: RequestError) -> Response:
    """The answer to a refused request outside of FHIR."""
    body = {"detail": [problem.as_dict() for problem in error.problems]}
    return Response(orjson.dumps(body), error.status, error.headers, "application/json")


def error_response(error: RequestError, scope: Scope) -> Response:
    """The response to a request that is refused.

    Args:
        error: Its status and problems.
        scope: The ASGI scope of the request.
    """
    if not scope["path"].startswith(FHIR):
        return problem_response(error)
    asked = next((value for name, value in scope["headers"] if name == b"accept-language"), b"")
    language = preferred(asked.decode("latin-1"))
    headers = {**error.headers, "Content-Language": language, "Vary": "Accept-Language"}
    body = orjson.dumps(outcome(error.problems, language))
    return Response(body, error.status, headers, MEDIA_TYPE)


def internal_error() -> RequestError:
    """500: the service failed on a request."""
    problem = Problem(
        type="internal",
        rule="internal.error",
        loc=("body",),
        msg="The service failed on this request; nothing was predicted.",
        msg_fr="Le service a échoué sur cette requête ; aucune prédiction n'a été faite.",
    )
    return RequestError(500, [problem])


def body_too_large(max_body_bytes: int) -> RequestError:
    """413: a body, as sent or unpacked, is over the limit."""
    problem = Problem(
        type="body",
        rule="body.size",
        loc=("body",),
        msg=f"The body is larger than {max_body_bytes} bytes.",
        msg_fr=f"Le corps de la requête dépasse {max_body_bytes} octets.",
        ctx={"max_body_bytes": max_body_bytes},
    )
    return RequestError(413, [problem])


def overload() -> RequestError:
    """503: too many requests; the same one may be answered later, or by another instance."""
    problem = Problem(
        type="load",
        rule="load.too_much",
        loc=("request",),
        msg="The service has too much to do right now: send the same request again in a second.",
        msg_fr="Le service est trop sollicité : renvoyez la même requête dans une seconde.",
    )
    return RequestError(503, [problem], retry_after=RETRY_SECONDS)
