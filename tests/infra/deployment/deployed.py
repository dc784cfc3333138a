"""Deployed environments in a local AWS, and queries of their resources."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.infra.instance import Instance
from tests.infra.local_aws import ACCOUNT, REGION, LocalAws
from tests.paths import ROOT
from tools.containers import docker

CDK_SECONDS = 500.0
MAX_SECONDS = 120.0  # on a busy machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A deployed environment.

    Attributes:
        stack: Name of the CloudFormation stack.
        outputs: Stack outputs by name.
        template: The template that CDK synthesised.
    """

    stack: str
    outputs: dict[str, str]
    template: dict[str, Any]


class Deployment:
    """Deploys environments into a local AWS with CDK's command line."""

    def __init__(self, cdk: list[str], aws: LocalAws, folder: Path):
        self.aws = aws
        self._cdk = cdk
        self._folder = folder
        shim = folder / "docker"
        shim.write_text(
            f"#!/bin/sh\nexec {sys.executable} -m tests.infra.local_aws.docker_without_registry"
            ' "$@"\n',
            "utf-8",
        )
        shim.chmod(0o755)
        self._environment = (
            {name: of for name, of in os.environ.items() if not name.startswith("AWS_")}
            | aws.environment
            | {
                "CDK_DOCKER": str(shim),
                "PYTHONPATH": str(ROOT),
                "CDK_DISABLE_CLI_TELEMETRY": "true",
                "CI": "true",
            }
        )

    def bootstrap(self) -> None:
        """Bootstrap the account, from another folder, so that the app is not synthesised."""
        self._run("bootstrap", f"aws://{ACCOUNT}/{REGION}", folder=self._folder)

    def _run(self, *arguments: str, folder: Path = ROOT) -> None:
        done = subprocess.run(
            [*self._cdk, *arguments],
            cwd=folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=CDK_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:]

    def deploy(self, **settings: str) -> Environment:
        """Deploy an environment, as `make deploy` does."""
        stack, assembly = f"sepsis-detect-{settings['env']}", self._folder / "cdk.out"
        outputs = self._folder / "outputs.json"
        given = [f"--context={name}={of}" for name, of in settings.items()]
        self._run(
            "deploy",
            "--method=direct",  # change sets of moto lose the outputs
            "--no-previous-parameters",
            "--require-approval=never",
            f"--output={assembly}",
            f"--outputs-file={outputs}",
            *given,
        )
        (template,) = assembly.glob("*.template.json")
        return Environment(
            stack=stack,
            outputs=json.loads(outputs.read_text("utf-8"))[stack],
            template=json.loads(template.read_text("utf-8")),
        )


def group_of(aws: LocalAws, environment: Environment) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[environment.outputs["GroupName"]]
    )["AutoScalingGroups"][0]
    return found


def template_of(aws: LocalAws, environment: Environment) -> dict[str, Any]:
    """The launch template as the group uses it now."""
    group = group_of(aws, environment)
    named = (
        group.get("LaunchTemplate")
        or group["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"]
    )
    versions = aws.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=named["LaunchTemplateId"], Versions=[str(named["Version"])]
    )["LaunchTemplateVersions"]
    found: dict[str, Any] = versions[0]["LaunchTemplateData"]
    return found


Instances = dict[str, dict[str, Any]]
"""Instances as EC2 describes them, by id."""


def instances_of(aws: LocalAws, environment: Environment) -> Instances:
    """The instances of the Auto Scaling group."""
    ids = [each["InstanceId"] for each in group_of(aws, environment)["Instances"]]
    reservations = aws.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    return {each["InstanceId"]: each for some in reservations for each in some["Instances"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """State of an environment before its update.

    Attributes:
        instances: The instances of the group.
        made: Type and physical id of all resources.
    """

    instances: Instances
    made: dict[str, tuple[str, str]]


def healthy_targets(aws: LocalAws, environment: Environment) -> set[str]:
    """Ids of the instances to which the load balancer sends requests."""
    (target_group,) = group_of(aws, environment)["TargetGroupARNs"]
    found = aws.client("elbv2").describe_target_health(TargetGroupArn=target_group)
    targets = found["TargetHealthDescriptions"]
    assert {each["TargetHealth"]["State"] for each in targets} == {"healthy"}
    return {each["Target"]["Id"] for each in targets}


def balancer_of(aws: LocalAws, environment: Environment) -> dict[str, Any]:
    (arn,) = aws.resources(environment.stack, "AWS::ElasticLoadBalancingV2::LoadBalancer")
    found: dict[str, Any] = aws.client("elbv2").describe_load_balancers(LoadBalancerArns=[arn])[
        "LoadBalancers"
    ][0]
    return found


def user_data(aws: LocalAws, environment: Environment) -> str:
    return base64.b64decode(template_of(aws, environment)["UserData"]).decode()


def may(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        if "AccessDenied" not in str(error):  # some services of moto have it in the text alone
            raise
        return False
    return True


def of_role(aws: LocalAws, service: str, role: str) -> Any:
    """A client with the credentials of a role."""
    credentials = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return aws.client(
        service,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def enforce(aws: LocalAws, is_enforced: bool) -> None:
    """Switch the enforcement of IAM policies on or off."""
    connection = HTTPConnection("127.0.0.1", aws.port)
    connection.request("POST", "/moto-api/reset-auth", "0" if is_enforced else "inf")
    assert connection.getresponse().status == 200
    connection.close()


def bridge_address() -> str:
    """The address under which containers reach this machine; a new engine has no Gateway entry."""
    described = docker("network", "inspect", "bridge", "-f", "{{json (index .IPAM.Config 0)}}")
    config = json.loads(described)
    return config.get("Gateway") or str(next(ip_network(config["Subnet"]).hosts()))


def seen_from_containers(aws: LocalAws) -> dict[str, str]:
    """Environment of the container that stands for the instance's role."""
    url = f"http://{bridge_address()}:{aws.port}"
    return aws.environment | {"AWS_ENDPOINT_URL": url, "AWS_ENDPOINT_URL_S3": url}


def wait_for(instance: Instance, condition: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + MAX_SECONDS
    while True:
        health = instance.service.ask("GET", "/health")[1]
        if condition(health):
            return health
        assert time.monotonic() < deadline, health
        time.sleep(0.1)
