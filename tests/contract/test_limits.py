"""Limits of a request: too many or too large parts are refused at once, in a short answer."""

import pytest
from fastapi.testclient import TestClient

from sepsis_detect.api.app import create_app
from sepsis_detect.problems import MAX_PROBLEMS
from sepsis_detect.settings import Settings
from tests.builders import a_patient
from tests.contract.asking import ask, predicted, refused


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({f"field{n}": n for n in range(20_000)}, id="unknown fields without end"),
        pytest.param(
            {
                "hours": [
                    {"icu_hour": hour + 1, "HR": 0, "Temp": 99, "FiO2": 40, "pH": 1}
                    for hour in range(2_000)
                ]
            },
            id="every value of two thousand hours impossible",
        ),
    ],
)
def test_problems_over_the_maximum_are_counted(client: TestClient, body: object) -> None:
    *listed, last = refused(ask(client, body))
    assert last["rule"] == "more"
    assert last["ctx"]["n_more"] > 0
    assert MAX_PROBLEMS - 1 <= len(listed) <= MAX_PROBLEMS + 100


def test_the_earliest_hours_are_listed(client: TestClient) -> None:
    hours = [{"icu_hour": hour + 1, "HR": 0, "Resp": 18} for hour in range(1_500)]
    *listed, last = refused(ask(client, {"hours": hours}))
    assert [problem["ctx"]["icu_hour"] for problem in listed] == list(range(1, 1_001))
    assert last["ctx"]["n_more"] == 500


def test_a_whole_stay_in_a_wrong_unit_is_listed_in_full(client: TestClient) -> None:
    hours = [{"icu_hour": hour + 1, "FiO2": 40, "HR": 80 + hour % 3} for hour in range(168)]
    assert len(refused(ask(client, {"hours": hours}))) == 168


def test_dropping_lists_each_value_that_was_dropped(client: TestClient) -> None:
    answer = predicted(ask(client, a_patient(SBP=80, DBP=120), "on_incoherence=drop"))
    dropped = [each for each in answer["warnings"] if each["type"] == "dropped"]
    assert {each["ctx"]["dropped"] for each in dropped} >= {"systolic_bp", "diastolic_bp"}
    assert all(each["loc"][-1] for each in dropped)


def test_a_refusal_after_a_stated_unit_tells_what_was_sent(client: TestClient) -> None:
    (problem,) = refused(ask(client, {"HR": 80, "Resp": 16, "units": {"HR": "Hz"}}))
    assert problem["rule"] == "range:HR"
    assert (problem["ctx"]["value_sent"], problem["ctx"]["unit_sent"]) == (80, "Hz")


def test_a_value_in_an_unknown_unit_is_not_judged_as_if_it_were_canonical(
    client: TestClient,
) -> None:
    sent = {"HR": 80, "Temp": 98.6, "units": {"Temp": "degree"}}
    assert [problem["rule"] for problem in refused(ask(client, sent))] == ["unit.unknown"]


def test_health_answers_head_requests(client: TestClient) -> None:
    assert client.head("/health").status_code == 200


def test_a_preflight_has_a_request_id_and_an_unknown_origin_is_not_allowed() -> None:
    client = TestClient(create_app(Settings(cors_origins=("https://ehr.example",))))
    asking = {"Access-Control-Request-Method": "POST", "Origin": "https://ehr.example"}
    allowed = client.options("/predict/patient", headers=asking)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "https://ehr.example"
    assert allowed.headers["x-request-id"]
    other = client.options("/predict/patient", headers=asking | {"Origin": "https://other.example"})
    assert "access-control-allow-origin" not in other.headers
