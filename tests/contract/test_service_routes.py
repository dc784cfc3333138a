"""The routes that tell about the service: health, the model, the variables."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sepsis_detect import __version__
from sepsis_detect.api.app import create_app
from sepsis_detect.api.schema.responses import Health, ServedModel, Variables
from sepsis_detect.clinical.variables import VARIABLES
from sepsis_detect.settings import Settings
from tests.artifacts import OPERATING_POINTS, a_model
from tests.builders import a_patient
from tests.contract.asking import ask, predicted


def test_health_is_ok_and_names_the_model(client: TestClient) -> None:
    response = client.get("/health")
    assert response.status_code == 200
    health = Health.model_validate(response.json())
    assert health.status == "OK"
    assert health.model.source == "embedded"
    assert health.model.loaded_at <= datetime.now(UTC)


def test_model_describes_the_served_model(client: TestClient) -> None:
    model = ServedModel.model_validate(client.get("/model").json())
    answer = predicted(ask(client, a_patient()))
    assert answer["model"] == {"name": model.name, "version": model.version}
    assert answer["threshold"] == pytest.approx(model.threshold, rel=1e-6)
    health = client.get("/health").json()["model"]
    assert (health["name"], health["version"]) == (model.name, model.version)


def test_model_shows_features_training_and_metrics(client: TestClient) -> None:
    model = client.get("/model").json()
    assert len(model["features"]) == len(set(model["features"])) > 40
    assert model["training"]
    assert model["metrics"]
    assert "not a medical device" in model["intended_use"]
    assert "selfcheck" not in model


def test_model_shows_operating_points_and_external_figures(
    tmp_path: Path,
) -> None:
    told: dict[str, Any] = {
        "operating_points": [point | {"is_interpolated": False} for point in OPERATING_POINTS],
        "external": {"auroc": 0.78},
        "parent": {"name": "made-up", "version": "0", "sha256": "0" * 64},
        "site": {"name": "St Elsewhere"},
        "metrics_threshold": 0.3,
    }
    for of_artifact, shown in ((told, told), ({}, dict.fromkeys(told))):
        path = tmp_path / "model.onnx"
        path.write_bytes(a_model("1", **of_artifact))
        with TestClient(create_app(Settings(model_uri=str(path)))) as client:
            model = client.get("/model").json()
        ServedModel.model_validate(model)
        assert {name: model[name] for name in told} == shown


def test_the_embedded_model_has_operating_points(client: TestClient) -> None:
    served, *others = client.get("/model").json()["operating_points"]
    assert served["threshold"] == client.get("/model").json()["threshold"]
    assert len(others) > 5
    thresholds = [point["threshold"] for point in others]
    assert thresholds == sorted(thresholds, reverse=True)


def test_model_says_what_changed_for_long_stays(client: TestClient) -> None:
    assert "took a long stay for a sign of sepsis" in client.get("/model").json()["long_stays"]


def test_variables_lists_all_forty_in_order(client: TestClient) -> None:
    table = Variables.model_validate(client.get("/variables").json()).variables
    assert [row.challenge_name for row in table] == [each.challenge for each in VARIABLES]
    assert len(table) == 40
    for row in table:
        assert row.label_en
        assert row.label_fr
        assert row.units[0] == row.unit
        assert row.hard_low is not None


def test_every_listed_unit_is_accepted(client: TestClient) -> None:
    for row in client.get("/variables").json()["variables"]:
        for unit in row["units"]:
            body = {"HR": 80, "units": {row["challenge_name"]: unit}}
            assert "unit.unknown" not in ask(client, body).text


def test_every_listed_word_is_accepted(client: TestClient) -> None:
    for row in client.get("/variables").json()["variables"]:
        for word in row["values"] or []:
            predicted(ask(client, a_patient(**{row["name"]: word})))


def test_answers_have_no_nan_or_infinity(client: TestClient) -> None:
    def refuse(literal: str) -> None:
        raise AssertionError(literal)

    for path in ("/health", "/model", "/variables", "/openapi.json"):
        json.loads(client.get(path).text, parse_constant=refuse)


@pytest.mark.parametrize("path", ["/docs", "/docs/start.js", "/docs/swagger-ui.css"])
def test_the_api_documentation_requests_no_other_host(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert not re.findall(r"(?:src|href|url)\s*[=:(]\s*[\"']?(?:https?:)?//", response.text)


def test_the_openapi_document_states_version_and_limits(client: TestClient) -> None:
    info = client.get("/openapi.json").json()["info"]
    assert info["version"] == __version__
    assert "not a medical device" in info["description"]
