"""Properties that moto's CloudFormation ignores, applied through boto3 after the creation."""

from collections.abc import Callable
from typing import Any

from tests.infra.local_aws.clients import Client, Properties

Apply = Callable[[Client, Any, Properties], None]


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
    if targets := properties.get("Targets"):
        client("elbv2").register_targets(TargetGroupArn=group.arn, Targets=targets)


def _complete_load_balancer(client: Client, balancer: Any, properties: Properties) -> None:
    client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=balancer.arn, Attributes=properties.get("LoadBalancerAttributes", [])
    )


def _complete_security_group(client: Client, group: Any, properties: Properties) -> None:
    """Egress rules of a template replace the default rule that allows all.

    Source: AWS CloudFormation, AWS::EC2::SecurityGroup.
    """
    if rules := properties.get("SecurityGroupEgress"):
        everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        ec2 = client("ec2")
        ec2.revoke_security_group_egress(GroupId=group.id, IpPermissions=[everything])
        permissions = [
            {key: rule[key] for key in ("IpProtocol", "FromPort", "ToPort")}
            | {"IpRanges": [{"CidrIp": rule["CidrIp"]}]}
            for rule in rules
        ]
        ec2.authorize_security_group_egress(GroupId=group.id, IpPermissions=permissions)


def _complete_route_table_association(client: Client, _: Any, properties: Properties) -> None:
    """Moto stores it where DescribeRouteTables does not look."""
    client("ec2").associate_route_table(
        RouteTableId=properties["RouteTableId"], SubnetId=properties["SubnetId"]
    )


def _complete_role(client: Client, role: Any, properties: Properties) -> None:
    for arn in properties.get("ManagedPolicyArns", []):
        client("iam").attach_role_policy(RoleName=role.name, PolicyArn=arn)


IGNORED: dict[str, Apply] = {
    "AWS::EC2::SecurityGroup": _complete_security_group,
    "AWS::EC2::SubnetRouteTableAssociation": _complete_route_table_association,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _complete_load_balancer,
    "AWS::ElasticLoadBalancingV2::TargetGroup": _complete_target_group,
    "AWS::IAM::Role": _complete_role,
    "AWS::S3::Bucket": _complete_bucket,
}
