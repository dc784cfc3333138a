"""moto's CloudFormation, completed: skipped types, ignored and misread properties, updates.

A property is applied through boto3 against the server itself. That also validates it: botocore
rejects parameters that AWS does not have.
"""

from typing import Any

from moto.core.common_models import CloudFormationModel

from tests.infra.local_aws.auto_scaling import patch_auto_scaling
from tests.infra.local_aws.clients import client_of
from tests.infra.local_aws.ignored_properties import IGNORED, Apply
from tests.infra.local_aws.misread_properties import patch_misread
from tests.infra.local_aws.skipped_types import SKIPPED, Made, Put
from tests.infra.local_aws.stacks import patch_stacks


def fill_gaps(url: str) -> list[type[CloudFormationModel]]:
    """Patch moto in this process; the caller must keep a reference to the returned classes."""
    from moto.cloudformation.parsing import get_model_map

    kept = [_replayed(kind, put, url) for kind, put in SKIPPED.items()]
    get_model_map.cache_clear()
    models = get_model_map()
    for kind, complete in IGNORED.items():
        _completed(models[kind], complete, url)
    patch_misread(models)
    patch_auto_scaling()
    patch_stacks()
    return kept


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
            """Stacks are never deleted here; the server is stopped instead."""

        def is_created(self) -> bool:
            return True

    Replayed.__module__ = (
        f"moto.{kind.split('::')[1].lower()}.models"  # moto searches classes by module
    )
    return Replayed


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
