"""A deployment by CDK's command line to a local AWS, read back as operators would.

Bootstrap, the image really built, an update, a second environment; then an instance that boots
from the launch template's own user data and serves what is uploaded. What a local AWS cannot show
stands in docs/operations.md.
"""

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
from botocore.exceptions import ClientError

from tests.artifacts import BAD, a_model
from tests.builders import a_patient
from tests.infra.deployed import (
    MOST_SECONDS,
    Deployment,
    enforce,
    group_of,
    may,
    of_role,
    seen_from_containers,
    template_of,
    user_data,
    wait_for,
)
from tests.infra.instance import ID, Instance, booted
from tests.infra.local_aws import ACCOUNT, REGION, LocalAws, local_aws
from tools.containers import docker

pytestmark = pytest.mark.timeout(1200)

POLL_SECONDS = 1.0
KEY = "a-key-for-tests"
DEV = {
    "env": "dev",
    "model_poll_seconds": f"{POLL_SECONDS:g}",
    "alarm_email": "ops@example.org",
    "audit_log": "true",
}
THE_WORLD = "0.0.0.0/0"


@pytest.fixture(scope="module")
def aws(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS that containers see too."""
    assert image
    bridge = ("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}")
    with local_aws(tmp_path_factory.mktemp("aws"), docker(*bridge)) as running:
        yield running


@pytest.fixture(scope="module")
def deployment(
    cdk: list[str], aws: LocalAws, tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    """A bootstrapped account."""
    made = Deployment(cdk, aws, tmp_path_factory.mktemp("deployment"))
    made.run("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    return made


@pytest.fixture(scope="module")
def outputs(deployment: Deployment) -> dict[str, str]:
    """Of the small environment, deployed and then updated."""
    deployment.deploy(**DEV)
    return deployment.deploy(**DEV, instance_type="t3.medium")


BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
STACK = "sepsis-detect-dev"


def test_no_resource_was_skipped(aws: LocalAws, outputs: dict[str, str]) -> None:
    assert outputs
    assert aws.skipped == set()
    (found,) = aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert found["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def test_outputs_are_what_operators_need(outputs: dict[str, str]) -> None:
    wanted = {
        "Url",
        "ModelBucketName",
        "ModelKey",
        "ModelUploadCommand",
        "ModelUploaderRole",
        "DashboardUrl",
        "KeysSecretArn",
        "AlarmTopic",
        "GroupName",
        "LogGroupName",
        "ImageRepositoryUri",
        "LoadBalancerName",
    }
    assert outputs.keys() == wanted
    assert outputs["Url"].startswith("http://")


def test_the_image_was_built_and_its_name_cannot_move(
    aws: LocalAws, outputs: dict[str, str]
) -> None:
    ecr = aws.client("ecr")
    script = user_data(aws, outputs)
    image = next(
        line.partition("=")[2] for line in script.splitlines() if line.startswith("image=")
    )
    repository, _, tag = image.partition("/")[2].partition(":")
    (found,) = ecr.describe_repositories(repositoryNames=[repository])["repositories"]
    assert found["imageTagMutability"] == "IMMUTABLE"
    (pushed,) = ecr.describe_images(repositoryName=repository)["imageDetails"]
    assert pushed["imageTags"] == [tag]
    config = json.loads(docker("image", "inspect", "-f", "{{json .Config}}", image))
    assert config["User"] == "10001:10001"


def test_healthy_instances_in_two_zones_are_behind_the_load_balancer(
    aws: LocalAws, outputs: dict[str, str]
) -> None:
    group = group_of(aws, outputs)
    (target_group,) = group["TargetGroupARNs"]
    health = aws.client("elbv2").describe_target_health(TargetGroupArn=target_group)
    healthy = {
        each["Target"]["Id"]
        for each in health["TargetHealthDescriptions"]
        if each["TargetHealth"]["State"] == "healthy"
    }
    assert healthy == {each["InstanceId"] for each in group["Instances"]}
    subnets = aws.client("ec2").describe_subnets(SubnetIds=group["VPCZoneIdentifier"].split(","))
    assert len({each["AvailabilityZone"] for each in subnets["Subnets"]}) >= 2
    (described,) = aws.client("elbv2").describe_target_groups(TargetGroupArns=[target_group])[
        "TargetGroups"
    ]
    assert (described["HealthCheckPath"], described["Port"]) == ("/health", 8080)


def test_instances_are_private_encrypted_and_without_ssh(
    aws: LocalAws, outputs: dict[str, str]
) -> None:
    template = template_of(aws, outputs)
    assert template["MetadataOptions"]["HttpTokens"] == "required"
    assert template["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert "KeyName" not in template
    (disk,) = template["BlockDeviceMappings"]
    assert (disk["Ebs"]["Encrypted"], disk["Ebs"]["VolumeType"]) == (True, "gp3")


def test_only_the_load_balancer_is_open_and_only_it_reaches_instances(
    aws: LocalAws, outputs: dict[str, str]
) -> None:
    ec2 = aws.client("ec2")
    ids = aws.resources(STACK, "AWS::EC2::SecurityGroup")
    groups = {
        each["GroupId"]: each
        for each in ec2.describe_security_groups(GroupIds=ids)["SecurityGroups"]
    }
    open_ports = {
        (group_id, rule["FromPort"])
        for group_id, group in groups.items()
        for rule in group["IpPermissions"]
        for network in rule["IpRanges"]
        if network["CidrIp"] == THE_WORLD
    }
    (balancer,) = [
        each
        for each in aws.client("elbv2").describe_load_balancers()["LoadBalancers"]
        if each["LoadBalancerArn"] in aws.resources(STACK, BALANCER)
    ]
    (front,) = balancer["SecurityGroups"]
    internet_facing = balancer["Scheme"] == "internet-facing"
    assert open_ports == ({(front, 443), (front, 80)} if internet_facing else set())
    (instances,) = template_of(aws, outputs)["SecurityGroupIds"]
    (rule,) = groups[instances]["IpPermissions"]
    assert (rule["FromPort"], rule["ToPort"], rule["IpRanges"]) == (8080, 8080, [])
    assert [each["GroupId"] for each in rule["UserIdGroupPairs"]] == [front]


def test_the_bucket_is_versioned_encrypted_private_and_for_tls_only(
    aws: LocalAws, outputs: dict[str, str]
) -> None:
    s3, bucket = aws.client("s3"), outputs["ModelBucketName"]
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    (lifecycle,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert lifecycle["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    denied = [each["Condition"] for each in policy["Statement"] if each["Effect"] == "Deny"]
    assert {"Bool": {"aws:SecureTransport": "false"}} in denied
    assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in denied


def test_alarms_reach_the_topic_and_the_topic_reaches_people(
    aws: LocalAws, outputs: dict[str, str]
) -> None:
    topic = outputs["AlarmTopic"]
    alarms = [
        each
        for each in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
        if each["AlarmName"].startswith("sepsis-detect-dev-")
    ]
    assert len(alarms) >= 9
    for alarm in alarms:
        assert alarm["ActionsEnabled"], alarm["AlarmName"]
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic], alarm["AlarmName"]
    sns = aws.client("sns")
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["KmsMasterKeyId"]
    allowed = [
        each["Principal"].get("Service")
        for each in json.loads(attributes["Policy"])["Statement"]
        if each["Effect"] == "Allow" and each["Action"] == "sns:Publish"
    ]
    assert {"cloudwatch.amazonaws.com", "events.amazonaws.com"} <= set(allowed)
    key = aws.client("kms").get_key_policy(
        KeyId=attributes["KmsMasterKeyId"].rpartition("/")[2], PolicyName="default"
    )
    for service in ("cloudwatch.amazonaws.com", "events.amazonaws.com"):
        assert service in str(key["Policy"])
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert subscription["Endpoint"] == "ops@example.org"


def test_metric_filters_and_dashboard_are_of_this_environment(
    aws: LocalAws, outputs: dict[str, str]
) -> None:
    filters = aws.client("logs").describe_metric_filters(logGroupName=outputs["LogGroupName"])
    spaces = {
        change["metricNamespace"]
        for each in filters["metricFilters"]
        for change in each["metricTransformations"]
    }
    assert spaces == {"SepsisDetect/dev"}
    body = aws.client("cloudwatch").get_dashboard(DashboardName="sepsis-detect-dev")
    assert "SepsisDetect/dev" in body["DashboardBody"]
    assert outputs["DashboardUrl"].endswith("dashboard/sepsis-detect-dev")


@pytest.fixture(scope="module")
def role_of_instances(aws: LocalAws, outputs: dict[str, str]) -> str:
    """The name of the role that instances have."""
    profile = template_of(aws, outputs)["IamInstanceProfile"]
    name = (profile.get("Arn") or profile["Name"]).rpartition("/")[2]
    found = aws.client("iam").get_instance_profile(InstanceProfileName=name)
    return str(found["InstanceProfile"]["Roles"][0]["Arn"])


def test_instances_read_one_object_and_nothing_else_of_it(
    aws: LocalAws, outputs: dict[str, str], role_of_instances: str
) -> None:
    """The local AWS enforces the policies while this test runs."""
    bucket, key = outputs["ModelBucketName"], outputs["ModelKey"]
    for each in (key, "other"):
        aws.client("s3").put_object(Bucket=bucket, Key=each, Body=b"first")
    reader = of_role(aws, "s3", role_of_instances)
    uploader = of_role(aws, "s3", outputs["ModelUploaderRole"])
    secrets = of_role(aws, "secretsmanager", role_of_instances)
    secret = outputs["KeysSecretArn"]
    enforce(aws, True)
    try:
        may_read = may(lambda: reader.get_object(Bucket=bucket, Key=key))
        allowed = {
            "other object": may(lambda: reader.get_object(Bucket=bucket, Key="other")),
            "list": may(lambda: reader.list_objects_v2(Bucket=bucket)),
            "write": may(lambda: reader.put_object(Bucket=bucket, Key=key, Body=b"mine")),
            "delete": may(lambda: reader.delete_object(Bucket=bucket, Key=key)),
            "policy": may(lambda: reader.get_bucket_policy(Bucket=bucket)),
            "write keys": may(
                lambda: secrets.put_secret_value(SecretId=secret, SecretString="mine")
            ),
        }
        may_publish = may(lambda: uploader.put_object(Bucket=bucket, Key=key, Body=b"second"))
        may_list = may(lambda: uploader.list_object_versions(Bucket=bucket))
        may_spoil = may(lambda: uploader.delete_object(Bucket=bucket, Key=key))
    finally:
        enforce(aws, False)
    assert may_read
    assert allowed == dict.fromkeys(allowed, False)
    assert (may_publish, may_list, may_spoil) == (True, True, False)


def test_the_model_age_function_reports_and_fails_where_it_cannot(
    aws: LocalAws, outputs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from infra.model_age import handler

    s3, bucket = aws.client("s3"), outputs["ModelBucketName"]
    s3.put_object(Bucket=bucket, Key=outputs["ModelKey"], Body=b"of now")
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    functions = aws.client("lambda").list_functions()["Functions"]
    (told,) = [
        each["Environment"]["Variables"]
        for each in functions
        if each.get("Environment", {}).get("Variables", {}).get("BUCKET") == bucket
    ]
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert 0 <= handler({}, None) < 0.1
    metrics = aws.client("cloudwatch").list_metrics(Namespace="SepsisDetect/dev")["Metrics"]
    assert [each["MetricName"] for each in metrics] == ["ModelAge"]
    monkeypatch.setenv("KEY", "never/uploaded.onnx")
    with pytest.raises(ClientError):
        handler({}, None)


@pytest.fixture(scope="module")
def instance(
    aws: LocalAws, outputs: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Instance]:
    """One that booted while its bucket held model 1 and its secret one key."""
    s3 = aws.client("s3")
    s3.put_object(Bucket=outputs["ModelBucketName"], Key=outputs["ModelKey"], Body=a_model("1"))
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    aws.client("secretsmanager").put_secret_value(
        SecretId=outputs["KeysSecretArn"], SecretString=f"ward:{digest}"
    )
    folder = tmp_path_factory.mktemp("instance")
    script = user_data(aws, outputs)
    with booted(script, folder, role=seen_from_containers(aws)) as running:
        assert running.exit_code == 0, running.console
        yield running


def test_the_instance_serves_the_model_of_its_bucket(
    instance: Instance, outputs: dict[str, str]
) -> None:
    assert instance.console.rstrip().splitlines()[-1].startswith("sepsis-detect: healthy, ")
    status, health = instance.service.ask("GET", "/health")
    assert (status, health["status"]) == (200, "OK")
    assert health["model"]["version"] == "1"
    assert health["model"]["source"] == (f"s3://{outputs['ModelBucketName']}/{outputs['ModelKey']}")


def test_the_instance_lets_in_who_has_a_key_and_nobody_else(instance: Instance) -> None:
    assert instance.service.ask("POST", "/predict/patient", a_patient())[0] == 401
    connection = HTTPConnection("127.0.0.1", instance.service.port, timeout=30)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    connection.request("POST", "/predict/patient", json.dumps(a_patient()), headers)
    answer = connection.getresponse()
    assert answer.status == 200
    assert json.loads(answer.read())["model"]["version"] == "1"
    connection.close()


def test_the_container_runs_by_digest_hardened_and_for_good(
    instance: Instance, outputs: dict[str, str]
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
        f"--log-opt awslogs-group={outputs['LogGroupName']}",
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
    """What the service wrote so far."""
    lines = instance.service.logs().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_the_audit_log_is_kept_under_a_key_that_only_the_container_has(
    aws: LocalAws, instance: Instance
) -> None:
    secrets = aws.client("secretsmanager")
    (arn,) = [
        each
        for each in aws.resources("sepsis-detect-dev", "AWS::SecretsManager::Secret")
        if "Audit" in each
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


def test_the_service_keeps_its_model_for_a_start_without_s3(instance: Instance) -> None:
    kept = instance.service.execute("ls", "/var/lib/sepsis-detect")
    assert kept
    assert "model_cache_unusable" not in instance.service.logs()


def polls_until_noticed(aws: LocalAws, path: str, n_workers: int) -> int:
    """Questions for the object after its last upload, until each worker has got it.

    Counted and not timed, so that it holds on a busy machine.
    """
    deadline = time.monotonic() + MOST_SECONDS
    while True:
        asked = [each for each in aws.requests if each[1].partition("?")[0] == path]
        uploaded = max(i for i, each in enumerate(asked) if each[0] == "PUT")
        answers = [status for method, _, status in asked[uploaded + 1 :] if method == "GET"]
        if answers.count(200) >= n_workers:
            return max(i for i, status in enumerate(answers) if status == 200) + 1
        assert time.monotonic() < deadline, answers
        time.sleep(0.1)


def test_the_upload_command_swaps_the_model_and_a_bad_file_does_not(
    aws: LocalAws, instance: Instance, outputs: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "model.onnx").write_bytes(a_model("2", scale=0.9))
    command = shlex.split(outputs["ModelUploadCommand"])
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
    path = f"/{outputs['ModelBucketName']}/{outputs['ModelKey']}"
    wait_for(instance, lambda health: health["model"]["version"] == "2")
    polls = polls_until_noticed(aws, path, n_workers)
    print(f"{polls} polls of {n_workers} workers")  # noqa: T201
    assert polls <= 2 * n_workers
    (tmp_path / "model.onnx").write_bytes(BAD["truncated"][0]())
    assert upload().returncode == 2
    # Whoever goes round the command meets the service's own check.
    aws.client("s3").put_object(
        Bucket=outputs["ModelBucketName"],
        Key=outputs["ModelKey"],
        Body=(tmp_path / "model.onnx").read_bytes(),
    )
    health = wait_for(instance, lambda health: health.get("candidate") is not None)
    assert (health["candidate"]["status"], health["model"]["version"]) == ("refused", "2")
    # What the alarm's filter counts.
    assert "model_refused" in {line["event"] for line in events_of(instance)}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("dnf install", "failed, 2 s until the next try: dnf install"),
        ("docker pull", "failed, 2 s until the next try: docker pull"),
        ("docker run --rm", "failed, 2 s until the next try: secret"),
        ("docker run --detach", "boot failed in line"),
        ("curl", "not healthy after two minutes"),
    ],
)
def test_a_boot_that_fails_says_so_and_nothing_answers(
    aws: LocalAws, outputs: dict[str, str], tmp_path: Path, fault: str, said: str
) -> None:
    script = user_data(aws, outputs)
    with booted(script, tmp_path, role=seen_from_containers(aws), fault=fault) as instance:
        assert instance.exit_code != 0
        assert said in instance.console
        assert "sepsis-detect: healthy" not in instance.console
        if fault == "curl":
            return  # the container is there; it is the answer that is missing
        started = [each for each in instance.calls if each[:3] == ["docker", "run", "--detach"]]
        assert bool(started) == (fault == "docker run --detach")
        with pytest.raises(OSError):  # noqa: PT011 - whichever way it is refused
            instance.service.ask("GET", "/health")


def test_an_instance_without_its_secret_is_never_healthy(
    aws: LocalAws, outputs: dict[str, str], tmp_path: Path
) -> None:
    """The real reason for a roll to stop: /health stays 503, whatever is tried."""
    missing = outputs["KeysSecretArn"] + "-gone"
    script = user_data(aws, outputs).replace(outputs["KeysSecretArn"], missing)
    with booted(script, tmp_path, role=seen_from_containers(aws)) as instance:
        assert instance.exit_code == 1
        assert "not healthy after two minutes" in instance.console
        assert "keys_unreadable" in instance.console  # the service's last lines
        assert instance.service.ask("GET", "/health")[0] == 503
