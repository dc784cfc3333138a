"""The deployed resources: complete, wired and separate for each environment."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.infra.deployment.deployed import Environment, user_data
from tests.infra.local_aws import LocalAws
from tools.containers import docker

# moto gives them no id; test_network.py reads the first, a test below the second.
NAMELESS = {"AWS::EC2::SecurityGroupIngress", "AWS::Lambda::Permission"}


def test_no_resource_was_skipped(aws: LocalAws, environment: Environment) -> None:
    assert aws.skipped == set()
    found = aws.client("cloudformation").describe_stacks(StackName=environment.stack)["Stacks"][0]
    assert found["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    made = aws.made(environment.stack)
    wanted = environment.template["Resources"]
    assert {name: kind for name, (kind, _) in made.items()} == {
        name: each["Type"] for name, each in wanted.items()
    }
    assert {kind for kind, id_ in made.values() if not id_} <= NAMELESS


def test_a_second_environment_shares_no_resource_and_no_name_with_the_first(
    aws: LocalAws, dev: Environment, prod: Environment
) -> None:
    of_dev, of_prod = (
        {id_ for _, id_ in aws.made(each.stack).values() if id_} for each in (dev, prod)
    )
    assert not of_dev & of_prod
    same = {name for name in dev.outputs if dev.outputs[name] == prod.outputs[name]}
    assert same == {"ModelKey"}


def test_outputs_are_what_operators_need(environment: Environment) -> None:
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
    assert environment.outputs.keys() == wanted
    assert environment.outputs["ModelUploadCommand"].endswith(
        f"s3://{environment.outputs['ModelBucketName']}/sepsis/model.onnx"
    )


def test_the_image_was_built_once_under_an_immutable_tag(
    aws: LocalAws, environment: Environment
) -> None:
    ecr = aws.client("ecr")
    script = user_data(aws, environment)
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


def test_alarms_notify_the_topic_and_the_topic_has_a_subscriber(
    aws: LocalAws, environment: Environment
) -> None:
    topic = environment.outputs["AlarmTopic"]
    alarms = [
        each
        for each in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
        if each["AlarmName"].startswith(f"{environment.stack}-")
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


def test_metric_filters_and_dashboard_use_the_namespace_of_the_environment(
    aws: LocalAws, environment: Environment
) -> None:
    space = environment.stack.replace("sepsis-detect-", "SepsisDetect/")
    filters = aws.client("logs").describe_metric_filters(
        logGroupName=environment.outputs["LogGroupName"]
    )
    spaces = {
        change["metricNamespace"]
        for each in filters["metricFilters"]
        for change in each["metricTransformations"]
    }
    assert spaces == {space}
    body = aws.client("cloudwatch").get_dashboard(DashboardName=environment.stack)
    assert f'"{space}"' in body["DashboardBody"]
    assert environment.outputs["DashboardUrl"].endswith(f"dashboard/{environment.stack}")


def test_the_model_age_function_reports_the_age_and_fails_without_an_object(
    aws: LocalAws, dev: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    from infra.model_age import handler

    s3, bucket = aws.client("s3"), dev.outputs["ModelBucketName"]
    s3.put_object(Bucket=bucket, Key=dev.outputs["ModelKey"], Body=b"of now")
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    functions = aws.client("lambda").list_functions()["Functions"]
    (variables,) = [
        each["Environment"]["Variables"]
        for each in functions
        if each.get("Environment", {}).get("Variables", {}).get("BUCKET") == bucket
    ]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert 0 <= handler({}, None) < 0.1
    metrics = aws.client("cloudwatch").list_metrics(Namespace="SepsisDetect/dev")["Metrics"]
    assert [each["MetricName"] for each in metrics] == ["ModelAge"]
    monkeypatch.setenv("KEY", "never/uploaded.onnx")
    with pytest.raises(ClientError):
        handler({}, None)


def test_only_the_schedule_and_the_load_balancer_may_invoke_the_functions(
    aws: LocalAws, environment: Environment
) -> None:
    functions = aws.client("lambda")
    callers = [
        statement["Principal"]["Service"]
        for name in aws.resources(environment.stack, "AWS::Lambda::Function")
        for statement in json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
    ]
    wanted = {
        "sepsis-detect-dev": ["events.amazonaws.com"],
        "sepsis-detect-prod": ["elasticloadbalancing.amazonaws.com", "events.amazonaws.com"],
    }
    assert sorted(callers) == wanted[environment.stack]
