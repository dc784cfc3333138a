"""Metrics: the log lines of the service carry what alarms and the dashboard read."""

import json
import logging
import re

import numpy as np
import pytest
from starlette.testclient import TestClient

from infra.log_metrics import EVENTS, SHADOW_EVENTS, SHADOW_VALUES, VALUES
from sepsis_detect.api.app import create_app
from sepsis_detect.api.services import services_in
from sepsis_detect.settings import Settings
from sepsis_detect.telemetry import embedded_metrics, logs
from sepsis_detect.telemetry.shadow_comparison import Scores
from tests.builders import a_patient
from tests.contract.asking import PATIENTS, ask, predicted, refused
from tests.infra.conftest import Template
from tests.infra.templates.reading import of_type, only
from tests.paths import ROOT


@pytest.mark.parametrize(("name", "env"), [("dev", "dev"), ("shadowed", "prod")])
def test_alarms_and_dashboard_read_what_filters_and_the_age_function_write(
    request: pytest.FixtureRequest, name: str, env: str
) -> None:
    template: Template = request.getfixturevalue(name)
    changes = [
        change
        for each in of_type(template, "Logs::MetricFilter").values()
        for change in each["MetricTransformations"]
    ]
    assert {each["MetricNamespace"] for each in changes} == {f"SepsisDetect/{env}"}
    written = {each["MetricName"] for each in changes} | {"ModelAge"}
    body = only(template, "CloudWatch::Dashboard")["DashboardBody"]["Fn::Join"][1]
    shown = "".join(each for each in body if isinstance(each, str))
    read = set(re.findall(rf'\["SepsisDetect/{env}","(\w+)"', shown))
    for alarm in of_type(template, "CloudWatch::Alarm").values():
        if alarm.get("Namespace", "").startswith("SepsisDetect"):
            assert "Dimensions" not in alarm  # metric filters set none
            read.add(alarm["MetricName"])
    assert read == written
    assert f"SepsisDetect/{env}" != embedded_metrics.NAMESPACE, (
        "the namespaces differ, so that no line counts twice"
    )


def test_the_minutely_line_has_every_value_that_filters_take(
    shadowed: Template, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sepsis_detect.telemetry.metrics.MIN_ROWS", 40)
    app = create_app(Settings())
    client = TestClient(app)
    predicted(ask(client, a_patient()))
    ask(client, {"patients": [a_patient()] * 40}, route=PATIENTS)
    refused(ask(client, a_patient(heart_rate=-5)))
    metrics = services_in(app).metrics
    metrics.requests([(401, 1.0)])
    scores = Scores(probabilities=np.zeros(1, np.float32), is_positive=np.zeros(1, np.bool_))
    metrics.compared(scores, scores)
    metrics.not_compared(1)
    metrics.flush()
    written = [json.loads(logs.JsonFormatter().format(each)) for each in caplog.records]
    (line,) = [each for each in written if each["event"] == "metrics"]
    filters = {
        each["MetricTransformations"][0]["MetricValue"]: each["FilterPattern"]
        for each in of_type(shadowed, "Logs::MetricFilter").values()
    }
    for name in VALUES + SHADOW_VALUES:
        assert isinstance(line[name], int | float), name
        assert filters[f"$.{name}"] == f'{{ ($.event = "metrics") && ($.{name} = *) }}'


def test_events_that_filters_count_are_written_and_no_log_level_hides_them(
    shadowed: Template,
) -> None:
    """Each event is a literal in the service, at a level that every `log_level` includes."""
    code = "\n".join(
        each.read_text("utf-8") for each in (ROOT / "src" / "sepsis_detect").rglob("*.py")
    )
    literal = r'logs\.event\(\s*logging\.(\w+),\s*f?"([\w{}.]+)"'
    levels = {name: level for level, name in re.findall(literal, code)}
    tasks = re.findall(r'PeriodicTask\([^"]*name=f?"([\w{}.]+)"', code)
    levels |= {f"{task}_failed": "ERROR" for task in tasks}  # periodic_task logs them
    levels["{self._name}_unreachable"] = levels["{self._name}_{candidate.status}"]
    for followed in re.findall(r'name="(\w+)", open_model', code):
        for event, level in list(levels.items()):
            levels[re.sub(r"\{(self\._)?name\}", followed, event)] = level
    filters = {
        each["MetricTransformations"][0]["MetricName"]: each["FilterPattern"]
        for each in of_type(shadowed, "Logs::MetricFilter").values()
    }
    for metric, events in (EVENTS | SHADOW_EVENTS).items():
        for event in events:
            assert f'($.event = "{event}")' in filters[metric]
            assert getattr(logging, levels[event]) >= logging.WARNING, event
