"""Auto Scaling groups in moto: spread over all subnets, and updated in place, as on AWS.

moto alone starts every instance in the first subnet, and creates a new group under another name
when a property changes.
"""

from collections import Counter
from typing import Any

Properties = dict[str, Any]


def patch_auto_scaling() -> None:
    """Replace methods of moto's group."""
    from moto.autoscaling.models import FakeAutoScalingGroup

    group: Any = FakeAutoScalingGroup
    group.replace_autoscaling_group_instances = _launch
    group.update_from_cloudformation_json = staticmethod(_update)
    group.launch_template = property(_launch_template)


def _launch_template(group: Any) -> Properties | None:
    """The launch template as described; None with a mixed instances policy, which holds it."""
    template = group.ec2_launch_template
    if template is None or group.mixed_instances_policy:
        return None
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "Version": group.provided_launch_template_version,
    }


def _launch(group: Any, count: int, tags: dict[str, str]) -> None:
    """Start instances, each in the zone with the fewest instances of the group.

    Source:
        Amazon EC2 Auto Scaling User Guide, "Instance distribution".
    """
    from moto.autoscaling.models import ASG_NAME_TAG, InstanceState

    assert group.vpc_zone_identifier, "only groups in a VPC are supported"
    ec2 = group.autoscaling_backend.ec2_backend
    subnets = ec2.describe_subnets(subnet_ids=group.vpc_zone_identifier.split(","))
    version = group.ec2_launch_template.get_version(group.launch_template_version)
    template = {"LaunchTemplateId": version.template.id, "Version": version.number}
    for _ in range(count):
        subnet = min(subnets, key=lambda subnet: _present(group)[subnet.id])
        reservation = ec2.run_instances(
            group.image_id,
            1,
            group.user_data,
            group.security_groups,
            instance_type=group.instance_type,
            is_instance_type_default=False,
            tags={"instance": {**tags, ASG_NAME_TAG: group.name, **group.instance_tags}},
            placement=subnet.availability_zone,
            subnet_id=subnet.id,
            launch_config=None,
            launch_template=template,
            associate_public_ip=None,
            metadata_options=version.data.get("MetadataOptions", {}),
        )
        (instance,) = reservation.instances
        instance.autoscaling_group = group
        group.instance_states.append(
            InstanceState(
                instance, protected_from_scale_in=group.new_instances_protected_from_scale_in
            )
        )


def _present(group: Any) -> Counter[str]:
    """Number of instances by subnet."""
    return Counter(each.instance.subnet_id for each in group.instance_states)


def _update(
    *,
    original_resource: Any,
    new_resource_name: str,
    cloudformation_json: Any,
    account_id: str,
    region_name: str,
) -> Any:
    """Change the group, and replace its instances if its update policy says so."""
    del new_resource_name, account_id, region_name  # the group keeps its name
    group, properties = original_resource, cloudformation_json["Properties"]
    version = group.launch_template_version
    group.update(
        availability_zones=[],
        desired_capacity=None,
        max_size=int(properties["MaxSize"]),
        min_size=int(properties["MinSize"]),
        launch_config_name="",
        launch_template=properties.get("LaunchTemplate", {}),
        vpc_zone_identifier=",".join(properties["VPCZoneIdentifier"]),
        health_check_period=properties.get("HealthCheckGracePeriod"),
        health_check_type=properties.get("HealthCheckType"),
        mixed_instances_policy=properties.get("MixedInstancesPolicy", {}),
    )
    policy = cloudformation_json.get("UpdatePolicy", {})
    if "AutoScalingInstanceRefresh" in policy and group.launch_template_version != version:
        _refresh(group)
    return group


def _refresh(group: Any) -> None:
    """Start new instances, then deregister and terminate the old ones."""
    former = list(group.instance_states)
    _launch(group, len(former), group.get_propagated_tags())
    scaling = group.autoscaling_backend
    scaling.update_attached_target_groups(group.name)
    ids = [each.instance.id for each in former]
    for arn in group.target_group_arns:
        scaling.elbv2_backend.deregister_targets(arn, [{"Id": each} for each in ids])
    scaling.ec2_backend.terminate_instances(ids)
    group.instance_states = [each for each in group.instance_states if each not in former]
