"""What becomes of a stack: an update reaches what depends on a change, and an error is told."""

import copy
import logging
from typing import Any

logger = logging.getLogger(__name__)
Resolved = dict[str, Any]


def mend_stacks() -> None:
    """Mend moto's stacks."""
    _tell_causes()
    _tell_of_skipped_updates()
    _update_dependents()


def _tell_causes() -> None:
    """What cannot be made or updated is said at once, and why.

    moto answers 500 and keeps the half-made stack, so that the caller's second try is told that
    the stack exists already.
    """
    from moto.cloudformation.exceptions import ValidationError
    from moto.cloudformation.models import CloudFormationBackend

    for method in ("create_stack", "update_stack"):
        original = getattr(CloudFormationBackend, method)

        def told(self: Any, name: str, *args: Any, original: Any = original, **kwargs: Any) -> Any:
            kept = dict(self.stacks)
            try:
                return original(self, name, *args, **kwargs)
            except Exception as error:
                logger.exception("%s failed", name)
                self.stacks = kept
                raise ValidationError(message=f"{name} failed: {error!r}") from error

        setattr(CloudFormationBackend, method, told)


def _tell_of_skipped_updates() -> None:
    """A type that moto cannot update is skipped; moto says nothing, and then has lost it."""
    from moto.cloudformation import parsing

    original = parsing.parse_and_update_resource

    def updated(logical_id: str, resource_json: Any, *args: Any, **kwargs: Any) -> Any:
        resource = original(logical_id, resource_json, *args, **kwargs)
        if resource is None:
            logger.warning("No Moto CloudFormation support for %s:update", resource_json["Type"])
        return resource

    parsing.parse_and_update_resource = updated


def _update_dependents() -> None:
    """Whose properties read an attribute that an update changed is updated too, as on AWS.

    moto compares the text of the template alone. A group that takes the latest version of its
    launch template would keep the former one.
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

    parsing.ResourceMap.update = update  # type: ignore[method-assign]


def _resolved(resources: Any) -> Resolved:
    """Properties of each resource, with the values of what they refer to."""
    from moto.cloudformation.parsing import clean_json

    return {
        name: clean_json(copy.deepcopy(each.get("Properties", {})), resources)
        for name, each in resources._resource_json_map.items()
    }


def _changed(before: Resolved, after: Resolved) -> set[str]:
    return {name for name, of in after.items() if name in before and before[name] != of}
