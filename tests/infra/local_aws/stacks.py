"""moto's stacks: updates of dependent resources, and errors with their cause."""

import copy
import logging
from typing import Any

logger = logging.getLogger(__name__)
Resolved = dict[str, Any]


def patch_stacks() -> None:
    """Patch moto's stacks."""
    _report_causes()
    _report_skipped_updates()
    _update_dependents()


def _report_causes() -> None:
    """Report a failed creation or update at once, with its cause.

    moto alone answers 500 and keeps the incomplete stack, so that a retry of the caller fails
    because the stack exists.
    """
    from moto.cloudformation.exceptions import ValidationError
    from moto.cloudformation.models import CloudFormationBackend

    for method in ("create_stack", "update_stack"):
        original = getattr(CloudFormationBackend, method)

        def reported(
            self: Any, name: str, *args: Any, original: Any = original, **kwargs: Any
        ) -> Any:
            kept = dict(self.stacks)
            try:
                return original(self, name, *args, **kwargs)
            except Exception as error:
                logger.exception("%s failed", name)
                self.stacks = kept
                raise ValidationError(message=f"{name} failed: {error!r}") from error

        setattr(CloudFormationBackend, method, reported)


def _report_skipped_updates() -> None:
    """Log a type that moto cannot update: moto skips it silently and loses the resource."""
    from moto.cloudformation import parsing

    original = parsing.parse_and_update_resource

    def updated(logical_id: str, resource_json: Any, *args: Any, **kwargs: Any) -> Any:
        resource = original(logical_id, resource_json, *args, **kwargs)
        if resource is None:
            logger.warning("No Moto CloudFormation support for %s:update", resource_json["Type"])
        return resource

    parsing.parse_and_update_resource = updated


def _update_dependents() -> None:
    """Update resources whose properties refer to a changed attribute, as on AWS.

    moto compares only the text of the template: a group with the latest version of its launch
    template would keep the former version.
    """
    from moto.cloudformation import parsing

    original = parsing.ResourceMap.update

    def update(self: Any, template: Any, parameters: Any = None) -> None:
        by_action = self.build_resource_diff(template, parameters)
        done = {name for names in by_action.values() for name in names}
        before = _resolved(self)
        original(self, template, parameters)
        while changed := _changed(before, _resolved(self)) - done:
            for name in changed:
                self._parsed_resources[name] = parsing.parse_and_update_resource(
                    name,
                    copy.deepcopy(self._resource_json_map[name]),
                    self,
                    account_id=self._account_id,
                    region_name=self._region_name,
                )
            done |= changed

    parsing.ResourceMap.update = update  # type: ignore[method-assign]  # of moto


def _resolved(resources: Any) -> Resolved:
    """Properties of each resource, with references resolved."""
    from moto.cloudformation.parsing import clean_json

    return {
        name: clean_json(copy.deepcopy(each.get("Properties", {})), resources)
        for name, each in resources._resource_json_map.items()
    }


def _changed(before: Resolved, after: Resolved) -> set[str]:
    return {name for name, of in after.items() if name in before and before[name] != of}
