"""A CDS Hooks request: hook, context and prefetched data.

Source: https://cds-hooks.hl7.org/2.0/ (2.0.1), "Calling a CDS Service".
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sepsis_detect.assessment.policy import OnIncoherence
from sepsis_detect.fhir import bundle, patient
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.patient import FhirPatient
from sepsis_detect.fhir.resource_reader import Reader, Resource, quoted
from sepsis_detect.problems import Problem, RequestError, unprocessable

PATIENT_VIEW, ENCOUNTER_START = "patient-view", "encounter-start"
REQUIRED_CONTEXT = {
    PATIENT_VIEW: ("userId", "patientId"),
    ENCOUNTER_START: ("userId", "patientId", "encounterId"),
}
SINGLE = {"patient": "Patient", "encounter": "Encounter"}
SEARCHES = ("vitals", "labs")
BASE = "prefetch"


@dataclass(frozen=True, slots=True)
class CdsRequest:
    """One request of a client.

    Attributes:
        hook: `patient-view` or `encounter-start`.
        patient_id: Id of the patient whose chart is open.
        encounter_id: Id of the current encounter, if the context has one.
        prefetch: Resources by key, without those that the client could not get.
    """

    hook: str
    patient_id: str
    encounter_id: str | None
    prefetch: dict[str, Resource]


def read_request(sent: Any) -> CdsRequest:
    """Read a request.

    Raises:
        RequestError: 422, it is not a valid request; 412, the data needed were not sent.
    """
    problems: list[Problem] = []
    if not isinstance(sent, dict):
        raise unprocessable([_wrong((), "An object is expected.", "Un objet est attendu.")])
    hook = sent.get("hook")
    if not isinstance(hook, str) or hook not in REQUIRED_CONTEXT:
        listed = ", ".join(REQUIRED_CONTEXT)
        msg, msg_fr = f"`hook` must be one of {listed}.", f"`hook` : {listed} attendu."
        problems.append(_wrong(("hook",), msg, msg_fr))
        hook = PATIENT_VIEW
    if not _is_word(sent.get("hookInstance")):
        problems.append(_required(("hookInstance",)))
    if "fhirAuthorization" in sent and not _is_word(sent.get("fhirServer")):
        problems.append(_required(("fhirServer",)))  # invariant cds-r-1
    context = sent.get("context")
    context = context if isinstance(context, dict) else {}
    problems += [
        _required(("context", key))
        for key in REQUIRED_CONTEXT[hook]
        if not _is_word(context.get(key))
    ]
    prefetch = _prefetch(sent.get("prefetch"), problems)
    if problems:
        raise unprocessable(problems)
    if not any(key in prefetch for key in SEARCHES):
        raise _no_data()
    encounter = context.get("encounterId")
    encounter_id = _bare_id(str(encounter)) if _is_word(encounter) else None
    return CdsRequest(hook, _bare_id(context["patientId"]), encounter_id, prefetch)


def read_patient(request: CdsRequest, now: datetime, on_incoherence: OnIncoherence) -> FhirPatient:
    """The patient of a request; every problem is in `problems`."""
    return patient.read(
        lambda reader: _entries(request, reader),
        base=BASE,
        now=now,
        on_incoherence=on_incoherence,
    )


def _entries(request: CdsRequest, reader: Reader) -> list[Entry]:
    # All data must be of the patient of the context, even if no Patient resource was sent.
    person = request.prefetch.get("patient", {"resourceType": "Patient"})
    person = {"id": request.patient_id, **person}
    if person["id"] != request.patient_id:
        reader.problem(
            "bundle.two_patients",
            f"{BASE}.patient.id",
            "The Patient sent is not the one of the context.",
            "Le Patient envoyé n'est pas celui du contexte.",
            kind="incoherent",
        )
    found = [_entry(person, "patient", "Patient")]
    if encounter := request.prefetch.get("encounter"):
        sent_id = encounter.get("id")
        if request.encounter_id and _is_word(sent_id) and sent_id != request.encounter_id:
            reader.problem(
                "cds.encounter",
                f"{BASE}.encounter.id",
                "The Encounter sent is not the one of the context.",
                "Le séjour (Encounter) envoyé n'est pas celui du contexte.",
                kind="incoherent",
            )
        found.append(_entry(encounter, "encounter", "Encounter"))
    for key in SEARCHES:
        if key in request.prefetch:
            found += bundle.entries(request.prefetch[key], f"{BASE}.{key}", reader)
        else:
            reader.note(
                "cds.prefetch",
                f"{BASE}.{key}",
                f"`{key}` was not prefetched: its data are missing.",
                f"`{key}` n'a pas été préchargé : ses données manquent.",
            )
    return found


def _entry(resource: Resource, key: str, kind: str) -> Entry:
    id_ = resource.get("id")
    return Entry(resource, f"{BASE}.{key}", "", kind, f"{kind}/{id_}" if _is_word(id_) else "")


def _prefetch(sent: Any, problems: list[Problem]) -> dict[str, Resource]:
    if sent is None:
        return {}
    if not isinstance(sent, dict):
        problems.append(_wrong((BASE,), "`prefetch` must be an object.", "Un objet est attendu."))
        return {}
    found = {}
    for key in (*SINGLE, *SEARCHES):
        value = sent.get(key)
        kind = value.get("resourceType") if isinstance(value, dict) else None
        if value is None or kind == "OperationOutcome":
            continue  # the client could not get it
        wanted = SINGLE.get(key, "Bundle")
        if kind == wanted:
            found[key] = value
        else:
            msg = f"`{key}` must be of type {wanted} or null, not `{quoted(kind)}`."
            msg_fr = f"`{key}` doit être de type {wanted} ou null, et non `{quoted(kind)}`."
            problems.append(_wrong((BASE, key), msg, msg_fr))
    return found


def _bare_id(reference: str) -> str:
    """The id of `Patient/ID` or `ID`: clients send both."""
    return reference.rpartition("/")[2]


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _wrong(place: tuple[str, ...], msg: str, msg_fr: str) -> Problem:
    loc = ("body", *place)
    return Problem(type="json", rule="cds.request", loc=loc, msg=msg, msg_fr=msg_fr)


def _required(place: tuple[str, ...]) -> Problem:
    name = place[-1]
    return _wrong(place, f"`{name}` is required, as a text.", f"`{name}` est nécessaire (texte).")


def _no_data() -> RequestError:
    keys = " or ".join(f"`{key}`" for key in SEARCHES)
    problem = Problem(
        type="cds",
        rule="cds.prefetch",
        loc=("body", BASE),
        msg=f"Nothing to predict from: prefetch {keys}, as discovery says.",
        msg_fr=f"Aucune donnée : préchargez {keys.replace(' or ', ' ou ')}, comme indiqué.",
    )
    return RequestError(412, [problem])
