"""What the templates of different settings hold, and what a change of one setting changes."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.infra.conftest import ROOT, Synthesise, Template, cdk_context
from tests.infra.test_settings import CERTIFICATE

pytestmark = pytest.mark.timeout(600)

# CDK itself writes DependsOn where a Ref says it already.
LINT = ("--regions", "eu-west-3", "--ignore-checks", "W3005")
DIGEST = "sha256:" + "a" * 64
ANOTHER_DIGEST = "sha256:" + "b" * 64
PROD = {"env": "prod", "certificate_arn": CERTIFICATE, "alarm_email": "ops@example.org"}
TOLD = {
    "audit_log": "true",
    "cors_origins": "https://ward.example.org",
    "cds_issuers": "https://ehr.example.org=https://ehr.example.org/jwks.json",
    "domain_name": "sepsis.example.org",
    "fhir_outcome": "http://hl7.org/fhir/sid/icd-10|A41.9",
    "max_body_bytes": "1048576",
}
EVERYTHING = PROD | {
    "image": DIGEST,
    "instance_type": "c7g.large",
    "spot_percent": "50",
    "lambda_percent": "5",
    "availability_zones": "3",
    "min_instances": "3",
    "egress": "nat",
    "domain_name": "sepsis.example.org",
    "cors_origins": "https://ward.example.org",
}


def of_type(template: Template, kind: str) -> dict[str, Any]:
    return {
        name: each["Properties"]
        for name, each in template["Resources"].items()
        if each["Type"] == f"AWS::{kind}"
    }


def only(template: Template, kind: str) -> Any:
    (found,) = of_type(template, kind).values()
    return found


def attributes(properties: Any, name: str) -> dict[str, Any]:
    return {each["Key"]: each["Value"] for each in properties[name]}


def user_data(template: Template) -> str:
    data = only(template, "EC2::LaunchTemplate")["LaunchTemplateData"]["UserData"]
    parts = data["Fn::Base64"]["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else json.dumps(part) for part in parts)


@pytest.fixture(scope="module")
def dev(synthesise: Synthesise) -> Template:
    return synthesise()


@pytest.fixture(scope="module")
def prod(synthesise: Synthesise) -> Template:
    return synthesise(**PROD)


@pytest.fixture(scope="module")
def everything(synthesise: Synthesise) -> Template:
    return synthesise(**EVERYTHING)


def test_cfn_lint_finds_nothing(
    dev: Template, prod: Template, everything: Template, tmp_path: Path
) -> None:
    files = []
    for name, template in (("dev", dev), ("prod", prod), ("everything", everything)):
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


def test_a_finding_that_nobody_explained_ends_the_synthesis(tmp_path: Path) -> None:
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


def test_no_custom_resource_and_no_wildcard_of_actions(everything: Template) -> None:
    for each in everything["Resources"].values():
        assert not each["Type"].startswith("Custom::")
    for policy in (
        *of_type(everything, "IAM::Policy").values(),
        *of_type(everything, "IAM::Role").values(),
    ):
        for action in re.findall(r'"([a-z0-9]+:[A-Za-z*]+)"', json.dumps(policy)):
            assert "*" not in action, action


def test_without_nat_nothing_leads_to_the_internet_but_the_load_balancer(prod: Template) -> None:
    assert not of_type(prod, "EC2::NatGateway")
    endpoints = of_type(prod, "EC2::VPCEndpoint")
    kinds = [each["VpcEndpointType"] for each in endpoints.values()]
    assert sorted(kinds) == ["Gateway"] + ["Interface"] * 7
    for name, route in of_type(prod, "EC2::Route").items():
        assert "Public" in name, route


def test_with_nat_there_is_one_and_no_endpoint_to_pay(dev: Template) -> None:
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


def test_the_load_balancer_is_closed_behind_itself(prod: Template) -> None:
    balancer = only(prod, "ElasticLoadBalancingV2::LoadBalancer")
    found = attributes(balancer, "LoadBalancerAttributes")
    assert found["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert found["deletion_protection.enabled"] == "true"
    assert found["access_logs.s3.enabled"] == "true"
    assert found["idle_timeout.timeout_seconds"] == "60"


def test_instances_end_in_order(prod: Template) -> None:
    """Deregistered, then drained, then gone: each waits longer than the one before."""
    from sepsis_detect.draining import MOST_SECONDS

    group = only(prod, "ElasticLoadBalancingV2::TargetGroup")
    delay = int(attributes(group, "TargetGroupAttributes")["deregistration_delay.timeout_seconds"])
    stop = int(re.search(r"--stop-timeout (\d+)", user_data(prod))[1])  # type: ignore[index]
    hook = only(prod, "AutoScaling::LifecycleHook")
    assert hook["LifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
    assert delay < MOST_SECONDS < stop < hook["HeartbeatTimeout"]


def test_idle_connections_of_the_service_outlive_the_load_balancers(prod: Template) -> None:
    from sepsis_detect.server import KEEP_ALIVE_SECONDS

    balancer = only(prod, "ElasticLoadBalancingV2::LoadBalancer")
    idle = attributes(balancer, "LoadBalancerAttributes")["idle_timeout.timeout_seconds"]
    assert int(idle) < KEEP_ALIVE_SECONDS


def test_a_roll_adds_before_it_takes_and_alarms_end_it(prod: Template) -> None:
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


def test_an_alarm_of_a_boot_is_longer_than_a_boot(prod: Template) -> None:
    (group,) = of_type(prod, "AutoScaling::AutoScalingGroup").values()
    (alarm,) = (
        each
        for each in of_type(prod, "CloudWatch::Alarm").values()
        if each["AlarmName"].endswith("UnhealthyInstances")
    )
    assert alarm["EvaluationPeriods"] * alarm["Period"] > group["HealthCheckGracePeriod"]


def test_the_firewall_lets_batches_and_engines_through(prod: Template) -> None:
    rules = {each["Name"]: each for each in only(prod, "WAFv2::WebACL")["Rules"]}
    common = rules["CommonRuleSet"]["Statement"]["ManagedRuleGroupStatement"]
    counted = {each["Name"]: each["ActionToUse"] for each in common["RuleActionOverrides"]}
    assert counted == {"SizeRestrictions_BODY": {"Count": {}}, "NoUserAgent_HEADER": {"Count": {}}}
    assert "RateBasedStatement" in rules["Rate"]["Statement"]
    assert not any(each["VisibilityConfig"]["SampledRequestsEnabled"] for each in rules.values())


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


def test_graviton_and_spot_are_switches(everything: Template) -> None:
    parameters = [str(each.get("Default")) for each in everything["Parameters"].values()]
    assert any("/arm64/" in each for each in parameters)
    (group,) = of_type(everything, "AutoScaling::AutoScalingGroup").values()
    spread = group["MixedInstancesPolicy"]["InstancesDistribution"]
    assert spread["OnDemandPercentageAboveBaseCapacity"] == 50
    assert spread["OnDemandBaseCapacity"] == 3
    assert group["CapacityRebalance"] is True


def test_the_instance_is_told_all_settings_and_no_secret(
    prod: Template, everything: Template
) -> None:
    script = user_data(prod)
    for name in ("MODEL_URI", "MODEL_POLL_SECONDS", "API_KEYS_SECRET_ARN", "LOG_LEVEL"):
        assert f"SEPSIS_{name}=" in script
    assert "SEPSIS_AUTH=required" in script
    assert "resolve:" not in script
    assert "SEPSIS_CORS_ORIGINS=https://ward.example.org" in user_data(everything)
    assert len(script) < 12_000  # EC2 takes 16 KB


def test_every_setting_of_the_service_can_be_given(
    synthesise: Synthesise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the keys themselves, which have a secret; and the service takes what it is told."""
    from sepsis_detect.settings import Settings

    settings = TOLD | {"env": "dev", "internet_facing": "false", "waf": "false"}
    script = user_data(synthesise(**settings))
    assert "audit=(--env SEPSIS_AUDIT_KEY)" in script
    (line,) = [each for each in script.splitlines() if "SEPSIS_MODEL_URI" in each]
    given = [each.partition("=") for each in shlex.split(line) if each.startswith("SEPSIS_")]
    told = {name: value for name, _, value in given}
    names = {f"SEPSIS_{name.upper()}" for name in Settings.model_fields}
    assert names - {"SEPSIS_API_KEYS", "SEPSIS_AUDIT_KEY"} == told.keys()
    told |= {
        "SEPSIS_MODEL_URI": "s3://bucket/key",
        "SEPSIS_API_KEYS_SECRET_ARN": "arn:aws:secretsmanager:x",
        "SEPSIS_AUDIT_KEY": "a" * 64,
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    taken = Settings()
    assert taken.cds_issuers == ("https://ehr.example.org=https://ehr.example.org/jwks.json",)
    assert taken.cds_base_url == "https://sepsis.example.org"
    assert taken.fhir_outcome == TOLD["fhir_outcome"]
    assert taken.max_body_bytes == 1_048_576


def test_boot_script_is_a_script() -> None:
    subprocess.run(["bash", "-n", str(ROOT / "infra/boot.sh")], check=True)  # noqa: S607


def changed(before: Template, after: Template) -> set[str]:
    """Types of what differs."""
    names = before["Resources"].keys() | after["Resources"].keys()
    kinds = set()
    for name in names:
        old, new = before["Resources"].get(name), after["Resources"].get(name)
        if old != new:
            kinds.add((old or new)["Type"].removeprefix("AWS::"))
    return kinds


def test_another_image_changes_the_launch_template_alone(synthesise: Synthesise) -> None:
    assert changed(synthesise(image=DIGEST), synthesise(image=ANOTHER_DIGEST)) == {
        "EC2::LaunchTemplate"
    }


def test_another_instance_type_changes_the_launch_template_alone(
    dev: Template, synthesise: Synthesise
) -> None:
    assert changed(dev, synthesise(instance_type="t3.medium")) == {"EC2::LaunchTemplate"}


def test_another_model_key_changes_who_reads_and_writes_it(
    dev: Template, synthesise: Synthesise
) -> None:
    assert changed(dev, synthesise(model_key="other/model.onnx")) == {
        "EC2::LaunchTemplate",
        "Events::Rule",
        "IAM::Policy",
        "Lambda::Function",
    }


def test_another_environment_shares_nothing_with_the_first(dev: Template, prod: Template) -> None:
    for template, other in ((dev, "prod"), (prod, "dev")):
        assert f"sepsis-detect-{other}" not in json.dumps(template)
        assert f"SepsisDetect/{other}" not in json.dumps(template)


def test_every_alarm_is_in_the_operators_guide_and_wired(prod: Template) -> None:
    guide = (ROOT / "docs" / "operations.md").read_text("utf-8")
    alarms = of_type(prod, "CloudWatch::Alarm")
    assert len(alarms) >= 10
    for alarm in alarms.values():
        name = alarm["AlarmName"].rpartition("-")[2]
        assert f"### {name}\n" in guide, name
        assert alarm["AlarmActions"] == alarm["OKActions"]
        assert len(alarm["AlarmActions"]) == 1


def test_every_setting_is_in_the_operators_guide() -> None:
    from infra.settings import EnvironmentSettings

    guide = (ROOT / "docs" / "operations.md").read_text("utf-8")
    for name in EnvironmentSettings.model_fields:
        assert f"`{name}`" in guide, name
