"""The FHIR operation: the same answer as by REST, its RiskAssessment, and what describes it."""

import pytest
from starlette.testclient import TestClient

from tests.builders import Json, a_patient, a_stay
from tests.contract.asking_fhir import (
    assessed,
    by_rest,
    example,
    issues,
    needs_examples,
    probability,
    rule_of,
    same,
    send,
    warned,
)
from tests.resources import (
    RISK,
    SICK,
    a_bundle,
    a_person,
    a_searchset,
    an_encounter,
    bundle,
    vital_signs,
)

# --- The published examples ---

EXAMPLE_AS_REST: Json = {
    "age": 67,
    "sex": "male",
    "icu_unit": "medical",
    "hospital_admission_hour": -3.5,
    "icu_hour": 13,  # twelve hours have gone by: the thirteenth begins
    "units": {
        "creatinine": "umol/L",
        "bilirubin_total": "umol/L",
        "bun": "mmol/L",
        "fio2": "%",
        "hemoglobin": "g/L",
    },
    "heart_rate": 118,
    "spo2": 93,
    "sao2": 94.2,
    "temperature": 38.6,
    "systolic_bp": 98,
    "diastolic_bp": 52,
    "mean_arterial_pressure": 66,
    "respiratory_rate": 27,
    "creatinine": 168,
    "bilirubin_total": 31,
    "bun": 12.4,
    "lactate": 3.1,
    "fio2": 40,
    "wbc": 16.2,
    "platelets": 121,
    "hemoglobin": 104,
}


@needs_examples
def test_the_published_bundle_is_answered_as_by_rest(client: TestClient) -> None:
    same(client, example("fhir_input_bundle.json"), EXAMPLE_AS_REST)


@needs_examples
def test_the_answer_has_every_element_of_the_published_one(client: TestClient) -> None:
    published = example("fhir_riskassessment.json")
    found = assessed(client, example("fhir_input_bundle.json"))
    assert set(published) - {"id"} <= set(found)
    assert set(published["prediction"][0]) <= set(found["prediction"][0])
    for element in ("subject", "encounter", "basis", "occurrenceDateTime", "status"):
        assert found[element] == published[element]
    ours, theirs = found["prediction"][0], published["prediction"][0]
    assert ours["whenPeriod"] == theirs["whenPeriod"]
    assert ours["outcome"]["coding"][0]["code"] == theirs["outcome"]["coding"][0]["code"]


@needs_examples
def test_the_published_outcome_is_what_swapped_pressures_are_answered(client: TestClient) -> None:
    swapped = example("fhir_input_bundle.json")
    pressures = swapped["entry"][6]["resource"]["component"]
    pressures[0]["valueQuantity"]["value"], pressures[1]["valueQuantity"]["value"] = 80, 120
    pressures.pop()
    (found,) = issues(client, swapped)
    (published,) = example("fhir_operationoutcome_422.json")["issue"]
    for element in ("severity", "code", "expression"):
        assert found[element] == published[element]
    assert found["details"]["coding"] == published["details"]["coding"]


# --- The same answer by both ways ---


def test_a_well_patient_is_answered_as_by_rest(client: TestClient) -> None:
    same(client, a_bundle(), a_patient())


def test_a_stay_is_answered_as_by_rest(client: TestClient) -> None:
    hours = [vital_signs(hour, heart_rate=80 + (hour - 1) % 2) for hour in range(1, 31)]
    resources = bundle(a_person(), an_encounter(), *(each for hour in hours for each in hour))
    same(client, resources, a_stay(30))


def test_hours_without_measurement_are_no_gap(client: TestClient) -> None:
    found = assessed(client, a_bundle(*vital_signs(3, heart_rate=90)))
    assert "time.gap" not in warned(found)
    stay = a_stay(2, icu_hour=[3, 12], heart_rate=[90, 80])
    assert probability(found) == pytest.approx(by_rest(client, stay), abs=1e-6)


@pytest.mark.parametrize(
    "kind", ["collection", "searchset", "batch-response", "transaction", "batch"]
)
def test_each_kind_of_bundle_is_read(client: TestClient, kind: str) -> None:
    same(client, a_bundle() | {"type": kind}, a_patient())


def test_results_of_a_batch_are_read_where_they_stand(client: TestClient) -> None:
    batch = bundle(a_person(), an_encounter(), a_searchset(*vital_signs()), kind="batch-response")
    same(client, batch, a_patient())
    bad = batch["entry"][2]["resource"]["entry"][0]["resource"]
    bad["valueQuantity"]["value"] = 400
    (issue,) = issues(client, batch)
    place = "Bundle.entry[2].resource.entry[0].resource.valueQuantity"
    assert (rule_of(issue), issue["code"], issue["expression"]) == ("range:HR", "value", [place])


def in_parameters(*more: Json) -> Json:
    listed = [{"name": "bundle", "resource": a_bundle(heart_rate=400)}, *more]
    return {"resourceType": "Parameters", "parameter": listed}


def test_parameters_that_hold_a_bundle_are_read(client: TestClient) -> None:
    (issue,) = issues(client, in_parameters())
    place = "Parameters.parameter[0].resource.entry[2].resource.valueQuantity"
    assert issue["expression"] == [place]


@pytest.mark.parametrize("is_in_the_query", [True, False], ids=["query", "Parameters"])
def test_incoherent_values_are_dropped_where_asked(
    client: TestClient, is_in_the_query: bool
) -> None:
    drop = {"name": "on_incoherence", "valueCode": "drop"}
    body = a_bundle(heart_rate=400) if is_in_the_query else in_parameters(drop)
    found = assessed(client, body, "?on_incoherence=drop" if is_in_the_query else "")
    assert warned(found)["range:HR"]["severity"] == "warning"
    without = by_rest(client, a_patient(without=["heart_rate"]))
    assert probability(found) == pytest.approx(without, abs=1e-6)


# --- The answer ---


def test_a_positive_answer_has_a_qualitative_risk(client: TestClient) -> None:
    body = a_bundle(**SICK)
    prediction = assessed(client, body)["prediction"][0]
    assert prediction["qualitativeRisk"]["text"] == "Positive"
    assert prediction["qualitativeRisk"]["coding"][0]["code"].endswith("above-threshold")
    assert "hl7.org" not in str(prediction["qualitativeRisk"])
    assert prediction["rationale"].startswith("Associated with a higher risk: ")
    assert assessed(client, a_bundle())["prediction"][0]["qualitativeRisk"]["text"] == "Negative"


def test_the_answer_is_in_the_language_asked_for(client: TestClient) -> None:
    response = send(client, a_bundle(**SICK), "fr-FR,fr;q=0.9,en;q=0.8")
    assert response.headers["content-language"] == response.json()["language"] == "fr"
    assert "Fréquence" in response.json()["prediction"][0]["rationale"]


def test_the_answer_names_its_request_and_model(client: TestClient) -> None:
    response = client.post(RISK, json=a_bundle(), headers={"X-Request-ID": "abc"})
    card = client.get("/model").json()
    assert response.json()["identifier"][0]["value"] == "abc"
    assert response.json()["method"]["coding"][0]["version"] == card["version"]


# --- What describes the service ---


def test_the_capability_statement_leads_to_the_operation(client: TestClient) -> None:
    statement = client.get("/fhir/metadata").json()
    (operation,) = statement["rest"][0]["operation"]
    definition = client.get("/fhir/OperationDefinition/sepsis-risk").json()
    assert operation["definition"] == definition["url"]
    assert (statement["fhirVersion"], definition["code"]) == ("4.0.1", "sepsis-risk")


@pytest.mark.parametrize("path", ["/fhir/metadata", "/fhir/OperationDefinition/sepsis-risk", RISK])
@pytest.mark.parametrize(
    ("accept", "query", "status"),
    [
        ("application/fhir+json", "", 200),
        ("application/fhir+xml, */*;q=0.1", "", 200),
        ("application/fhir+xml", "?_format=json", 200),
        ("application/fhir+xml", "", 406),
        ("*/*", "?_format=xml", 406),
    ],
)
def test_only_json_is_available(
    client: TestClient, path: str, accept: str, query: str, status: int
) -> None:
    headers = {"Accept": accept}
    if path == RISK:
        response = client.post(f"{path}{query}", json=a_bundle(), headers=headers)
    else:
        response = client.get(f"{path}{query}", headers=headers)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/fhir+json"
