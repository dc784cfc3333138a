"""An instance: boots from the user data of the launch template and serves uploaded models."""

import hashlib
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.artifacts import BAD, a_model
from tests.builders import a_patient
from tests.infra.deployment.deployed import (
    MAX_SECONDS,
    Environment,
    seen_from_containers,
    user_data,
    wait_for,
)
from tests.infra.instance import ID, Instance, booted
from tests.infra.local_aws import REGION, LocalAws
from tools.containers import docker

KEY = "a-key-for-tests"


@pytest.fixture(scope="module")
def instance(
    aws: LocalAws, dev: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Instance]:
    """An instance that booted while its bucket held model 1 and its secret one key."""
    s3 = aws.client("s3")
    s3.put_object(
        Bucket=dev.outputs["ModelBucketName"], Key=dev.outputs["ModelKey"], Body=a_model("1")
    )
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    aws.client("secretsmanager").put_secret_value(
        SecretId=dev.outputs["KeysSecretArn"], SecretString=f"ward:{digest}"
    )
    folder = tmp_path_factory.mktemp("instance")
    script = user_data(aws, dev)
    with booted(script, folder, role=seen_from_containers(aws)) as running:
        assert running.exit_code == 0, running.console
        yield running


def test_the_instance_serves_the_model_of_its_bucket(instance: Instance, dev: Environment) -> None:
    assert instance.console.rstrip().splitlines()[-1].startswith("sepsis-detect: healthy, ")
    status, health = instance.service.ask("GET", "/health")
    assert (status, health["status"]) == (200, "OK")
    assert health["model"]["version"] == "1"
    assert health["model"]["source"] == (
        f"s3://{dev.outputs['ModelBucketName']}/{dev.outputs['ModelKey']}"
    )


def test_the_instance_answers_only_callers_with_a_key(instance: Instance) -> None:
    assert instance.service.ask("POST", "/predict/patient", a_patient())[0] == 401
    connection = HTTPConnection("127.0.0.1", instance.service.port, timeout=30)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    connection.request("POST", "/predict/patient", json.dumps(a_patient()), headers)
    answer = connection.getresponse()
    assert answer.status == 200
    assert json.loads(answer.read())["model"]["version"] == "1"
    connection.close()


def test_the_container_runs_by_digest_hardened_and_restarts_always(
    instance: Instance, dev: Environment
) -> None:
    run = instance.call("docker", "run", "--detach")
    assert "@sha256:" in run[-1]
    flags = shlex.join(run)
    for flag in (
        "--restart always",
        "--network host",
        "--read-only",
        "--cap-drop ALL",
        "--log-driver awslogs",
        f"--log-opt awslogs-group={dev.outputs['LogGroupName']}",
        f"--log-opt awslogs-stream={ID}",
        f"--log-opt awslogs-region={REGION}",
    ):
        assert flag in flags
    found = json.loads(docker("inspect", instance.service.name))[0]
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert found["HostConfig"]["ReadonlyRootfs"] is True
    secrets = [each for each in run if KEY in each or "AWS_SECRET" in each]
    assert not secrets
    assert instance.call("systemctl", "mask")[-1] == "ecs.service"


def events_of(instance: Instance) -> list[dict[str, Any]]:
    """The log lines of the service so far."""
    lines = instance.service.logs().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_the_key_of_the_audit_log_is_in_the_container_alone(
    aws: LocalAws, instance: Instance, dev: Environment
) -> None:
    secrets = aws.client("secretsmanager")
    (arn,) = [
        each
        for each in aws.resources(dev.stack, "AWS::SecretsManager::Secret")
        if "AuditLog" in each
    ]
    key = secrets.get_secret_value(SecretId=arn)["SecretString"]
    assert len(key) == 64
    assert key not in instance.console
    assert key not in str(instance.calls)
    assert f"SEPSIS_AUDIT_KEY={key}" in instance.environment
    assert instance.service.ask("GET", "/health")[0] == 200
    (line, *_) = [each for each in events_of(instance) if each["event"] == "audit"]
    assert line["caller"] == "ward"
    assert len(line["input_hmac"]) == 64


def test_the_service_caches_its_model_for_a_start_without_s3(instance: Instance) -> None:
    kept = instance.service.execute("ls", "/var/lib/sepsis-detect")
    assert kept
    assert "model_cache_unusable" not in instance.service.logs()


def polls_until_noticed(aws: LocalAws, path: str, n_workers: int) -> int:
    """GET requests for the object after its last upload, until each worker has read it.

    Counted, not timed, so that the test holds on a busy machine.
    """
    deadline = time.monotonic() + MAX_SECONDS
    while True:
        requests = [each for each in aws.requests if each[1].partition("?")[0] == path]
        uploaded = max(i for i, each in enumerate(requests) if each[0] == "PUT")
        answers = [status for method, _, status in requests[uploaded + 1 :] if method == "GET"]
        if answers.count(200) >= n_workers:
            return max(i for i, status in enumerate(answers) if status == 200) + 1
        assert time.monotonic() < deadline, answers
        time.sleep(0.1)


def test_the_upload_command_swaps_the_model_and_a_bad_file_does_not(
    aws: LocalAws, instance: Instance, dev: Environment, tmp_path: Path
) -> None:
    (tmp_path / "model.onnx").write_bytes(a_model("2", scale=0.9))
    command = shlex.split(dev.outputs["ModelUploadCommand"])
    program = str(Path(sys.executable).with_name(command[0]))
    environment = os.environ | aws.environment

    def upload() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *command[1:]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    done = upload()
    assert done.returncode == 0, done.stdout + done.stderr
    n_workers = int(instance.service.execute("nproc"))
    path = f"/{dev.outputs['ModelBucketName']}/{dev.outputs['ModelKey']}"
    wait_for(instance, lambda health: health["model"]["version"] == "2")
    polls = polls_until_noticed(aws, path, n_workers)
    print(f"{polls} polls of {n_workers} workers")
    assert polls <= 2 * n_workers
    (tmp_path / "model.onnx").write_bytes(BAD["truncated"][0]())
    assert upload().returncode == 2
    # An upload without the command is checked by the service itself.
    aws.client("s3").put_object(
        Bucket=dev.outputs["ModelBucketName"],
        Key=dev.outputs["ModelKey"],
        Body=(tmp_path / "model.onnx").read_bytes(),
    )
    health = wait_for(instance, lambda health: health.get("candidate") is not None)
    assert (health["candidate"]["status"], health["model"]["version"]) == ("refused", "2")
    # The event that the alarm's metric filter counts.
    assert "model_refused" in {line["event"] for line in events_of(instance)}
