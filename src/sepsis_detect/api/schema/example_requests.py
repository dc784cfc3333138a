"""Requests whose answers are the examples of the OpenAPI document, one list for all routes."""

from dataclasses import dataclass, field
from typing import Any

from sepsis_detect.api.schema.interop_schemas import CDS_FEEDBACK_BODY, CDS_REQUEST, FHIR_BUNDLE
from sepsis_detect.api.schema.request_schemas import FLAT, STAY
from sepsis_detect.fhir.systems import MEDIA_TYPE

JSON = "application/json"
PATIENT, PATIENTS, FHIR_RISK = "/predict/patient", "/predict/patients", "/fhir/$sepsis-risk"
CDS_RISK, CDS_FEEDBACK = "/cds-services/sepsis-risk", "/cds-services/sepsis-risk/feedback"
FHIR_FACTS = ("/fhir/metadata", "/fhir/OperationDefinition/sepsis-risk")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleRequest:
    """A request, and where its answer stands in the document.

    Attributes:
        path: The route.
        status: Of the answer.
        name: Of the example, unique among those of the route and status.
        summary: What is sent, in a few words.
        body: Sent as JSON; None: a GET request.
        query: As in the address, without `?`.
        headers: Beside the content type.
        is_shortened: Whether long lists of the answer are cut.
    """

    path: str
    status: int
    name: str
    summary: str
    body: Any = None
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    is_shortened: bool = False

    @property
    def method(self) -> str:
        """`get` or `post`."""
        return "get" if self.body is None else "post"


DROP = "on_incoherence=drop"
INCOHERENT = FLAT | {"systolic_bp": 80, "diastolic_bp": 120, "mean_arterial_pressure": None}
FAHRENHEIT = FLAT | {"temperature": 101.5}
UNREADABLE = FLAT | {"heart_rate": "118", "lactat": 3.1}
ARTEFACTS = FLAT | {"spo2": 0, "lactate": "<0.5", "temperature": 101.5}


def _with_unit(code: str) -> dict[str, Any]:
    entry = FHIR_BUNDLE["entry"][-1]
    quantity = entry["resource"]["valueQuantity"] | {"code": code}
    changed = entry | {"resource": entry["resource"] | {"valueQuantity": quantity}}
    return FHIR_BUNDLE | {"entry": [*FHIR_BUNDLE["entry"][:-1], changed]}


_ANSWERS = [
    ExampleRequest(path=PATIENT, status=200, name="flat", summary="One hour", body=FLAT),
    ExampleRequest(
        path=PATIENT,
        status=200,
        name="stay",
        summary="A stay, with trend, contributions and scores",
        body=STAY,
        query="include=trend&include=contributions&include=scores",
    ),
    ExampleRequest(
        path=PATIENT,
        status=200,
        name="drop",
        summary="on_incoherence=drop: SpO2 of 0, lactate as text, temperature in Fahrenheit",
        body=ARTEFACTS,
        query=DROP,
    ),
    ExampleRequest(
        path=PATIENTS,
        status=200,
        name="two",
        summary="Two patients, one of them refused",
        body={"patients": [FLAT, INCOHERENT]},
    ),
    ExampleRequest(path=FHIR_RISK, status=200, name="bundle", summary="A Bundle", body=FHIR_BUNDLE),
    ExampleRequest(path=CDS_RISK, status=200, name="cards", summary="A card", body=CDS_REQUEST),
    *(
        ExampleRequest(path=path, status=200, name="facts", summary="As it is")
        for path in ("/health", "/cds-services")
    ),
    *(
        ExampleRequest(
            path=path, status=200, name="facts", summary="Lists are cut", is_shortened=True
        )
        for path in ("/model", "/variables", *FHIR_FACTS)
    ),
]

_REFUSALS = [
    ExampleRequest(
        path=PATIENT,
        status=422,
        name="incoherent",
        summary="Diastolic pressure above systolic",
        body=INCOHERENT,
    ),
    ExampleRequest(
        path=PATIENT,
        status=422,
        name="unit",
        summary="A temperature in Fahrenheit, without its unit",
        body=FAHRENHEIT,
    ),
    ExampleRequest(
        path=PATIENT,
        status=422,
        name="json",
        summary="A number as text, and a field that does not exist",
        body=UNREADABLE,
    ),
    ExampleRequest(
        path=PATIENTS, status=422, name="list", summary="No list of patients", body=FLAT
    ),
    ExampleRequest(
        path=FHIR_RISK,
        status=422,
        name="unit",
        summary="A unit that is not known",
        body=_with_unit("furlong"),
    ),
    ExampleRequest(
        path=CDS_RISK,
        status=422,
        name="hook",
        summary="Without `hookInstance`",
        body={key: each for key, each in CDS_REQUEST.items() if key != "hookInstance"},
    ),
    ExampleRequest(
        path=CDS_RISK,
        status=412,
        name="prefetch",
        summary="Without prefetched data",
        body=CDS_REQUEST | {"prefetch": {}},
    ),
    ExampleRequest(
        path=CDS_FEEDBACK,
        status=422,
        name="outcome",
        summary="An outcome that does not exist",
        body={"feedback": [CDS_FEEDBACK_BODY["feedback"][0] | {"outcome": "ignored"}]},
    ),
    *(
        ExampleRequest(
            path=path,
            status=415,
            name="text",
            summary="Sent as text/plain",
            body=FLAT,
            headers={"Content-Type": "text/plain"},
        )
        for path in (PATIENT, PATIENTS, FHIR_RISK, CDS_RISK, CDS_FEEDBACK)
    ),
    *(
        ExampleRequest(
            path=path,
            status=406,
            name="xml",
            summary="XML is asked for",
            body=body,
            headers={"Accept": "application/fhir+xml"},
        )
        for path, body in ((FHIR_RISK, FHIR_BUNDLE), *((path, None) for path in FHIR_FACTS))
    ),
]

EXAMPLE_REQUESTS = [*_ANSWERS, *_REFUSALS]
STOPPING = ExampleRequest(path="/health", status=503, name="draining", summary="Before a stop")
"""Is answered so by a process that is about to stop."""


def media_type(path: str) -> str:
    """The media type of the requests and answers of a route."""
    return MEDIA_TYPE if path.startswith("/fhir/") else JSON
