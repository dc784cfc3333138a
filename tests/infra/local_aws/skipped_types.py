"""Types of resources that moto's CloudFormation skips, created through boto3."""

import json
from collections.abc import Callable
from typing import Any

from tests.infra.local_aws.clients import Client, Properties

Made = tuple[str, dict[str, Any]]
"""Physical id, and attributes for Fn::GetAtt."""
Put = Callable[[Client, str, Properties], Made]


def _put_bucket_policy(client: Client, _: str, properties: Properties) -> Made:
    bucket = properties["Bucket"]
    policy = json.dumps(properties["PolicyDocument"])
    client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    return bucket, {}


def _put_egress(client: Client, name: str, properties: Properties) -> Made:
    permission = {key: properties[key] for key in ("IpProtocol", "FromPort", "ToPort")}
    if "CidrIp" in properties:
        permission["IpRanges"] = [{"CidrIp": properties["CidrIp"]}]
    else:
        peer = properties["DestinationSecurityGroupId"]
        permission["UserIdGroupPairs"] = [{"GroupId": peer}]
    client("ec2").authorize_security_group_egress(
        GroupId=properties["GroupId"], IpPermissions=[permission]
    )
    return name, {}


def _put_hook(client: Client, name: str, properties: Properties) -> Made:
    client("autoscaling").put_lifecycle_hook(**{"LifecycleHookName": name} | properties)
    return name, {}


def _put_scaling_policy(client: Client, name: str, properties: Properties) -> Made:
    client("autoscaling").put_scaling_policy(**{"PolicyName": name} | properties)
    return name, {}


def _put_alarm(client: Client, name: str, properties: Properties) -> Made:
    wanted = {"AlarmName": name} | properties
    client("cloudwatch").put_metric_alarm(**wanted)
    found = client("cloudwatch").describe_alarms(AlarmNames=[wanted["AlarmName"]])
    return wanted["AlarmName"], {"Arn": found["MetricAlarms"][0]["AlarmArn"]}


def _put_topic_policy(client: Client, name: str, properties: Properties) -> Made:
    policy = json.dumps(properties["PolicyDocument"])
    for topic in properties["Topics"]:
        client("sns").set_topic_attributes(
            TopicArn=topic, AttributeName="Policy", AttributeValue=policy
        )
    return name, {}


def _put_subscription(client: Client, _: str, properties: Properties) -> Made:
    answer = client("sns").subscribe(ReturnSubscriptionArn=True, **properties)
    return answer["SubscriptionArn"], {}


def _put_metric_filter(client: Client, name: str, properties: Properties) -> Made:
    changes = [
        {key[0].lower() + key[1:]: str(of) for key, of in change.items()}
        for change in properties["MetricTransformations"]
    ]
    client("logs").put_metric_filter(
        filterName=name,
        logGroupName=properties["LogGroupName"],
        filterPattern=properties["FilterPattern"],
        metricTransformations=changes,
    )
    return name, {}


def _put_secret(client: Client, name: str, properties: Properties) -> Made:
    known = {key: properties[key] for key in ("Description", "SecretString") if key in properties}
    if wanted := properties.get("GenerateSecretString"):
        generated = client("secretsmanager").get_random_password(**wanted)
        known["SecretString"] = generated["RandomPassword"]
    answer = client("secretsmanager").create_secret(Name=name, **known)
    return answer["ARN"], {"Id": answer["ARN"]}


def _put_web_acl(client: Client, name: str, properties: Properties) -> Made:
    summary = client("wafv2").create_web_acl(**{"Name": name} | properties)["Summary"]
    return f"{name}|{summary['Id']}|{properties['Scope']}", {"Arn": summary["ARN"]}


def _put_web_acl_association(client: Client, name: str, properties: Properties) -> Made:
    client("wafv2").associate_web_acl(**properties)
    return name, {}


SKIPPED: dict[str, Put] = {
    "AWS::AutoScaling::LifecycleHook": _put_hook,
    "AWS::AutoScaling::ScalingPolicy": _put_scaling_policy,
    "AWS::CloudWatch::Alarm": _put_alarm,
    "AWS::EC2::SecurityGroupEgress": _put_egress,
    "AWS::Logs::MetricFilter": _put_metric_filter,
    "AWS::S3::BucketPolicy": _put_bucket_policy,
    "AWS::SNS::Subscription": _put_subscription,
    "AWS::SNS::TopicPolicy": _put_topic_policy,
    "AWS::SecretsManager::Secret": _put_secret,
    "AWS::WAFv2::WebACL": _put_web_acl,
    "AWS::WAFv2::WebACLAssociation": _put_web_acl_association,
}
