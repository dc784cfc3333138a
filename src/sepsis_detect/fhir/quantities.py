"""Quantities of Observations: value, unit and comparator.

A value of one of our variables that cannot be read, such as one in an unknown unit, refuses the
request: leaving it out could change the answer without notice.
"""

import re
from functools import lru_cache
from typing import Any

from sepsis_detect.clinical import units
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import BY_CHALLENGE, VARIABLES
from sepsis_detect.fhir import codes
from sepsis_detect.fhir.codes import Meaning
from sepsis_detect.fhir.resource_reader import Reader, Resource, finite, quoted

COMPARATORS = frozenset({"<", "<=", ">", ">="})
ANNOTATION = re.compile(r"\.?\{[^{}]*\}")  # of UCUM: names what is counted, changes no value
PH = BY_CHALLENGE["pH"].column
NO_UNIT = "1"
UREA = " (urea)"  # suffix of units in the table that are masses of urea


class Quantities:
    """Reads `valueQuantity` of Observations and components."""

    def __init__(self, reader: Reader):
        """Report to `reader`."""
        self._reader = reader

    def read(
        self, meaning: Meaning, holder: Resource, path: str
    ) -> tuple[float, Conversion] | None:
        """The value as sent, and its conversion to the canonical unit; None: nothing to use."""
        quantity = holder.get("valueQuantity")
        at = f"{path}.valueQuantity"
        sent = quantity.get("value") if isinstance(quantity, dict) else None
        if not isinstance(quantity, dict) or sent is None:
            self._no_quantity(holder, quantity, path)
            return None
        value = finite(sent)
        if value is None:
            self._reader.problem(
                "json.nan" if type(sent) in (int, float) else "json.type",
                f"{at}.value",
                "`value` must be a finite number.",
                "`value` doit être un nombre fini.",
            )
            return None
        conversion = self._conversion(meaning, quantity, at)
        if conversion is None:
            return None
        if "comparator" in quantity and not self._is_compared(quantity["comparator"], at):
            return None
        if meaning.caution_en:
            self._reader.note("code.nearly", f"{path}.code", meaning.caution_en, meaning.caution_fr)
        return value, conversion

    def _no_quantity(self, holder: Resource, quantity: Any, path: str) -> None:
        if quantity is not None and not isinstance(quantity, dict):
            self._reader.wrong_type(f"{path}.valueQuantity", "an object", "un objet")
        elif "dataAbsentReason" not in holder and "component" not in holder:
            self._reader.note(
                "value.absent",
                path,
                "There is no `valueQuantity.value`: taken as not measured.",
                "Il n'y a pas de `valueQuantity.value` : considéré comme non mesuré.",
            )

    def _conversion(self, meaning: Meaning, quantity: Resource, path: str) -> Conversion | None:
        code, unit = quantity.get("code"), quantity.get("unit")
        if quantity.get("system", codes.UCUM) != codes.UCUM:
            code = None  # a code of another system is no UCUM code
        stated = code if code is not None else unit
        if stated is None and meaning.column == PH:
            stated = NO_UNIT
        found = conversion_of(meaning, stated) if isinstance(stated, str) else None
        if found is not None:
            return found
        self._no_conversion(meaning, stated, f"{path}.{'unit' if code is None else 'code'}", path)
        return None

    def _no_conversion(self, meaning: Meaning, stated: Any, unit_path: str, path: str) -> None:
        variable, accepted = VARIABLES[meaning.column], _accepted(meaning)
        en, fr, listed = variable.label_en, variable.label_fr, ", ".join(accepted)
        if stated is None or stated == "":
            rule, at = "unit.missing", path
            msg = f"{en} needs its unit, as a UCUM code: {listed}."
            msg_fr = f"{fr} : l'unité est nécessaire, en code UCUM : {listed}."
        else:
            rule, at, name = "unit.unknown", unit_path, quoted(stated)
            msg = f"`{name}` is not an accepted unit of {en}: use {listed}."
            msg_fr = f"`{name}` n'est pas une unité acceptée pour {fr} : {listed}."
        self._reader.problem(rule, at, msg, msg_fr, kind="unit", ctx={"accepted": accepted})

    def _is_compared(self, comparator: Any, path: str) -> bool:
        if isinstance(comparator, str) and comparator in COMPARATORS:
            self._reader.note(
                "value.comparator",
                f"{path}.comparator",
                f"The value is a limit ({comparator}): the limit itself is used.",
                f"La valeur est une limite ({comparator}) : la limite elle-même est utilisée.",
            )
            return True
        self._reader.problem(
            "value.comparator",
            f"{path}.comparator",
            "`comparator` must be <, <=, > or >=.",
            "`comparator` doit être <, <=, > ou >=.",
        )
        return False


def _accepted(meaning: Meaning) -> list[str]:
    """The accepted UCUM codes of a variable as one LOINC code measures it."""
    names = units.accepted(VARIABLES[meaning.column])
    if meaning.is_urea:
        return [name.removesuffix(UREA) for name in names if name.endswith(UREA)]
    return [
        name
        for name in names
        if "(" not in name and not (meaning.is_moles_only and "mol" not in name)
    ]


@lru_cache(maxsize=2_048)
def conversion_of(meaning: Meaning, unit: str) -> Conversion | None:
    """Conversion to the canonical unit; the code decides whether a mass of "BUN" is of urea."""
    variable = VARIABLES[meaning.column]
    for spelling in (unit, ANNOTATION.sub("", unit).strip() or NO_UNIT):
        name = f"{spelling}{UREA}" if meaning.is_urea else spelling
        found = units.conversion(variable, name)
        if found and not (meaning.is_moles_only and "mol" not in found.unit):
            return found
    return None
