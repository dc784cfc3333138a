"""Modifiers: elements by which a sender changes the meaning of what stands beside them.

FHIR forbids to process an element as if its modifier were not there. We know none of them, so that
what they modify is not used, and noted.

Source: https://hl7.org/fhir/R4/extensibility.html#modifierExtension,
https://hl7.org/fhir/R4/resource-definitions.html#Resource.implicitRules
"""

from collections.abc import Iterable
from typing import Any

from sepsis_detect.fhir.resource_reader import Reader, Resource

MODIFIER, RULES = "modifierExtension", "implicitRules"
# Parts with a meaning of their own: their modifiers do not change the value beside them.
HAVE_PARTS = frozenset({dict, list})  # of JSON
OTHER_PARTS = frozenset({"component", "contained", "referenceRange"})


def modifier_of(element: Resource) -> str:
    """Name of the modifier of an element or of its parts; empty: there is none."""
    if element.get(RULES):
        return RULES
    rest: list[Any] = [element]
    while rest:
        part = rest.pop()
        if isinstance(part, list):
            values: Iterable[Any] = part
        elif part.get(MODIFIER):
            return MODIFIER
        elif OTHER_PARTS.isdisjoint(part):
            values = part.values()
        else:
            values = [each for key, each in part.items() if key not in OTHER_PARTS]
        rest += [each for each in values if type(each) in HAVE_PARTS]
    return ""


def is_modified(element: Resource, path: str, reader: Reader) -> bool:
    """Whether an element has a modifier; then it is noted as not used."""
    name = modifier_of(element)
    if name:
        reader.note(
            "fhir.modifier",
            f"{path}.{name}",
            f"`{name}` changes the meaning in a way that is not known here: not used.",
            f"`{name}` change le sens d'une façon inconnue ici : non utilisé.",
        )
    return bool(name)


def refuse_rules(path: str, reader: Reader) -> None:
    """Refuse a Bundle with `implicitRules`: they change what all its entries mean."""
    reader.problem(
        "fhir.modifier",
        f"{path}.{RULES}",
        "`implicitRules` of a Bundle are not known here, so that its resources cannot be used.",
        "Les `implicitRules` d'un Bundle sont inconnues ici : ses ressources sont inutilisables.",
        kind="incoherent",
    )
