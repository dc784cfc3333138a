"""Observations to measurements: code, status, time, value and unit of each, nothing guessed.

What cannot be used for a reason of its own (another analyte, an unknown code, no value) is noted.
What is sent as one of our variables and cannot be read (a unit we do not know, a time without
offset) refuses the request: leaving it out could change the answer without a word.
"""

import re
from collections import Counter
from datetime import datetime
from functools import lru_cache
from typing import Any

from sepsis_detect.clinical import units
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import BY_CHALLENGE, VARIABLES
from sepsis_detect.fhir import codes
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.codes import MEANINGS, NOT_INTERCHANGEABLE, Meaning
from sepsis_detect.fhir.measurements import Measurement, Moment
from sepsis_detect.fhir.resource_reader import EPOCH, Reader, Resource, finite, quoted, time_of

USED = frozenset({"final", "amended", "corrected", "preliminary"})
LEFT_OUT = frozenset({"entered-in-error", "cancelled"})
OTHERS = frozenset({"registered", "unknown"})
COMPARATORS = frozenset({"<", "<=", ">", ">="})
MAX_CODES_NAMED = 20
ANNOTATION = re.compile(r"\.?\{[^{}]*\}")  # of UCUM: says what is counted, changes nothing
PH = BY_CHALLENGE["pH"].column
NO_UNIT = "1"
UREA = " (urea)"  # how the table says that a mass is one of urea


class Observations:
    """Reads the Observations of one patient.

    Attributes:
        measurements: What could be read, in the order sent.
        n_read: How many Observations were looked at, used or not.
    """

    def __init__(self, reader: Reader):
        """Report to `reader`."""
        self._reader = reader
        self._unknown: Counter[tuple[str, str]] = Counter()
        self._first: dict[tuple[str, str], str] = {}
        # What is measured together carries the same time.
        self._moments: dict[str, Moment] = {}
        self.measurements: list[Measurement] = []
        self.n_read = 0

    def read(self, entry: Entry) -> None:
        """Read one Observation."""
        self.n_read += 1
        observation, path = entry.resource, entry.path
        if measurement := self._usual(entry, observation):
            self.measurements.append(measurement)
            return
        status = observation.get("status")
        if isinstance(status, str) and status in LEFT_OUT:
            return
        found = self._values(observation, path)
        if not found or not self._is_usable(status, path):
            return
        moment = self._moment(observation, path)
        if moment is None:
            return
        for meaning, holder, at in found:
            self._measure(meaning, holder, at, entry, moment)

    def _usual(self, entry: Entry, observation: Resource) -> Measurement | None:
        """Nearly all Observations are of this form: one code of ours, one value, a UCUM unit.

        Whatever differs is None here, and read with care.
        """
        if "component" in observation or observation.get("status") != "final":
            return None
        try:
            (coding,) = observation["code"]["coding"]
            quantity = observation["valueQuantity"]
            value = quantity["value"]
            names = coding["system"], coding["code"], quantity["system"], quantity["code"]
            text = observation["effectiveDateTime"]
            moment = self._moments.get(text) or self._new_moment(text)
            known = _usual(*names)
        except (KeyError, TypeError, ValueError):  # absent, or of another type
            return None
        number = finite(value)
        if known is None or moment is None or number is None or "comparator" in quantity:
            return None
        path = f"{entry.path}.valueQuantity"
        return Measurement(known[0], number, known[1], moment, path, entry)

    def _new_moment(self, text: Any) -> Moment | None:
        """A time seen for the first time; None where something has to be said about it."""
        found = time_of(text)
        if found is None or found.tzinfo is None or found > self._reader.latest:
            return None
        moment = self._moments[text] = Moment(found, (found - EPOCH).total_seconds())
        return moment

    def finish(self) -> None:
        """Report the codes that mean none of the variables."""
        for (system, code), count in self._unknown.most_common(MAX_CODES_NAMED):
            name = code if system in codes.LOINC_SYSTEMS else f"{system}|{code}"
            self._reader.note(
                "code.unknown",
                self._first[system, code],
                f"Code `{quoted(name)}` is none of those read: not used ({count}).",
                f"Le code `{quoted(name)}` n'est pas de ceux qui sont lus : non utilisé ({count}).",
                ctx={"system": quoted(system), "code": quoted(code), "count": count},
            )
        n_more = len(self._unknown) - MAX_CODES_NAMED
        if n_more > 0:
            self._reader.note(
                "code.unknown",
                "Bundle",
                f"And {n_more} more codes that are not read.",
                f"Et {n_more} autres codes qui ne sont pas lus.",
                ctx={"n_more": n_more},
            )

    # --- What is measured ---

    def _values(self, observation: Resource, path: str) -> list[tuple[Meaning, Resource, str]]:
        """The meanings found, each with what holds its value."""
        components: list[tuple[Resource, str]] = []
        if "component" in observation:
            components = self._reader.elements(observation, "component", path)
        found = []
        for holder, at in ((observation, path), *components):
            is_panel = holder is observation and bool(components or observation.get("hasMember"))
            meaning = self._meaning(holder, at, observation, path, is_panel=is_panel)
            if meaning is not None:
                found.append((meaning, holder, at))
        return found

    def _meaning(
        self, holder: Resource, at: str, observation: Resource, path: str, *, is_panel: bool
    ) -> Meaning | None:
        concept = self._reader.element(holder, "code", at)
        if not concept:
            if "code" not in holder:
                self._missing(f"{at}.code", "A `code`", "Un `code`")
            return None
        known: set[Meaning] = set()
        is_saturation, others = False, []
        for coding, where in self._reader.elements(concept, "coding", f"{at}.code"):
            system, code = coding.get("system"), coding.get("code")
            if not isinstance(code, str) or not isinstance(system, str):
                continue
            if system not in codes.LOINC_SYSTEMS:
                others.append((system, code))
            elif code == codes.SATURATION:
                is_saturation = True
            elif meaning := MEANINGS.get(code):
                known.add(meaning)
            elif code in NOT_INTERCHANGEABLE:
                self._other_analyte(code, f"{where}.code")
                return None
            else:
                others.insert(0, (system, code))
        if is_saturation:
            return self._saturation(known, at, self._category(observation, path))
        if len(known) > 1:
            self._ambiguous(at)
            return None
        if known:
            return known.pop()
        if not (is_panel or any(code in codes.PANELS for _, code in others)):
            self._count_unknown(others, concept, at)
        return None

    def _category(self, observation: Resource, path: str) -> str:
        listed = self._reader.elements(observation, "category", path)
        found = {
            code
            for concept, at in listed
            for coding, _ in self._reader.elements(concept, "coding", at)
            if isinstance(code := coding.get("code"), str) and code in codes.SATURATION_BY_CATEGORY
        }
        return found.pop() if len(found) == 1 else ""

    def _saturation(self, known: set[Meaning], path: str, category: str) -> Meaning | None:
        """What 2708-6 means: another coding says it, else the category."""
        if len(known) == 1 and (meaning := next(iter(known))) in codes.SATURATIONS:
            return meaning
        if known:
            self._ambiguous(path)
            return None
        if category:
            return codes.SATURATION_BY_CATEGORY[category]
        self._reader.note(
            "code.ambiguous",
            f"{path}.code",
            "2708-6 is SpO2 or SaO2: without a category vital-signs or laboratory it is not used.",
            "2708-6 désigne SpO2 ou SaO2 : sans catégorie vital-signs ou laboratory, non utilisé.",
        )
        return None

    def _ambiguous(self, path: str) -> None:
        self._reader.note(
            "code.ambiguous",
            f"{path}.code",
            "The codings name different variables: not used.",
            "Les codages désignent des variables différentes : non utilisé.",
        )

    def _other_analyte(self, code: str, path: str) -> None:
        en, fr = NOT_INTERCHANGEABLE[code]
        self._reader.note(
            "code.other_analyte",
            path,
            f"{code} is {en}: not used.",
            f"{code} désigne {fr} : non utilisé.",
        )

    def _count_unknown(self, others: list[tuple[str, str]], concept: Resource, path: str) -> None:
        text = concept.get("text")
        key = others[0] if others else ("", text if isinstance(text, str) else "")
        self._unknown[key] += 1
        self._first.setdefault(key, f"{path}.code")

    # --- Whether and when ---

    def _is_usable(self, status: Any, path: str) -> bool:
        if status == "final":
            return True
        if status == "preliminary":
            self._reader.note(
                "status.preliminary",
                f"{path}.status",
                "A preliminary result is used.",
                "Un résultat provisoire est utilisé.",
            )
        elif not isinstance(status, str):
            self._missing(f"{path}.status", "A `status`", "Un `status`")
        elif status in OTHERS:
            self._reader.note(
                "status.unused",
                f"{path}.status",
                f"Status {status}: not used.",
                f"Statut {status} : non utilisé.",
            )
        elif status not in USED:
            self._reader.problem(
                "code.status",
                f"{path}.status",
                f"`{quoted(status)}` is not a status of an Observation.",
                f"`{quoted(status)}` n'est pas un statut d'Observation.",
            )
        return isinstance(status, str) and status in USED

    def _moment(self, observation: Resource, path: str) -> Moment | None:
        found = self._read_moment(observation, path)
        return None if found is None else Moment(found, (found - EPOCH).total_seconds())

    def _read_moment(self, observation: Resource, path: str) -> datetime | None:
        for key in ("effectiveDateTime", "effectiveInstant"):
            if key in observation:
                return self._reader.moment(observation[key], f"{path}.{key}")
        if "effectivePeriod" in observation:
            period = self._reader.element(observation, "effectivePeriod", path)
            at = f"{path}.effectivePeriod.start"
            if "start" in period:
                return self._reader.moment(period["start"], at)
            self._missing(at, "A start", "Un début")
            return None
        self._missing(f"{path}.effectiveDateTime", "A time", "Une heure")
        return None

    def _missing(self, path: str, what: str, what_fr: str) -> None:
        self._reader.problem(
            "json.missing", path, f"{what} is required here.", f"{what_fr} est nécessaire ici."
        )

    # --- How much ---

    def _measure(
        self,
        meaning: Meaning,
        holder: Resource,
        path: str,
        entry: Entry,
        moment: Moment,
    ) -> None:
        quantity = holder.get("valueQuantity")
        at = f"{path}.valueQuantity"
        sent = quantity.get("value") if isinstance(quantity, dict) else None
        if not isinstance(quantity, dict) or sent is None:
            self._no_quantity(holder, quantity, path)
            return
        value = finite(sent)
        if value is None:
            self._reader.problem(
                "json.nan" if type(sent) in (int, float) else "json.type",
                f"{at}.value",
                "`value` must be a finite number.",
                "`value` doit être un nombre fini.",
            )
            return
        conversion = self._conversion(meaning, quantity, at)
        if conversion is None:
            return
        if "comparator" in quantity and not self._is_compared(quantity["comparator"], at):
            return
        if meaning.caution_en:
            self._reader.note("code.nearly", f"{path}.code", meaning.caution_en, meaning.caution_fr)
        self.measurements.append(Measurement(meaning, value, conversion, moment, at, entry))

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
        found = _conversion(meaning, stated) if isinstance(stated, str) else None
        if found is not None:
            return found
        variable = VARIABLES[meaning.column]
        accepted = _accepted(meaning)
        listed = ", ".join(accepted)
        if stated is None or stated == "":
            self._reader.problem(
                "unit.missing",
                path,
                f"{variable.label_en} needs its unit, as a UCUM code: {listed}.",
                f"{variable.label_fr} : l'unité est nécessaire, en code UCUM : {listed}.",
                kind="unit",
                ctx={"accepted": accepted},
            )
        else:
            self._reader.problem(
                "unit.unknown",
                f"{path}.{'unit' if code is None else 'code'}",
                f"`{quoted(stated)}` is not an accepted unit of {variable.label_en}: use {listed}.",
                f"`{quoted(stated)}` n'est pas une unité acceptée pour {variable.label_fr} : "
                f"{listed}.",
                kind="unit",
                ctx={"accepted": accepted},
            )
        return None

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
    """The UCUM codes of a value under a code."""
    names = units.accepted(VARIABLES[meaning.column])
    if meaning.is_urea:
        return [name.removesuffix(UREA) for name in names if name.endswith(UREA)]
    return [
        name
        for name in names
        if "(" not in name and not (meaning.is_moles_only and "mol" not in name)
    ]


@lru_cache(maxsize=2_048)
def _usual(
    system: str, code: str, unit_system: str, unit: str
) -> tuple[Meaning, Conversion] | None:
    """What a code in a unit means, where nothing has to be said about it."""
    meaning = MEANINGS.get(code)
    if system not in codes.LOINC_SYSTEMS or unit_system != codes.UCUM:
        return None
    if meaning is None or meaning.caution_en or code == codes.SATURATION:
        return None
    conversion = _conversion(meaning, unit)
    return None if conversion is None else (meaning, conversion)


@lru_cache(maxsize=2_048)
def _conversion(meaning: Meaning, unit: str) -> Conversion | None:
    """How to convert a value under a code; the code says what a mass of "BUN" is a mass of."""
    variable = VARIABLES[meaning.column]
    for spelling in (unit, ANNOTATION.sub("", unit).strip() or NO_UNIT):
        name = f"{spelling}{UREA}" if meaning.is_urea else spelling
        found = units.conversion(variable, name)
        if found and not (meaning.is_moles_only and "mol" not in found.unit):
            return found
    return None
