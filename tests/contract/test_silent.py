"""Silent mode: no cards, and everything else is answered as ever."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from sepsis_detect.api.app import create_app
from sepsis_detect.settings import Settings
from tests.builders import a_patient
from tests.contract.asking import PATIENT, predicted
from tests.resources import FHIR_JSON, RISK, SICK, a_bundle, a_hook, a_searchset, vital_signs

HOOK = "/cds-services/sepsis-risk"
SICK_HOOK = a_hook(prefetch={"vitals": a_searchset(*vital_signs(**SICK))})
INCOHERENT_HOOK = a_hook(prefetch={"vitals": a_searchset(*vital_signs(heart_rate=-5))})


@pytest.fixture(scope="module")
def silent() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(silent=True))) as client:
        yield client


@pytest.mark.parametrize("sent", [SICK_HOOK, INCOHERENT_HOOK], ids=["a sick patient", "incoherent"])
def test_cds_hooks_give_no_cards(client: TestClient, silent: TestClient, sent: object) -> None:
    assert client.post(HOOK, json=sent).json()["cards"]
    response = silent.post(HOOK, json=sent)
    assert (response.status_code, response.json()) == (200, {"cards": []})


def test_a_request_that_is_wrong_is_still_told(silent: TestClient) -> None:
    assert silent.post(HOOK, json={}).status_code == 422
    assert (
        silent.post(HOOK, json=a_hook(prefetch={"vitals": None, "labs": None})).status_code == 412
    )


def test_rest_and_fhir_are_answered(client: TestClient, silent: TestClient) -> None:
    sent = a_patient(heart_rate=128)
    loud, quiet = (predicted(each.post(PATIENT, json=sent)) for each in (client, silent))
    assert loud | {"request_id": ""} == quiet | {"request_id": ""}
    response = silent.post(RISK, json=a_bundle(**SICK), headers=FHIR_JSON)
    assert response.json()["resourceType"] == "RiskAssessment"


def test_discovery_and_health_say_so(client: TestClient, silent: TestClient) -> None:
    for each, is_silent in ((client, False), (silent, True)):
        assert each.get("/health").json()["silent"] is is_silent
        services = each.get("/cds-services").json()["services"]
        assert len(services) == 2
        for service in services:
            assert service["description"].startswith("Silent: ") is is_silent
            assert "prefetch" in service
