"""Environments in a local AWS, and questions to them, as operators would ask."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.infra.conftest import ROOT
from tests.infra.instance import Instance
from tests.infra.local_aws import LocalAws
from tools.containers import docker

CDK_SECONDS = 500.0
MOST_SECONDS = 120.0  # of a busy machine


class Deployment:
    """Environments that CDK's command line put into a local AWS."""

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
                "CI": "true",
            }
        )

    def run(self, *arguments: str) -> str:
        """One command; what it said."""
        done = subprocess.run(
            [*self._cdk, *arguments],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=CDK_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout

    def deploy(self, **settings: str) -> dict[str, str]:
        """Deploy an environment; its outputs."""
        outputs = self._folder / "outputs.json"
        given = [f"--context={name}={of}" for name, of in settings.items()]
        self.run(
            "deploy",
            "--method=direct",  # change sets of moto lose the outputs
            "--no-previous-parameters",
            "--require-approval=never",
            f"--output={self._folder / 'cdk.out'}",
            f"--outputs-file={outputs}",
            *given,
        )
        found: dict[str, str] = json.loads(outputs.read_text("utf-8"))[
            f"sepsis-detect-{settings['env']}"
        ]
        return found


def group_of(aws: LocalAws, outputs: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[outputs["GroupName"]]
    )["AutoScalingGroups"][0]
    return found


def template_of(aws: LocalAws, outputs: dict[str, str]) -> dict[str, Any]:
    """The launch template as the group uses it now."""
    named = group_of(aws, outputs)["LaunchTemplate"]
    versions = aws.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=named["LaunchTemplateId"], Versions=[str(named["Version"])]
    )["LaunchTemplateVersions"]
    found: dict[str, Any] = versions[0]["LaunchTemplateData"]
    return found


def user_data(aws: LocalAws, outputs: dict[str, str]) -> str:
    return base64.b64decode(template_of(aws, outputs)["UserData"]).decode()


def may(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        if "AccessDenied" not in str(error):  # some services of moto have it in the text alone
            raise
        return False
    return True


def of_role(aws: LocalAws, service: str, role: str) -> Any:
    """A client with what AssumeRole hands out."""
    handed = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return aws.client(
        service,
        aws_access_key_id=handed["AccessKeyId"],
        aws_secret_access_key=handed["SecretAccessKey"],
        aws_session_token=handed["SessionToken"],
    )


def enforce(aws: LocalAws, is_enforced: bool) -> None:
    """Whether IAM is asked from now on."""
    connection = HTTPConnection("127.0.0.1", aws.port)
    connection.request("POST", "/moto-api/reset-auth", "0" if is_enforced else "inf")
    assert connection.getresponse().status == 200
    connection.close()


def seen_from_containers(aws: LocalAws) -> dict[str, str]:
    """The instance's role, as environment of its container."""
    bridge = docker("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}")
    url = f"http://{bridge}:{aws.port}"
    return aws.environment | {"AWS_ENDPOINT_URL": url, "AWS_ENDPOINT_URL_S3": url}


def wait_for(instance: Instance, condition: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + MOST_SECONDS
    while True:
        health = instance.service.ask("GET", "/health")[1]
        if condition(health):
            return health
        assert time.monotonic() < deadline, health
        time.sleep(0.1)
