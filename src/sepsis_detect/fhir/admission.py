"""Admission to intensive care, and its end, from Encounters and their locations.

`locations` says which places are intensive care, `stays` which periods make one stay.
"""

from dataclasses import dataclass
from datetime import datetime

from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.location_history import LocationHistory
from sepsis_detect.fhir.references import References
from sepsis_detect.fhir.resource_reader import HOUR, Reader, Resource
from sepsis_detect.fhir.stays import IcuStay, of_periods

# Tuples, not sets: the value compared may be of any type.
ENCOUNTER_STATUS_IGNORED = ("cancelled", "entered-in-error", "planned")
# `finished` of R4; the others of R5.
ENCOUNTER_STATUS_ENDED = ("finished", "completed", "discharged", "discontinued")
CLASSES_OUTSIDE_HOSPITAL = ("AMB", "HH", "VR", "FLD", "PRENC")


@dataclass(frozen=True, slots=True)
class Admission:
    """An admission to intensive care; unknown parts are None or empty.

    Attributes:
        started_at: When intensive care began; `path` is its FHIRPath.
        ended_at: When it ended; `end_path` is its FHIRPath.
        hospital_at: When the hospital stay began; `hospital_path` is its FHIRPath.
        icu_unit: `medical` or `surgical`; `icu_unit_path` is its FHIRPath.
        encounter: The Encounter.
        is_icu: Whether a place is known as intensive care; else the times are the Encounter's.
    """

    started_at: datetime | None = None
    path: str = ""
    ended_at: datetime | None = None
    end_path: str = ""
    hospital_at: datetime | None = None
    hospital_path: str = ""
    icu_unit: str | None = None
    icu_unit_path: str = ""
    encounter: Entry | None = None
    is_icu: bool = False

    @property
    def hospital_hour(self) -> float | None:
        """Hours from ICU admission to hospital admission, usually negative."""
        if self.started_at is None or self.hospital_at is None:
            return None
        return (self.hospital_at - self.started_at) / HOUR


def find(
    encounters: list[Entry], last: datetime | None, references: References, reader: Reader
) -> Admission:
    """The admission to which the last measurement belongs.

    Args:
        encounters: Encounters of the patient.
        last: Time of the last measurement.
        references: Resolves Locations and parent Encounters.
        reader: Receives problems and notes.
    """
    present = [
        each for each in encounters if each.resource.get("status") not in ENCOUNTER_STATUS_IGNORED
    ]
    history = LocationHistory(references, reader)
    for encounter in present:
        history.read(encounter)
    stays = of_periods(history.icu, history.elsewhere)
    if stays:
        begun = [each for each in stays if last is None or each.started_at <= last]
        stay = begun[-1] if begun else stays[0]
        later = [each for each in present if _is_after(stay, each, last, history)]
        if later:
            found = _by_encounter(later, last, history, reader)
        else:
            found = _of_stay(stay, last, history, reader)
    elif history.undated is not None:
        place, of = history.undated
        _note_unknown(place.path, reader)
        unit = place.care.icu_unit
        return Admission(encounter=of, icu_unit=unit, icu_unit_path=place.path)
    else:
        found = _by_encounter(present, last, history, reader)
    _note_end(found, reader)
    return found


def _of_stay(
    stay: IcuStay, last: datetime | None, history: LocationHistory, reader: Reader
) -> Admission:
    periods = stay.at(last)
    chosen = periods[0]
    kind = next((each.place for each in periods if each.place.care.kinds), chosen.place)
    hospital_at, hospital_path = _hospital(chosen.encounter, history)
    ended = stay.last_ended
    if chosen.place.care.level == "shared":
        reader.note(
            "icu.shared_unit",
            chosen.place.path,
            "This unit has intensive care and a lower level of care: taken as intensive care.",
            "Cette unité a aussi un niveau de soins inférieur : prise pour de la réanimation.",
        )
    return Admission(
        started_at=stay.started_at,
        path=stay.periods[0].path,
        ended_at=None if ended is None else ended.ended_at,
        end_path="" if ended is None else ended.end_path,
        hospital_at=hospital_at,
        hospital_path=hospital_path,
        icu_unit=kind.care.icu_unit,
        icu_unit_path=kind.path,
        encounter=chosen.encounter,
        is_icu=True,
    )


def _is_after(
    stay: IcuStay, encounter: Entry, last: datetime | None, history: LocationHistory
) -> bool:
    """Whether an Encounter is a later hospital stay, to which the last measurement belongs."""
    if last is None or stay.ended_at is None or last <= stay.ended_at:
        return False
    is_other = history.outermost(encounter)[-1] is not stay.periods[-1].hospital_stay
    if not is_other or _is_outside_hospital(encounter.resource):
        return False
    started_at, _ = history.period(encounter.resource, encounter.path)
    return started_at is not None and stay.ended_at < started_at <= last


def _note_end(admitted: Admission, reader: Reader) -> None:
    """Note that intensive care, or the encounter, has ended."""
    encounter = admitted.encounter
    is_past = admitted.ended_at is not None and admitted.ended_at <= reader.now
    if is_past and admitted.is_icu:
        reader.note(
            "icu.ended",
            admitted.end_path,
            "The stay in intensive care has ended: the answer is for its last hours, not for now.",
            "Le séjour en réanimation est terminé : la réponse vaut pour ses dernières heures.",
        )
    elif encounter and (is_past or encounter.resource.get("status") in ENCOUNTER_STATUS_ENDED):
        reader.note(
            "encounter.ended",
            admitted.end_path if is_past else f"{encounter.path}.status",
            "This encounter has ended: the answer is for its last hours, not for now.",
            "Ce séjour est terminé : la réponse vaut pour ses dernières heures.",
        )


def _by_encounter(
    present: list[Entry], last: datetime | None, history: LocationHistory, reader: Reader
) -> Admission:
    """The times of an Encounter, where no place is known as intensive care."""
    inside = [each for each in present if not _is_outside_hospital(each.resource)]
    periods = [(each, *history.period(each.resource, each.path)) for each in inside]
    begun = [(start, end, each) for each, start, end in periods if start is not None]
    if not begun:
        only = inside[0] if inside else None
        _note_unknown(only.path if only else "Bundle", reader)
        return Admission(encounter=only)
    before = [each for each in begun if last is None or each[0] <= last]
    choose, among = (max, before) if before else (min, begun)
    started_at, ended_at, encounter = choose(among, key=lambda each: each[0])
    path = f"{encounter.path}.period"
    reader.note(
        "icu.start_assumed",
        f"{path}.start",
        "No location of this encounter is known as intensive care: its own start is used.",
        "Aucun lieu de ce séjour n'est reconnu comme réanimation : le début du séjour est utilisé.",
    )
    return Admission(started_at, f"{path}.start", ended_at, f"{path}.end", encounter=encounter)


def _note_unknown(path: str, reader: Reader) -> None:
    reader.note(
        "icu.start_unknown",
        path,
        "Admission to intensive care is not known: hours count from the first measurement.",
        "Admission en réanimation inconnue : heures comptées depuis la première mesure.",
    )


def _is_outside_hospital(encounter: Resource) -> bool:
    coding = encounter.get("class")
    return isinstance(coding, dict) and coding.get("code") in CLASSES_OUTSIDE_HOSPITAL


def _hospital(encounter: Entry, history: LocationHistory) -> tuple[datetime | None, str]:
    """Start of the outermost Encounter that this one is part of, with its FHIRPath."""
    found: tuple[datetime | None, str] = None, ""
    for each in history.outermost(encounter):
        started_at, _ = history.period(each.resource, each.path)
        if started_at is not None:
            found = started_at, f"{each.path}.period.start"
    return found
