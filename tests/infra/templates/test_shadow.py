"""A shadow model in the template: its key, who may read it, its alarms and its dashboard."""

import json
from typing import Any

from tests.infra.conftest import Template
from tests.infra.templates.reading import PROD, SHADOW_KEY, of_type, only, user_data
from tests.infra.templates.test_changes import changed

MODEL_KEY = "sepsis/model.onnx"


def keys_of(template: Template, action: str) -> dict[str, set[str]]:
    """Keys of the model bucket on which each policy allows an action."""
    found: dict[str, set[str]] = {}
    for name, policy in of_type(template, "IAM::Policy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            actions = statement["Action"]
            if action in (actions if isinstance(actions, list) else [actions]):
                resources = statement["Resource"]
                listed = resources if isinstance(resources, list) else [resources]
                found[name] = {_key(each) for each in listed}
    return found


def _key(resource: Any) -> str:
    return str(resource["Fn::Join"][1][-1].removeprefix("/"))


def test_instances_may_read_the_two_models_and_the_age_function_only_the_served_one(
    prod: Template, shadowed: Template
) -> None:
    for template, keys in ((prod, {MODEL_KEY}), (shadowed, {MODEL_KEY, SHADOW_KEY})):
        readers = keys_of(template, "s3:GetObject")
        (fleet,) = (of for name, of in readers.items() if name.startswith("FleetRole"))
        (watch,) = (of for name, of in readers.items() if name.startswith("ModelWatchRole"))
        assert fleet == keys
        assert watch == {MODEL_KEY}


def test_the_uploader_may_publish_both_and_nothing_else(shadowed: Template) -> None:
    assert list(keys_of(shadowed, "s3:PutObject").values()) == [{MODEL_KEY, SHADOW_KEY}]


def test_the_service_is_told_the_address(prod: Template, shadowed: Template) -> None:
    assert "SEPSIS_SHADOW_MODEL_URI" not in user_data(prod)
    assert f"/{SHADOW_KEY}" in user_data(shadowed).partition("SEPSIS_SHADOW_MODEL_URI=s3://")[2]


def test_there_is_an_alarm_when_the_shadow_is_refused_and_one_when_it_does_not_score(
    prod: Template, shadowed: Template
) -> None:
    def metrics(template: Template) -> set[str]:
        alarms = of_type(template, "CloudWatch::Alarm").values()
        return {each["MetricName"] for each in alarms if "MetricName" in each}

    assert metrics(shadowed) - metrics(prod) == {"ShadowRefused", "ShadowFailed"}
    filters = {
        each["MetricTransformations"][0]["MetricName"]: each["FilterPattern"]
        for each in of_type(shadowed, "Logs::MetricFilter").values()
    }
    assert filters["ShadowRefused"] == '{ ($.event = "shadow_refused") }'
    assert '"shadow_failed"' in filters["ShadowFailed"]


def test_the_dashboard_shows_both_models_side_by_side(prod: Template, shadowed: Template) -> None:
    def body(template: Template) -> str:
        return json.dumps(only(template, "CloudWatch::Dashboard")["DashboardBody"])

    for metric in ("ServedPositiveShare", "ShadowPositiveShare", "ShadowDisagreement"):
        assert metric in body(shadowed)
        assert metric not in body(prod)


def test_uploads_of_the_shadow_are_told_with_their_key(shadowed: Template) -> None:
    (rule,) = (
        each for each in of_type(shadowed, "Events::Rule").values() if "EventPattern" in each
    )
    assert rule["EventPattern"]["detail"]["object"]["key"] == [MODEL_KEY, SHADOW_KEY]
    (target,) = rule["Targets"]
    assert "$.detail.object.key" in json.dumps(target["InputTransformer"])


def test_a_shadow_changes_nothing_that_callers_reach(prod: Template, shadowed: Template) -> None:
    assert PROD
    assert changed(prod, shadowed) == {
        "CloudWatch::Alarm",
        "CloudWatch::Dashboard",
        "EC2::LaunchTemplate",
        "Events::Rule",
        "IAM::Policy",
        "Logs::MetricFilter",
    }
