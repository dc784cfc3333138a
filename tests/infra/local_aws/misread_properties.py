"""Properties that moto's CloudFormation reads differently from AWS."""

from typing import Any

Properties = dict[str, Any]


def patch_misread(models: dict[str, Any]) -> None:
    """Patch moto's resource models, given by type."""
    balancing = "AWS::ElasticLoadBalancingV2::"
    _name_fully(models[f"{balancing}LoadBalancer"], "LoadBalancerFullName")
    _name_fully(models[f"{balancing}TargetGroup"], "TargetGroupFullName")
    _patch_key(models["AWS::KMS::Key"])
    _forward_to_several()


def _name_fully(model: Any, attribute: str) -> None:
    """Return the full name, the last part of the ARN, which moto declares but lacks."""
    original = getattr(model, "get_cfn_attribute", None)

    def named(self: Any, name: str) -> Any:
        if name == attribute:
            return self.arn.rpartition(":")[2].removeprefix("loadbalancer/")
        return original(self, name) if original else getattr(self, name)

    model.get_cfn_attribute = named


def _patch_key(model: Any) -> None:
    original = model.create_from_cloudformation_json

    def replaced(name: str, cloudformation_json: Any, *args: Any, **kwargs: Any) -> Any:
        properties = _as_kms_tags(cloudformation_json["Properties"])
        return original(name, cloudformation_json | {"Properties": properties}, *args, **kwargs)

    model.create_from_cloudformation_json = staticmethod(replaced)


def _as_kms_tags(properties: Properties) -> Properties:
    """The tags of a template under the key names of KMS, which moto does not translate."""
    tags = [{"TagKey": each["Key"], "TagValue": each["Value"]} for each in properties["Tags"]]
    return properties | {"Tags": tags}


def _forward_to_several() -> None:
    """Accept weighted forward actions, which lack the TargetGroupArn that moto requires."""
    from moto.elbv2.models import ELBv2Backend

    original = ELBv2Backend.convert_and_validate_properties

    def converted(self: Any, properties: Properties) -> list[Properties]:
        actions: list[Properties] = []
        for action in properties["DefaultActions"]:
            if "ForwardConfig" in action:
                actions.append(action)
            else:
                actions += original(self, properties | {"DefaultActions": [action]})
        return actions

    ELBv2Backend.convert_and_validate_properties = converted  # type: ignore[method-assign]  # of moto
