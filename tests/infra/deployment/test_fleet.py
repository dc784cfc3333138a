"""The instances: placement, configuration, and replacement by an update."""

from tests.infra.deployment.deployed import (
    Before,
    Environment,
    group_of,
    healthy_targets,
    instances_of,
    template_of,
)
from tests.infra.local_aws import LocalAws


def test_healthy_instances_in_all_zones_are_behind_the_load_balancer(
    aws: LocalAws, environment: Environment
) -> None:
    instances = instances_of(aws, environment)
    assert healthy_targets(aws, environment) == instances.keys()
    zones = [each["Placement"]["AvailabilityZone"] for each in instances.values()]
    subnets = group_of(aws, environment)["VPCZoneIdentifier"].split(",")
    assert len(zones) == len(set(zones)) == len(subnets) >= 2
    assert {each["SubnetId"] for each in instances.values()} == set(subnets)


def test_the_load_balancer_checks_the_health_route_of_the_service(
    aws: LocalAws, environment: Environment
) -> None:
    (arn,) = group_of(aws, environment)["TargetGroupARNs"]
    (group,) = aws.client("elbv2").describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    assert (group["HealthCheckPath"], group["Port"]) == ("/health", 8080)


def test_instances_are_private_encrypted_and_without_ssh(
    aws: LocalAws, environment: Environment
) -> None:
    template = template_of(aws, environment)
    assert "KeyName" not in template
    (disk,) = template["BlockDeviceMappings"]
    assert (disk["Ebs"]["Encrypted"], disk["Ebs"]["VolumeType"]) == (True, "gp3")
    for instance in instances_of(aws, environment).values():
        assert instance["MetadataOptions"]["HttpTokens"] == "required"
        assert instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        assert "KeyName" not in instance
        assert not instance.get("PublicIpAddress")
        groups = [each["GroupId"] for each in instance["SecurityGroups"]]
        assert groups == template["SecurityGroupIds"]


def test_another_instance_type_replaces_the_instances_and_nothing_else(
    aws: LocalAws, before: Before, dev: Environment
) -> None:
    """The group stays; its launch template has a new version, which the new instances use."""
    assert aws.made(dev.stack) == before.made
    first = before.instances
    assert {each["InstanceType"] for each in first.values()} == {"t3.small"}
    assert template_of(aws, dev)["InstanceType"] == "t3.medium"
    (launch_template,) = aws.resources(dev.stack, "AWS::EC2::LaunchTemplate")
    group = group_of(aws, dev)
    assert group["LaunchTemplate"]["LaunchTemplateId"] == launch_template
    assert group["LaunchTemplate"]["Version"] == "2"
    former = next(iter(first.values()))
    tags = {each["Key"]: each["Value"] for each in former["Tags"]}
    assert tags["aws:autoscaling:groupName"] == group["AutoScalingGroupName"]

    now = instances_of(aws, dev)
    assert {each["InstanceType"] for each in now.values()} == {"t3.medium"}
    assert len(now) == len(first)
    assert not now.keys() & first.keys()
    assert healthy_targets(aws, dev) == now.keys()
    gone = aws.client("ec2").describe_instances(InstanceIds=list(first))["Reservations"]
    states = {each["State"]["Name"] for some in gone for each in some["Instances"]}
    assert states == {"terminated"}


def test_production_mixes_spot_instances_beyond_its_minimum(
    aws: LocalAws, prod: Environment
) -> None:
    group = group_of(aws, prod)
    spread = group["MixedInstancesPolicy"]["InstancesDistribution"]
    assert spread["OnDemandBaseCapacity"] == group["MinSize"] == 3
    assert spread["OnDemandPercentageAboveBaseCapacity"] == 50
