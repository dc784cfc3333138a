"""The resources in the templates of different settings."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.infra.conftest import Synthesise, Template, cdk_context
from tests.infra.templates.reading import (
    DIGEST,
    attributes,
    of_type,
    only,
    seconds_of,
)
from tests.paths import ROOT

# W3005: CDK writes DependsOn besides a Ref.
LINT = ("--regions", "eu-west-3", "--ignore-checks", "W3005")


def test_cfn_lint_finds_nothing(
    dev: Template, shadowed: Template, everything: Template, tmp_path: Path
) -> None:
    files = []
    for name, template in (("dev", dev), ("prod", shadowed), ("everything", everything)):
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(template), "utf-8")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), *LINT, "--", *map(str, files)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_unacknowledged_finding_fails_the_synthesis(tmp_path: Path) -> None:
    from aws_cdk import App
    from aws_cdk import aws_s3 as s3

    from infra.app import build
    from infra.settings import read_settings

    app = App(outdir=str(tmp_path), context=cdk_context())
    s3.Bucket(build(app, read_settings(cdk_context())), "Careless")
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    report = (tmp_path / "validation-report.json").read_text("utf-8")
    assert "AwsSolutions-S10" in report  # plain HTTP
    assert "SepsisDetect/Careless" in report
    assert "SepsisDetect/Model" not in report


def test_there_is_no_custom_resource_and_no_wildcard_action(everything: Template) -> None:
    for each in everything["Resources"].values():
        assert not each["Type"].startswith("Custom::")
    for policy in (
        *of_type(everything, "IAM::Policy").values(),
        *of_type(everything, "IAM::Role").values(),
    ):
        for action in re.findall(r'"([a-z0-9]+:[A-Za-z*]+)"', json.dumps(policy)):
            assert "*" not in action, action


def test_without_nat_only_the_load_balancer_has_a_route_to_the_internet(prod: Template) -> None:
    assert not of_type(prod, "EC2::NatGateway")
    endpoints = of_type(prod, "EC2::VPCEndpoint")
    kinds = [each["VpcEndpointType"] for each in endpoints.values()]
    assert sorted(kinds) == ["Gateway"] + ["Interface"] * 7
    for name, route in of_type(prod, "EC2::Route").items():
        assert "Public" in name, route


def test_with_nat_there_is_one_gateway_and_no_interface_endpoint(dev: Template) -> None:
    assert len(of_type(dev, "EC2::NatGateway")) == 1
    (endpoint,) = of_type(dev, "EC2::VPCEndpoint").values()
    assert endpoint["VpcEndpointType"] == "Gateway"


def test_production_is_served_with_tls_alone(prod: Template) -> None:
    listeners = {
        each["Port"]: each for each in of_type(prod, "ElasticLoadBalancingV2::Listener").values()
    }
    assert listeners[443]["Protocol"] == "HTTPS"
    assert "TLS13" in listeners[443]["SslPolicy"]
    (action,) = listeners[80]["DefaultActions"]
    assert action["Type"] == "redirect"
    assert action["RedirectConfig"]["Protocol"] == "HTTPS"


def test_the_load_balancer_drops_invalid_headers_logs_and_is_protected(prod: Template) -> None:
    balancer = only(prod, "ElasticLoadBalancingV2::LoadBalancer")
    found = attributes(balancer, "LoadBalancerAttributes")
    assert found["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert found["deletion_protection.enabled"] == "true"
    assert found["access_logs.s3.enabled"] == "true"
    assert found["idle_timeout.timeout_seconds"] == "60"


def test_shutdown_times_of_an_instance_increase_from_step_to_step(prod: Template) -> None:
    """Deregistration, shutdown of the service, stop of the container, lifecycle hook."""
    from sepsis_detect.server.serve import SHUTDOWN_SECONDS

    group = only(prod, "ElasticLoadBalancingV2::TargetGroup")
    delay = int(attributes(group, "TargetGroupAttributes")["deregistration_delay.timeout_seconds"])
    stop = seconds_of(prod, "--stop-timeout ")
    drain = seconds_of(prod, "SEPSIS_DRAIN_SECONDS=")
    hook = only(prod, "AutoScaling::LifecycleHook")
    assert hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
    assert delay < drain + SHUTDOWN_SECONDS < stop < hook["HeartbeatTimeout"]


def test_an_instance_drains_until_the_load_balancer_has_noticed(prod: Template) -> None:
    group = only(prod, "ElasticLoadBalancingV2::TargetGroup")
    drain = seconds_of(prod, "SEPSIS_DRAIN_SECONDS=")
    assert group["HealthCheckIntervalSeconds"] * group["UnhealthyThresholdCount"] < drain


def test_the_keep_alive_of_the_service_exceeds_the_idle_time_out_of_the_load_balancer(
    prod: Template,
) -> None:
    from sepsis_detect.server.serve import KEEP_ALIVE_SECONDS

    balancer = only(prod, "ElasticLoadBalancingV2::LoadBalancer")
    idle = attributes(balancer, "LoadBalancerAttributes")["idle_timeout.timeout_seconds"]
    assert int(idle) < KEEP_ALIVE_SECONDS


def test_a_roll_out_starts_new_instances_first_and_alarms_stop_it(prod: Template) -> None:
    (group,) = (
        each
        for each in prod["Resources"].values()
        if each["Type"] == "AWS::AutoScaling::AutoScalingGroup"
    )
    refresh = group["UpdatePolicy"]["AutoScalingInstanceRefresh"]
    preferences = refresh["Preferences"]
    assert (preferences["MinHealthyPercentage"], preferences["MaxHealthyPercentage"]) == (100, 150)
    assert preferences["BakeTime"] >= 300
    alarms = [each["Ref"] for each in preferences["AlarmSpecification"]["Alarms"]]
    names = [prod["Resources"][each]["Properties"]["AlarmName"] for each in alarms]
    assert sorted(names) == [
        "sepsis-detect-prod-ServerErrors",
        "sepsis-detect-prod-UnhealthyInstances",
    ]
    assert group["Properties"]["HealthCheckType"] == "ELB"


def test_the_alarm_on_unhealthy_instances_allows_for_a_boot(prod: Template) -> None:
    (group,) = of_type(prod, "AutoScaling::AutoScalingGroup").values()
    (alarm,) = (
        each
        for each in of_type(prod, "CloudWatch::Alarm").values()
        if each["AlarmName"].endswith("UnhealthyInstances")
    )
    assert alarm["EvaluationPeriods"] * alarm["Period"] > group["HealthCheckGracePeriod"]


def test_a_part_of_the_requests_goes_to_the_function(everything: Template) -> None:
    function = next(
        each
        for each in of_type(everything, "Lambda::Function").values()
        if each.get("PackageType") == "Image"
    )
    assert function["Architectures"] == ["arm64"]
    assert json.dumps(function["Code"]["ImageUri"]).count(DIGEST) == 1
    assert function["Environment"]["Variables"]["SEPSIS_AUTH"] == "required"
    (https,) = (
        each
        for each in of_type(everything, "ElasticLoadBalancingV2::Listener").values()
        if each["Port"] == 443
    )
    (action,) = https["DefaultActions"]
    weights = [each["Weight"] for each in action["ForwardConfig"]["TargetGroups"]]
    assert weights == [95, 5]
    lambdas = [
        each
        for each in of_type(everything, "ElasticLoadBalancingV2::TargetGroup").values()
        if each["TargetType"] == "lambda"
    ]
    (target,) = lambdas
    assert (
        attributes(target, "TargetGroupAttributes")["lambda.multi_value_headers.enabled"] == "true"
    )


def test_graviton_and_spot_are_settings(everything: Template) -> None:
    parameters = [str(each.get("Default")) for each in everything["Parameters"].values()]
    assert any("/arm64/" in each for each in parameters)
    (group,) = of_type(everything, "AutoScaling::AutoScalingGroup").values()
    spread = group["MixedInstancesPolicy"]["InstancesDistribution"]
    assert spread["OnDemandPercentageAboveBaseCapacity"] == 50
    assert spread["OnDemandBaseCapacity"] == 3
    assert group["CapacityRebalance"] is True


def test_the_boot_script_has_valid_syntax() -> None:
    subprocess.run(["bash", "-n", str(ROOT / "infra/boot.sh")], check=True)


def test_another_environment_shares_nothing_with_the_first(dev: Template, prod: Template) -> None:
    for template, other in ((dev, "prod"), (prod, "dev")):
        assert f"sepsis-detect-{other}" not in json.dumps(template)
        assert f"SepsisDetect/{other}" not in json.dumps(template)


def test_every_alarm_is_in_the_operators_guide_and_notifies_the_topic(shadowed: Template) -> None:
    guide = (ROOT / "docs" / "operations.md").read_text("utf-8")
    severities = dict(
        re.findall(r"^\| \[`(\w+)`\]\(#\w+\) \| ([\w ]+) \| \S.* \|$", guide, re.MULTILINE)
    )
    alarms = {
        each["AlarmName"].rpartition("-")[2]: each
        for each in of_type(shadowed, "CloudWatch::Alarm").values()
    }
    assert alarms.keys() == severities.keys()
    for name, alarm in alarms.items():
        assert f"### {name}\n" in guide, name
        assert alarm["AlarmDescription"].startswith(f"{severities[name]}: ")
        assert alarm["AlarmActions"] == alarm["OKActions"]
        assert len(alarm["AlarmActions"]) == 1


def test_an_alarm_tells_that_an_input_is_lost_and_can_be_left_out(
    dev: Template, synthesise: Synthesise
) -> None:
    def drift_alarms(template: Template) -> list[Any]:
        alarms = of_type(template, "CloudWatch::Alarm").values()
        return [each for each in alarms if each.get("MetricName") == "LargestDrift"]

    (alarm,) = drift_alarms(dev)
    assert alarm["AlarmName"] == "sepsis-detect-dev-InputDrift"
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (4, "GreaterThanOrEqualToThreshold")
    # One hour with few patients is not enough; a night without any does not end or start it.
    assert (alarm["Statistic"], alarm["Period"]) == ("Minimum", 3600)
    assert alarm["DatapointsToAlarm"] == alarm["EvaluationPeriods"] == 3
    assert alarm["TreatMissingData"] == "notBreaching"
    (looser,) = drift_alarms(synthesise(env="dev", max_input_drift="6.5"))
    assert looser["Threshold"] == 6.5
    assert drift_alarms(synthesise(env="dev", max_input_drift="0")) == []
