"""Reads Observations as measurements: variable, status, time, value and unit of each.

An Observation that is not used for a known reason (another analyte, an unknown code, no value) is
noted. One of our variables that cannot be read (an unknown unit, a time without offset) refuses the
request: leaving it out could change the answer without notice.
"""

from functools import lru_cache
from typing import Any

from sepsis_detect.clinical import units
from sepsis_detect.clinical.units import Conversion
from sepsis_detect.clinical.variables import BY_CHALLENGE, VARIABLES
from sepsis_detect.fhir import codes
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.codes import MEANINGS, Meaning
from sepsis_detect.fhir.measurements import Measurement, Moment
from sepsis_detect.fhir.observation_codes import ObservationCodes
from sepsis_detect.fhir.resource_reader import EPOCH, Reader, Resource, finite, quoted, time_of

COMPARATORS = frozenset({"<", "<=", ">", ">="})
PH = BY_CHALLENGE["pH"].column
NO_UNIT = "1"
UREA = " (urea)"  # suffix of units in the table that are masses of urea

STATUS_USED = frozenset({"final", "amended", "corrected", "preliminary"})
STATUS_WITHDRAWN = frozenset({"entered-in-error", "cancelled"})
STATUS_WITHOUT_RESULT = frozenset({"registered", "unknown"})


class Observations:
    """Reads the Observations of one patient.

    Attributes:
        measurements: The values that could be read, in the order sent.
        n_read: How many Observations there were, used or not.
    """

    def __init__(self, reader: Reader):
        """Report to `reader`."""
        self._reader = reader
        self._codes = ObservationCodes(reader)
        self._quantities = Quantities(reader)
        self._moments: dict[str, Moment] = {}  # many Observations have the same time
        self.measurements: list[Measurement] = []
        self.n_read = 0

    def read(self, entry: Entry) -> None:
        """Read one Observation."""
        self.n_read += 1
        observation, path = entry.resource, entry.path
        if measurement := self._simple(entry, observation):
            self.measurements.append(measurement)
            return
        status = observation.get("status")
        if isinstance(status, str) and status in STATUS_WITHDRAWN:
            return
        found = self._codes.coded(observation, path)
        if not found or not self._is_usable(status, path):
            return
        moment = self._moment(observation, path)
        if moment is None:
            return
        for meaning, holder, at in found:
            if quantity := self._quantities.read(meaning, holder, at):
                at = f"{at}.valueQuantity"
                self.measurements.append(Measurement(meaning, *quantity, moment, at, entry))

    def finish(self) -> None:
        """Note the unknown codes."""
        self._codes.finish()

    def _simple(self, entry: Entry, observation: Resource) -> Measurement | None:
        """The measurement of an Observation with one known code, one value and a UCUM unit.

        Nearly all are of this form. None for any other, which is then read element by element.
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
            known = _simple(*names)
        except (KeyError, TypeError, ValueError):  # absent, or of another type
            return None
        number = finite(value)
        if known is None or moment is None or number is None or "comparator" in quantity:
            return None
        path = f"{entry.path}.valueQuantity"
        return Measurement(known[0], number, known[1], moment, path, entry)

    def _new_moment(self, text: Any) -> Moment | None:
        """A time that was not sent before; None if it needs a note or a problem."""
        found = time_of(text)
        if found is None or found.tzinfo is None or found > self._reader.latest:
            return None
        moment = self._moments[text] = Moment(found, (found - EPOCH).total_seconds())
        return moment

    # --- Status and time ---

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
            self._reader.missing(f"{path}.status", "A `status`", "Un `status`")
        elif status in STATUS_WITHOUT_RESULT:
            self._reader.note(
                "status.unused",
                f"{path}.status",
                f"Status {status}: not used.",
                f"Statut {status} : non utilisé.",
            )
        elif status not in STATUS_USED:
            self._reader.problem(
                "code.status",
                f"{path}.status",
                f"`{quoted(status)}` is not a status of an Observation.",
                f"`{quoted(status)}` n'est pas un statut d'Observation.",
            )
        return isinstance(status, str) and status in STATUS_USED

    def _moment(self, observation: Resource, path: str) -> Moment | None:
        keys = ("effectiveDateTime", "effectiveInstant", "effectivePeriod")
        key = next((key for key in keys if key in observation), None)
        if key is None:
            self._reader.missing(f"{path}.effectiveDateTime", "A time", "Une heure")
            return None
        text, at = observation[key], f"{path}.{key}"
        if key == "effectivePeriod":
            period, at = self._reader.element(observation, key, path), f"{at}.start"
            if "start" not in period:
                self._reader.missing(at, "A start", "Un début")
                return None
            text = period["start"]
        found = self._reader.moment(text, at)
        return None if found is None else Moment(found, (found - EPOCH).total_seconds())


@lru_cache(maxsize=2_048)
def _simple(
    system: str, code: str, unit_system: str, unit: object
) -> tuple[Meaning, Conversion] | None:
    """Meaning and conversion of a code in a unit; None if they need a note or a problem."""
    meaning = MEANINGS.get(code)
    if system not in codes.LOINC_SYSTEMS or unit_system != codes.UCUM:
        return None
    if meaning is None or meaning.caution_en or code == codes.SATURATION:
        return None
    conversion = conversion_of(meaning, unit) if isinstance(unit, str) else None
    return None if conversion is None else (meaning, conversion)


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
    name = f"{unit}{UREA}" if meaning.is_urea else unit
    found = units.conversion(VARIABLES[meaning.column], name)
    return None if found and meaning.is_moles_only and "mol" not in found.unit else found
