"""What moto's CloudFormation leaves out: types it skips, and properties it forgets.

A property is replayed through boto3 against the server itself. That also checks its form: botocore
refuses parameters that AWS does not know.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
from moto.core.common_models import CloudFormationModel

Properties = dict[str, Any]
Client = Callable[[str], Any]
Made = tuple[str, dict[str, Any]]
"""Physical id, and attributes for Fn::GetAtt."""
Put = Callable[[Client, str, Properties], Made]
Apply = Callable[[Client, Any, Properties], None]


@cache
def client_of(region: str, url: str) -> Client:
    """Clients of this server, each made once."""

    @cache
    def client(service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=region,
            endpoint_url=url,
            aws_access_key_id="server",
            aws_secret_access_key="server",  # noqa: S106 - for the local server
        )

    return client


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
        made_up = client("secretsmanager").get_random_password(**wanted)
        known["SecretString"] = made_up["RandomPassword"]
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


def _complete_bucket(client: Client, bucket: Any, properties: Properties) -> None:
    s3, name = client("s3"), bucket.name
    if versioning := properties.get("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
    if blocked := properties.get("PublicAccessBlockConfiguration"):
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=blocked)
    if lifecycle := properties.get("LifecycleConfiguration"):
        rules = [_lifecycle_rule(rule) for rule in lifecycle["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    if notified := properties.get("NotificationConfiguration"):
        assert notified == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
        s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )


def _lifecycle_rule(rule: Properties) -> Properties:
    replayed = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": ""}}
    if days := rule.get("ExpirationInDays"):
        replayed["Expiration"] = {"Days": days}
    for key in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"):
        if value := rule.get(key):
            replayed[key] = value
    return replayed


def _complete_target_group(client: Client, group: Any, properties: Properties) -> None:
    client("elbv2").modify_target_group_attributes(
        TargetGroupArn=group.arn, Attributes=properties.get("TargetGroupAttributes", [])
    )


def _complete_load_balancer(client: Client, balancer: Any, properties: Properties) -> None:
    client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=balancer.arn, Attributes=properties.get("LoadBalancerAttributes", [])
    )


def _as_kms_tags(properties: Properties) -> Properties:
    """Moto hands the tags of a template to KMS, which calls their parts otherwise."""
    tags = [{"TagKey": each["Key"], "TagValue": each["Value"]} for each in properties["Tags"]]
    return properties | {"Tags": tags}


FORGETFUL: dict[str, Apply] = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _complete_load_balancer,
    "AWS::ElasticLoadBalancingV2::TargetGroup": _complete_target_group,
    "AWS::S3::Bucket": _complete_bucket,
}


def _replayed(kind: str, put: Put, url: str) -> type[CloudFormationModel]:
    class Replayed(CloudFormationModel):
        def __init__(self, made: Made) -> None:
            self.physical_resource_id, self._attributes = made

        def get_cfn_attribute(self, name: str) -> Any:
            return self._attributes[name]

        @staticmethod
        def cloudformation_name_type() -> str:
            return ""

        @staticmethod
        def cloudformation_type() -> str:
            return kind

        @classmethod
        def has_cfn_attr(cls, attr: str) -> bool:
            return attr in ("Arn", "Id")

        @classmethod
        def create_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: Any, *of: str, **_: Any
        ) -> Any:
            return cls(put(client_of(of[1], url), resource_name, cloudformation_json["Properties"]))

        @classmethod
        def update_from_cloudformation_json(
            cls,
            original_resource: Any,
            new_resource_name: str,
            cloudformation_json: Any,
            account_id: str,
            region_name: str,
        ) -> Any:
            name = original_resource.physical_resource_id
            properties = cloudformation_json["Properties"]
            return cls(put(client_of(region_name, url), name, properties))

        @classmethod
        def delete_from_cloudformation_json(cls, *_: Any, **__: Any) -> None:
            """Nothing is ever taken away here: the whole server goes."""

        def is_created(self) -> bool:
            return True

    Replayed.__module__ = f"moto.{kind.split('::')[1].lower()}.models"  # what moto looks for
    return Replayed


def _name_fully(model: Any, attribute: str) -> None:
    """Metrics are told apart by the end of an ARN, which moto declares as an attribute only."""
    original = getattr(model, "get_cfn_attribute", None)

    def named(self: Any, name: str) -> Any:
        if name == attribute:
            return self.arn.rpartition(":")[2].removeprefix("loadbalancer/")
        return original(self, name) if original else getattr(self, name)

    model.get_cfn_attribute = named


def _mend_key(model: Any) -> None:
    original = model.create_from_cloudformation_json

    def replaced(name: str, cloudformation_json: Any, *args: Any, **kwargs: Any) -> Any:
        properties = _as_kms_tags(cloudformation_json["Properties"])
        return original(name, cloudformation_json | {"Properties": properties}, *args, **kwargs)

    model.create_from_cloudformation_json = staticmethod(replaced)


def _completed(model: Any, complete: Apply, url: str) -> None:
    for name in ("create_from_cloudformation_json", "update_from_cloudformation_json"):
        original = getattr(model, name)

        def replaced(*args: Any, original: Any = original, **kwargs: Any) -> Any:
            resource = original(*args, **kwargs)
            json_of = kwargs.get("cloudformation_json") or args[1]
            region = kwargs.get("region_name") or args[3]
            complete(client_of(region, url), resource, json_of.get("Properties", {}))
            return resource

        setattr(model, name, staticmethod(replaced))


def fill_gaps(url: str) -> list[type[CloudFormationModel]]:
    """Teach moto, in this process; what is returned must be kept."""
    from moto.cloudformation.parsing import get_model_map

    kept = [_replayed(kind, put, url) for kind, put in SKIPPED.items()]
    get_model_map.cache_clear()
    models = get_model_map()
    for kind, complete in FORGETFUL.items():
        _completed(models[kind], complete, url)
    _mend_key(models["AWS::KMS::Key"])
    balancing = "AWS::ElasticLoadBalancingV2::"
    _name_fully(models[f"{balancing}LoadBalancer"], "LoadBalancerFullName")
    _name_fully(models[f"{balancing}TargetGroup"], "TargetGroupFullName")
    return kept
