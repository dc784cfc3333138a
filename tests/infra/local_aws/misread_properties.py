"""What moto's CloudFormation reads otherwise than AWS does."""

from typing import Any

Properties = dict[str, Any]


def mend_misread(models: dict[str, Any]) -> None:
    """Mend the models of resources, by type."""
    balancing = "AWS::ElasticLoadBalancingV2::"
    _name_fully(models[f"{balancing}LoadBalancer"], "LoadBalancerFullName")
    _name_fully(models[f"{balancing}TargetGroup"], "TargetGroupFullName")
    _mend_key(models["AWS::KMS::Key"])
    _forward_to_several()


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


def _as_kms_tags(properties: Properties) -> Properties:
    """Moto hands the tags of a template to KMS, which calls their parts otherwise."""
    tags = [{"TagKey": each["Key"], "TagValue": each["Value"]} for each in properties["Tags"]]
    return properties | {"Tags": tags}


def _forward_to_several() -> None:
    """An action that forwards by weight has no target group of its own, which moto asks for."""
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

    ELBv2Backend.convert_and_validate_properties = converted  # type: ignore[method-assign]
