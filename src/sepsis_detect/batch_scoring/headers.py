"""What the header of a column means: a variable, its unit, an identifier, or nothing we read.

Letter case, spaces, underscores and accents do not matter: `Heart_Rate` and `heart rate` are one.
A variable has its canonical name, the challenge's, and its labels in English and French. A unit
may follow: `lactate (mmol/L)`, `temperature [degF]`, `creatinine_umol/L`.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from sepsis_detect.clinical.table_words import TABLE_WORDS
from sepsis_detect.clinical.units import Conversion, accepted, conversion
from sepsis_detect.clinical.variables import (
    ICU_HOUR,
    MEDICAL_UNIT,
    SEX,
    SURGICAL_UNIT,
    VARIABLES,
    Variable,
)

ICU_UNIT = "icu_unit"
WITHOUT_UNIT = (SEX, MEDICAL_UNIT, SURGICAL_UNIT)

# Names of MIMIC, eICU, AmsterdamUMCdb, SICdb, OMOP, CLIF, Epic, French and German hospital systems.
ICU_STAY_IDS = (
    *("stay_id", "icustay_id", "icu_stay_id", "icu_id", "patientunitstayid", "visit_detail_id"),
    *("admissionid", "caseid", "icu_admission_id", "stay", "stay_no", "stay_number"),
)
HOSPITAL_STAY_IDS = (
    *("hadm_id", "hospitalization_id", "patienthealthsystemstayid", "encounter_id", "encounter"),
    *("visit_occurrence_id", "visit_id", "csn", "pat_enc_csn_id", "episode_id", "episode"),
    *("encounter_number", "visit_number", "case_number", "encntr_id"),
    *("iep", "nda", "sejour_id", "id_sejour", "numero_sejour", "sejour", "no_sejour", "n°_sejour"),
    *("num_sejour", "numero_de_sejour", "fallnummer", "falnr", "fall_nr", "fall_id"),
)
PATIENT_IDS = (
    *("subject_id", "subject", "person_id", "patient_id", "patient", "pat_id", "id_patient"),
    *("patient_number", "patient_no", "uniquepid", "pid", "mrn", "ipp", "nip", "patnr", "ptid"),
    *("patientennummer", "patienten_id", "dossier", "no_dossier", "n°_dossier"),
)
STAY_IDS = (*ICU_STAY_IDS, *HOSPITAL_STAY_IDS, *PATIENT_IDS)
"""Names of identifiers, the finest first."""

_BETWEEN_WORDS = re.compile(r"[\s_.'’\"-]+")
_OPENING = re.compile(r"[(\[]")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that number something, and what identifies a patient or a stay.
_MARKS = _words("id uid uuid guid nr no n num nbr number nummer numero hash key")
_IDENTIFIED = _words(
    "case patient patienten pat pt pts stay subject person participant visit admission "
    "encounter episode fall behandlungsfall sejour dossier aufenthalt aufnahme aufnahmenummer "
    "mrn csn ipp nip iep nda ssn nhs pseudonym"
)
_NAMED = _words(
    "bed lit bett room chambre zimmer name nom prenom vorname nachname file filename fichier "
    "datei source"
)
_BESIDE = _words("de du d des la le l of the icu unit hospital reference hashed full")
_GLUED_ID = re.compile(
    r"(no|num|numero|nr)?(patient|pat|pt|stay|case|subject|person|visit|encounter|admission|episode"
    r"|record|bed|sejour|dossier)(id|nr|no|num)"
    r"|(no|num|numero|nr)(patient|visite?|sejour|dossier|lit)"
)
_ROW_WORDS = re.compile(
    r"row|line|seq|obs|event|measure|time|hour|date|index|zeile|ligne|day|length|since|los"
    r"|sample|specimen|order|device|user|nurse|staff|caregiver|provider|lab\b"
)
_WORD = re.compile(r"[^\W_]{2,}")
MIN_LIKENESS = 0.75  # of a name that is proposed, from 0 to 1
MIN_TYPED = 6  # letters of a header that may be mistyped
ID_LIKENESS = 0.85  # of a name that is taken for one of an identifier
MIN_PART = 4  # letters of a header that are a part of a name


class HeaderError(ValueError):
    """A header names a variable with a unit that is not accepted; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """The meaning of a header; at most one attribute is set, beside the unit of a variable.

    Attributes:
        variable: The variable of the column.
        conversion: From the header's unit to the canonical one; None: the header has no unit.
        id_rank: Position among `STAY_IDS`, 0 the finest.
        is_icu_unit: Whether the column has the words `medical` and `surgical`.
    """

    variable: Variable | None = None
    conversion: Conversion | None = None
    id_rank: int | None = None
    is_icu_unit: bool = False


NOTHING = Meaning()


def compact(text: str) -> str:
    """A name without case, accents and what separates words; signs such as % remain."""
    plain = unicodedata.normalize("NFKD", _BETWEEN_WORDS.sub("", text).lower())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _names(variable: Variable) -> Iterable[str]:
    labels = [variable.label_en, variable.label_fr]
    without_signs = [re.sub(r"[^\w\s]", "", label) for label in labels]
    names = [variable.challenge, *labels, *without_signs]
    return names if variable.name == ICU_UNIT else [variable.name, *names]


_VARIABLES = {compact(name): variable for variable in VARIABLES for name in _names(variable)}
_ID_RANKS = {compact(name): rank for rank, name in enumerate(STAY_IDS)}
# The names that a sentence proposes, by what a header may resemble.
_PROPOSED = {
    **{compact(name): name for name in STAY_IDS},
    **{name: variable.name for name, variable in _VARIABLES.items()},
    compact(ICU_UNIT): ICU_UNIT,
}
_TIMES = {
    compact(word)
    for each in TABLE_WORDS
    if each.kind == "role" and each.meanings == ("time",)
    for word in each.words
}


def id_rank(header: str) -> int | None:
    """Position of a header among `STAY_IDS`, 0 the finest; None: it is no known identifier."""
    return _ID_RANKS.get(compact(header))


@lru_cache(maxsize=4096)
def meaning(header: str) -> Meaning:
    """The meaning of a header.

    Raises:
        HeaderError: The unit in brackets is not accepted for the variable.
    """
    name = compact(header)
    if name == compact(ICU_UNIT):
        return Meaning(is_icu_unit=True)
    if (rank := id_rank(header)) is not None:
        return Meaning(id_rank=rank)
    if name in _VARIABLES:
        return Meaning(_VARIABLES[name])
    return _with_unit_in_brackets(header) or _with_unit_behind(header) or NOTHING


def _with_unit_in_brackets(header: str) -> Meaning | None:
    refused: HeaderError | None = None
    for name, unit in in_brackets(header):
        variable = _VARIABLES.get(compact(name))
        if variable is None:
            continue
        if variable.column in WITHOUT_UNIT:  # sex (0/1)
            return Meaning(variable)
        if chosen := conversion(variable, unit) or conversion(variable, f"[{unit}]"):
            return Meaning(variable, chosen)
        refused = wrong_unit(variable, unit)
    if refused:
        raise refused
    return None


def wrong_unit(variable: Variable, unit: str) -> HeaderError:
    """The error for a unit in a header that the variable does not accept."""
    units = ", ".join(accepted(variable))
    return HeaderError(f"'{unit}' is not a unit of {variable.name}: its units are {units}")


def in_brackets(header: str) -> Iterable[tuple[str, str]]:
    """What stands before and in brackets at the end, the longest name first."""
    header = header.strip()
    if header.endswith((")", "]")):
        for opening in reversed(list(_OPENING.finditer(header))):
            yield header[: opening.start()], header[opening.end() : -1]


def _with_unit_behind(header: str) -> Meaning | None:
    """`lactate mmol/L`, `creatinine_umol_L`; not `spo2_1`, which is a second column of its kind."""
    for name, unit in in_two_parts(header):
        variable = _VARIABLES.get(compact(name))
        if variable is None or variable.column in WITHOUT_UNIT:
            continue
        if chosen := conversion(variable, unit):
            return Meaning(variable, chosen)
    return None


def in_two_parts(header: str) -> Iterable[tuple[str, str]]:
    """A header divided at each sign that may stand before a unit; a number is no unit."""
    for end in re.finditer(r"[\s_,;:-]+|(?=[%°])", header):
        name, unit = header[: end.start()], header[end.end() :].strip()
        if not unit.isdigit():
            yield name, unit
            yield name, unit.replace("_", "/")


@lru_cache(maxsize=4096)
def nearest(header: str) -> str | None:
    """The name that a header we do not read resembles most; None if it resembles none."""
    name = compact(_OPENING.split(header)[0])
    if name in _TIMES:
        return VARIABLES[ICU_HOUR].name
    words = [compact(word) for word in _WORD.findall(header)]
    found = get_close_matches(name, _PROPOSED, n=1, cutoff=MIN_LIKENESS) or [
        *sorted((each for each in _PROPOSED if len(name) >= MIN_PART and name in each), key=len),
        *(word for word in [compact(header.rpartition("_")[0]), *words] if word in _PROPOSED),
    ]
    return _PROPOSED[found[0]] if found else None


def is_like_an_id(header: str) -> bool:
    """Whether the name of a column we do not read suggests that it names patients or stays."""
    words = _words_of(header)
    if not words or words == ["pt"] or _ROW_WORDS.search(" ".join(words)):  # prothrombin time
        return False
    if words[-1] in _MARKS - {"n"} or words[-1] in _IDENTIFIED or "#" in header.strip()[1:]:
        return True
    if any(_GLUED_ID.fullmatch(word) for word in (words[-1], "".join(words))):
        return True
    known = _MARKS | _IDENTIFIED | _NAMED
    is_told = not _MARKS.issuperset(words) and not known.isdisjoint(words)
    if is_told and (known | _BESIDE).issuperset(words):
        return True
    whole = "".join(words)
    return len(whole) >= MIN_TYPED and bool(get_close_matches(whole, _ID_RANKS, 1, ID_LIKENESS))


def _words_of(header: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header).lower()
    plain = unicodedata.normalize("NFKD", spaced)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.findall(r"[a-z]+", plain)
