"""Values of Observations and components: number, unit, comparator.

A unit that contradicts its own text, or is not known, is a problem: without its unit a number says
nothing. A value of another type than Quantity is noted.
"""

import re
from functools import lru_cache
from typing import Any

from sepsis_detect.clinical import units
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import BY_CHALLENGE, VARIABLES
from sepsis_detect.fhir.codes import UCUM, Meaning, system_of
from sepsis_detect.fhir.observation_codes import Coded
from sepsis_detect.fhir.resource_reader import Reader, Resource, finite, quoted

COMPARATORS = frozenset({"<", "<=", ">", ">="})
PH = BY_CHALLENGE["pH"].column
NO_UNIT = "1"
UREA = " (urea)"  # suffix of units in the table that are masses of urea

VALUE = "valueQuantity"
OTHER_VALUES = {
    "valueInteger": ("a number without unit", "un nombre sans unité"),
    "valueString": ("words", "des mots"),
    "valueCodeableConcept": ("a code", "un code"),
    "valueBoolean": ("yes or no", "oui ou non"),
    "valueRange": ("a range", "un intervalle"),
    "valueRatio": ("a ratio", "un rapport"),
    "valueSampledData": ("a series of samples", "une série d'échantillons"),
    "valueTime": ("a time", "une heure"),
    "valueDateTime": ("a time", "une heure"),
    "valuePeriod": ("a period", "une période"),
}
"""Types of a value other than Quantity, and what each one is."""
ANY_VALUE = re.compile("value[A-Z]")
OTHER_TYPE = ("of another type", "d'un autre type")


class Quantities:
    """Reads `valueQuantity` of Observations and components."""

    def __init__(self, reader: Reader):
        """Report to `reader`."""
        self._reader = reader

    def read(self, coded: Coded) -> tuple[float, Conversion] | None:
        """The value as sent, and its conversion to the canonical unit; None: nothing to use."""
        meaning, holder, path = coded
        quantity = holder.get(VALUE)
        at = f"{path}.{VALUE}"
        sent = quantity.get("value") if isinstance(quantity, dict) else None
        if not isinstance(quantity, dict) or sent is None:
            self._no_quantity(holder, quantity, path)
            return None
        if holder.get("dataAbsentReason"):
            self._absent(path)
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
        other = next((key for key in holder if key != VALUE and ANY_VALUE.match(key)), None)
        if quantity is not None and not isinstance(quantity, dict):
            self._reader.wrong_type(f"{path}.{VALUE}", "an object", "un objet")
        elif other is not None:
            en, fr = OTHER_VALUES.get(other, OTHER_TYPE)
            name = quoted(other)
            self._reader.note(
                "value.type",
                f"{path}.{name}",
                f"`{name}` is {en}: a value is read as `{VALUE}` with its unit. Not used.",
                f"`{name}` est {fr} : une valeur se lit en `{VALUE}` avec son unité. Non utilisé.",
            )
        elif "dataAbsentReason" not in holder and "component" not in holder:
            self._reader.note(
                "value.absent",
                path,
                "There is no `valueQuantity.value`: taken as not measured.",
                "Il n'y a pas de `valueQuantity.value` : considéré comme non mesuré.",
            )

    def _absent(self, path: str) -> None:
        self._reader.note(
            "value.absent_reason",
            f"{path}.dataAbsentReason",
            "A value beside `dataAbsentReason`, which says that there is none: not used.",
            "Une valeur à côté de `dataAbsentReason`, qui dit qu'il n'y en a pas : non utilisée.",
        )

    # --- Units ---

    def _conversion(self, meaning: Meaning, quantity: Resource, path: str) -> Conversion | None:
        code, text = quantity.get("code") or None, quantity.get("unit") or None
        if not _is_ucum(quantity):
            code = None  # a code of another system is no UCUM code
        stated = code if code is not None else text
        if stated is None and meaning.column == PH:
            stated = NO_UNIT
        found = conversion_of(meaning, stated) if isinstance(stated, str) else None
        if found is None:
            unit_path = f"{path}.{'unit' if code is None else 'code'}"
            self._no_conversion(meaning, stated, unit_path, path)
        elif code is not None and isinstance(text, str) and not agrees(meaning, code, text):
            return self._by_code(meaning, found, code, text, path)
        return found

    def _by_code(
        self, meaning: Meaning, found: Conversion, code: str, text: str, path: str
    ) -> Conversion | None:
        """The conversion of a code whose text is not known; None if they contradict each other."""
        code_sent, text_sent = quoted(code), quoted(text)
        if not contradicts(meaning, code, text):
            self._reader.note(
                "unit.text",
                f"{path}.unit",
                f"The text `{text_sent}` of a unit is not known: its code `{code_sent}` is used.",
                f"Le texte d'unité `{text_sent}` est inconnu : le code `{code_sent}` est utilisé.",
            )
            return found
        en, fr = VARIABLES[meaning.column].label_en, VARIABLES[meaning.column].label_fr
        self._reader.problem(
            "unit.contradiction",
            path,
            f"{en}: the unit is `{code_sent}` by its code, but `{text_sent}` by its text.",
            f"{fr} : l'unité est `{code_sent}` selon son code, mais `{text_sent}` selon son texte.",
            kind="unit",
            ctx={"code": code_sent, "text": text_sent},
            hint="Which one is true?",
            hint_fr="Laquelle est juste ?",
        )
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


def _is_ucum(quantity: Resource) -> bool:
    system = quantity.get("system")
    return system is None or (isinstance(system, str) and system_of(system) == UCUM)


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
    found = _any_conversion(meaning, unit)
    return None if found and meaning.is_moles_only and "mol" not in found.unit else found


def _any_conversion(meaning: Meaning, unit: str) -> Conversion | None:
    name = f"{unit}{UREA}" if meaning.is_urea else unit
    return units.conversion(VARIABLES[meaning.column], name)


@lru_cache(maxsize=2_048)
def agrees(meaning: Meaning, code: str, text: str) -> bool:
    """Whether the text of a unit says the same as its code."""
    by_code, by_text = _any_conversion(meaning, code), _any_conversion(meaning, text)
    return not text.strip() or text == code or _are_same(by_code, by_text)


@lru_cache(maxsize=2_048)
def contradicts(meaning: Meaning, code: str, text: str) -> bool:
    """Whether the text of a unit is that of another unit than its code.

    A text that is no unit of this variable may be one of others: it contradicts the code where all
    variables that have both convert them differently, and where none has both.
    """
    if _any_conversion(meaning, text):
        return not agrees(meaning, code, text)
    by_text = [each for each in VARIABLES if units.conversion(each, text)]
    with_both = [each for each in by_text if units.conversion(each, code)]
    return bool(by_text) and not any(
        _are_same(units.conversion(each, code), units.conversion(each, text)) for each in with_both
    )


def _are_same(one: Conversion | None, other: Conversion | None) -> bool:
    return one is not None and other is not None and one.is_same_as(other)
