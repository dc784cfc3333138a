"""Permissions: the bucket policy and each role, under the enforcement of the local AWS."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.infra.deployment.deployed import Environment, enforce, may, of_role, template_of
from tests.infra.local_aws import LocalAws

# Actions in the role of the instances, besides AWS's managed policy for Session Manager.
OF_INSTANCES = {
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
    "kms:Decrypt",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
}


def test_the_bucket_is_versioned_encrypted_private_and_for_tls_only(
    aws: LocalAws, environment: Environment
) -> None:
    s3, bucket = aws.client("s3"), environment.outputs["ModelBucketName"]
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


@contextmanager
def enforced(aws: LocalAws) -> Iterator[None]:
    """IAM policies are enforced while the context lasts."""
    enforce(aws, True)
    try:
        yield
    finally:
        enforce(aws, False)


def role_of_instances(aws: LocalAws, environment: Environment) -> str:
    """ARN of the role of the instances."""
    profile = template_of(aws, environment)["IamInstanceProfile"]
    name = (profile.get("Arn") or profile["Name"]).rpartition("/")[2]
    found = aws.client("iam").get_instance_profile(InstanceProfileName=name)
    return str(found["InstanceProfile"]["Roles"][0]["Arn"])


def allowed(calls: dict[str, Callable[[], Any]]) -> set[str]:
    """Names of the calls that IAM permits."""
    return {name for name, call in calls.items() if may(call)}


def fill_bucket(aws: LocalAws, environment: Environment) -> None:
    """Put the model and another object into the bucket."""
    for key in (environment.outputs["ModelKey"], "other"):
        bucket = environment.outputs["ModelBucketName"]
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"first")


def test_instances_read_the_model_of_their_environment_and_nothing_else_of_s3(
    aws: LocalAws, environment: Environment, dev: Environment, prod: Environment
) -> None:
    for each in (dev, prod):
        fill_bucket(aws, each)
    (another,) = [each for each in (dev, prod) if each is not environment]
    bucket, key = environment.outputs["ModelBucketName"], environment.outputs["ModelKey"]
    s3 = of_role(aws, "s3", role_of_instances(aws, environment))
    calls = {
        "model": lambda: s3.get_object(Bucket=bucket, Key=key),
        "other object": lambda: s3.get_object(Bucket=bucket, Key="other"),
        "other environment": lambda: s3.get_object(
            Bucket=another.outputs["ModelBucketName"], Key=key
        ),
        "list": lambda: s3.list_objects_v2(Bucket=bucket),
        "list versions": lambda: s3.list_object_versions(Bucket=bucket),
        "buckets": lambda: s3.list_buckets(),
        "write": lambda: s3.put_object(Bucket=bucket, Key=key, Body=b"mine"),
        "delete": lambda: s3.delete_object(Bucket=bucket, Key=key),
        "policy": lambda: s3.get_bucket_policy(Bucket=bucket),
    }
    with enforced(aws):
        assert allowed(calls) == {"model"}


def test_instances_read_the_keys_of_their_environment_and_no_other_secret(
    aws: LocalAws, environment: Environment, dev: Environment, prod: Environment
) -> None:
    (another,) = [each for each in (dev, prod) if each is not environment]
    keys = environment.outputs["KeysSecretArn"]
    foreign = aws.client("secretsmanager").create_secret(
        Name=f"another-{environment.stack}", SecretString="x"
    )
    secrets = of_role(aws, "secretsmanager", role_of_instances(aws, environment))
    calls = {
        "keys": lambda: secrets.get_secret_value(SecretId=keys),
        "other environment": lambda: secrets.get_secret_value(
            SecretId=another.outputs["KeysSecretArn"]
        ),
        "another secret": lambda: secrets.get_secret_value(SecretId=foreign["ARN"]),
        "describe": lambda: secrets.describe_secret(SecretId=keys),
        "list": lambda: secrets.list_secrets(),
        "write": lambda: secrets.put_secret_value(SecretId=keys, SecretString="mine"),
        "delete": lambda: secrets.delete_secret(SecretId=keys),
    }
    with enforced(aws):
        assert allowed(calls) == {"keys"}


def test_the_role_of_instances_has_only_the_actions_of_a_boot_and_of_the_service(
    aws: LocalAws, environment: Environment
) -> None:
    iam = aws.client("iam")
    role = role_of_instances(aws, environment).rpartition("/")[2]
    statements = [
        statement
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        for statement in iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"][
            "Statement"
        ]
    ]
    actions: dict[str, Any] = {}
    for each in statements:
        assert each["Effect"] == "Allow"
        named = each["Action"] if isinstance(each["Action"], list) else [each["Action"]]
        actions |= dict.fromkeys(named, each["Resource"])
    assert actions.keys() == OF_INSTANCES
    assert {name for name, resource in actions.items() if resource == "*"} == {
        "ecr:GetAuthorizationToken"  # has no resource-level permissions
    }
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [each["PolicyName"] for each in attached] == ["AmazonSSMManagedInstanceCore"]


def test_the_uploader_publishes_and_rolls_back_but_deletes_nothing(
    aws: LocalAws, environment: Environment
) -> None:
    fill_bucket(aws, environment)
    bucket, key = environment.outputs["ModelBucketName"], environment.outputs["ModelKey"]
    s3 = of_role(aws, "s3", environment.outputs["ModelUploaderRole"])
    calls = {
        "publish": lambda: s3.put_object(Bucket=bucket, Key=key, Body=b"second"),
        "versions": lambda: s3.list_object_versions(Bucket=bucket),
        "delete": lambda: s3.delete_object(Bucket=bucket, Key=key),
        "other object": lambda: s3.put_object(Bucket=bucket, Key="other", Body=b"mine"),
    }
    with enforced(aws):
        assert allowed(calls) == {"publish", "versions"}
