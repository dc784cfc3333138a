"""Places of measurement that make the value of a known code another one.

A blood pressure is arterial and systemic. Senders also write the pressure of a pulmonary artery or
of a ventricle with the codes of blood pressure, and tell the place by a further coding, by
`bodySite`, `method` or `specimen`, by a name in words, or by the profile alone. Words are read in
English, French and German.

Source: profiles of pulsatile pressures of the German Medical Informatics Initiative (module
Intensivmedizin) and of ISiK, https://simplifier.net/isik-vitalparameter-v4
"""

import re
from functools import lru_cache
from typing import NamedTuple

from sepsis_detect.clinical.variables import BY_CHALLENGE, LABS, N_CLINICAL
from sepsis_detect.fhir.codes import LOINC, MDC, MEANINGS, PANELS, SNOMED, Meaning
from sepsis_detect.fhir.concepts import Coding


class Names(NamedTuple):
    """What a value is instead, in English and French."""

    en: str
    fr: str


def _columns(*challenges: str) -> frozenset[int]:
    return frozenset(BY_CHALLENGE[name].column for name in challenges)


PRESSURES = _columns("SBP", "MAP", "DBP")
ARTERIAL_GASES = _columns("PaCO2", "SaO2")
TEMPERATURE, RESPIRATION, PH = _columns("Temp"), _columns("Resp"), _columns("pH")
PULSE_OXIMETRY = _columns("O2Sat")
MEASURED = frozenset(range(N_CLINICAL)) - _columns("FiO2")  # oxygen is set, and counts
OF_BLOOD = frozenset(variable.column for variable in LABS) - _columns("FiO2")

PULMONARY = Names("a pressure of the pulmonary artery", "une pression de l'artère pulmonaire")
ATRIAL = Names("an atrial pressure", "une pression auriculaire")
VENTRICULAR = Names("a ventricular pressure", "une pression ventriculaire")
VENOUS = Names("a venous pressure", "une pression veineuse")
INTRACRANIAL = Names("an intracranial pressure", "une pression intracrânienne")
ABDOMINAL = Names("an intra-abdominal pressure", "une pression intra-abdominale")
AIRWAY = Names("an airway pressure", "une pression des voies aériennes")
AUGMENTED = Names(
    "a pressure augmented by a balloon pump", "une pression augmentée par contre-pulsion"
)
ELSEWHERE = Names("a pressure of another place", "une pression d'un autre lieu")
UNKNOWN_PLACE = Names(
    "a pressure of a place that its other code does not tell us",
    "une pression d'un lieu que son autre code ne nous dit pas",
)
SKIN = Names("not the temperature of the body's core", "autre que la température centrale")
NOT_ARTERIAL = Names("not of arterial blood", "autre que du sang artériel")
NOT_BLOOD = Names("not of blood", "autre que du sang")
FETAL = Names("of an unborn child or a cord", "celle d'un fœtus ou du cordon")
CIRCUIT = Names("of an extracorporeal circuit", "celle d'un circuit extracorporel")
OTHER_SATURATION = Names("a saturation of another place", "une saturation d'un autre lieu")
SETTING = Names("a ventilator setting", "un réglage du respirateur")
TARGET = Names(
    "a setting or a target, not a measurement", "un réglage ou une cible, non une mesure"
)

# Codes of pressures that are not systemic arterial, and of their sites.
_LOINC_PRESSURES = {
    PULMONARY: "76284-9 8440-0 8441-8 8442-6 8385-7 8414-5 8415-2 8416-0 8387-3 75994-4",
    ATRIAL: "60988-3 60989-1 75933-2 8399-8 60996-6 60998-2 60997-4 8400-4",
    VENTRICULAR: "8430-1 8375-8 8404-6 8432-7 8377-4 8406-1",
    VENOUS: "60985-9",
    INTRACRANIAL: "60956-0",
}
_SNOMED_PRESSURES = {
    PULMONARY: "250767002 250768007 250769004 250770003 118433006 81040000 78480002 50408007",
    ATRIAL: "276762004 276760007 276755008 276775004 82471001 73829009",
    VENTRICULAR: "276769008 276780008 276756009 87878005 53085002",
    VENOUS: "71420008 252076005 48345005 64131007 12123001 9454009 83419000",
    INTRACRANIAL: "250844005",
}
# MDC_PRESS_BLD_ART_PULM to MDC_PRESS_BLD_VENT_RIGHT, each with systolic, diastolic and mean.
_MDC_PRESSURES = {
    PULMONARY: range(150_044, 150_056),
    VENOUS: range(150_084, 150_088),
    ATRIAL: range(150_064, 150_072),
    VENTRICULAR: range(150_100, 150_108),
    INTRACRANIAL: range(153_608, 153_612),
}
OTHER_PRESSURES = {
    **{(LOINC, code): name for name, codes in _LOINC_PRESSURES.items() for code in codes.split()},
    **{(SNOMED, code): name for name, codes in _SNOMED_PRESSURES.items() for code in codes.split()},
    **{(MDC, str(code)): name for name, codes in _MDC_PRESSURES.items() for code in codes},
}

# Codes that leave a pressure systemic and arterial: the blood pressure, its parts, ways to measure.
_SNOMED_ARTERIAL = (
    "75367002 364090009 386534000 46973005 271649006 72313002 271650006 6797001 723232008 "
    "251070002 251071003 11527006"
)
_LOINC_ARTERIAL = (
    "35094-2 96607-7 96608-5 96609-3 8459-0 8460-8 8461-6 8453-3 8454-1 8455-8 76212-0"
)
ARTERIAL = frozenset(
    {
        *((LOINC, code) for code in (*MEANINGS, *PANELS, *_LOINC_ARTERIAL.split())),
        *((SNOMED, code) for code in _SNOMED_ARTERIAL.split()),
        *((MDC, str(code)) for code in range(150_016, 150_044)),  # MDC_PRESS_BLD to .._ART_FEMORAL
        *((MDC, str(code)) for code in range(150_300, 150_304)),  # MDC_PRESS_CUFF
    }
)
# Skin, joint, breast, spine, airway and heart muscle.
_SNOMED_TEMPERATURES = "39937001 39352004 250124002 248835004 364419004 364424001 364429006"
OTHER_TEMPERATURES = frozenset(
    {
        *((LOINC, code) for code in ("60955-2", "61009-7")),
        *((SNOMED, code) for code in _SNOMED_TEMPERATURES.split()),
    }
)
EXTRACORPOREAL = (SNOMED, "182744004")  # category of the German profiles

Words = tuple[re.Pattern[str], Names]


def _words(pattern: str, names: Names) -> Words:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL), names


PRESSURE_WORDS = (
    _words(
        r"\bpulm|wedge|capillar|swan-?\s?ganz|\bpap[sdmoi]?\b|\bpc?wp\b|\bpaop\b"
        r"|\bpa (systolic|diastolic|mean|pressures?|cath\w*)\b",  # not French "PA systolique"
        PULMONARY,
    ),
    _words(r"\batr(ial|ium)?\b|auricul|oreillette|vorhof|(links|rechts)atrial|\b[rl]ap\b", ATRIAL),
    _words(r"ventric(le|ul)|ventrikul|\b[rl]v(ed)?p\b|\bvent (left|right)\b", VENTRICULAR),
    _words(
        r"venous|veineu|ven(ö|oe)s|\bcvp\b|\bpvc\b|\bzvd\b|\bven[ae]?\b|cava\b|jugul"
        r"|\bcvc\b|\bkt ?c\b|\bvvc\b|\bzvk\b|\bvc[si]\b|central (line|catheter)"
        r"|cath[ée]ter central",
        VENOUS,
    ),
    _words(r"intra-?(cr|kr)an|\bicp\b|\bpic\b|hirndruck|cerebral|c[ée]r[ée]brale", INTRACRANIAL),
    _words(r"abdom|\biap\b|\bpia\b|bladder|vessie|harnblase", ABDOMINAL),
    _words(r"airway|voies a[ée]r|atemweg|beatmung|\bpeep\b|oesoph|œsoph|esophag", AIRWAY),
    _words(r"\baugment", AUGMENTED),
    _words(r"portal|hepat|compartment|\bloge\b|intra-?ocul|pleura|amnio", ELSEWHERE),
)
ARTERIAL_WORDS = re.compile(
    r"blood pressure|arterial pressure|systol|diastol|pression (art|sang)|blutdruck|\bNI?BP\b",
    re.IGNORECASE,
)
WORDS_OF_ALL = (
    _words(r"\bf(e|oe|œ|ö)t(al|us)|umbilic|ombilic|nabel(schnur|arterie)|cord blood", FETAL),
    _words(r"extra[ck]orp|\becmo\b|\bect\b|h(a|ä)?emofilt|h[ée]mofilt|dialys(at|eur)", CIRCUIT),
)
_CORE = r"^(?!.*(axill|aisselle|achsel))"  # an axillary temperature is read, its skin is named
TEMPERATURE_WORDS = _words(
    _CORE + r".*(\bskin|cutan|\bhaut|\bpeau|\btoe\b|orteil|extremit|extrémit|joint|gelenk|articul"
    r"|\b(foot|hand|finger)\b|\bpied\b|\bfu(ß|ss)\b|\bdoigt|humidif|anfeuchter|injectat"
    r"|myocard|myokard|airway|voies a[ée]r|atemweg|incubator|couveuse|ambian|ambient"
    r"|room temp|raumtemp|blanket|\bbrust\b"
    r"|breast|wirbels|spine)",
    SKIN,
)
_VENOUS = r"venous|veineu|ven(ö|oe)s|\bvbg\b"
GAS_WORDS = _words(rf"{_VENOUS}|capillar|kapillar|pulmon|s[cv]+o2|\bp(c?v|c)-?co2", NOT_ARTERIAL)
SATURATION_WORDS = _words(
    rf"{_VENOUS}|s[cv]+o2|\brso2|\bsto2|\bnirs\b|cerebral|c[ée]r[ée]bral|zerebral|regional"
    r"|r[ée]gionale|tissue|tissulaire|gewebe|somatic|somatique",
    OTHER_SATURATION,
)
VENOUS_WORDS = re.compile(_VENOUS, re.IGNORECASE)
SPECIMEN_WORDS = _words(
    r"\burin|\w{3,}uri[ae]\b|\bharn\b|liquor|(?<!g-)\bcsf\b|cerebrospinal|c[ée]phalo-?rachid|\blcr\b"
    r"|rachie\b|pleura|ascit|periton|p[ée]riton|drain|synov|sputum|gastri|\bstool|\bselles\b|\bstuhl"
    r"|lavage|bone marrow|knochenmark|moelle|amnio",
    NOT_BLOOD,
)
SETTING_WORDS = _words(r"\bsetting|\bset (rate|resp)|eingestellt|\br[ée]gl[ée]|consigne", SETTING)
TARGET_WORDS = _words(
    r"\bset ?-?point|\btarget\b|\bgoal\b|\balarm|sollwert|zielwert|consigne|\bcible\b|\bset rate"
    r"|pacemaker (set|rate)|pacing rate|schrittmacherfrequenz",
    TARGET,
)


WORDS_OF_SOME = (
    (TEMPERATURE, TEMPERATURE_WORDS),
    (RESPIRATION, SETTING_WORDS),
    (MEASURED, TARGET_WORDS),
    (PULSE_OXIMETRY, SATURATION_WORDS),
    (ARTERIAL_GASES, GAS_WORDS),
    (OF_BLOOD, SPECIMEN_WORDS),
)


@lru_cache(maxsize=4_096)
def other_measurement(meaning: Meaning, codings: tuple[Coding, ...], words: str) -> Names | None:
    """What a value is, if its place makes it no value of the variable of its code.

    Args:
        meaning: Of the code.
        codings: All codings of code, panel, category, site, method and specimen.
        words: Their displays and texts, and the names of profiles.
    """
    return _by_words(meaning, words) or _by_codings(meaning, codings)


def _by_words(meaning: Meaning, words: str) -> Names | None:
    patterns = [*WORDS_OF_ALL, *(PRESSURE_WORDS if meaning.column in PRESSURES else ())]
    patterns += [one for columns, one in WORDS_OF_SOME if meaning.column in columns]
    return next((names for pattern, names in patterns if pattern.search(words)), None)


def _by_codings(meaning: Meaning, codings: tuple[Coding, ...]) -> Names | None:
    for each in codings:
        key = (each.system, each.code)
        if key == EXTRACORPOREAL:
            return CIRCUIT
        if meaning.column in TEMPERATURE and key in OTHER_TEMPERATURES:
            return SKIN
        if meaning.column in PRESSURES and (names := _by_pressure_code(each, key)):
            return names
    return None


def _by_pressure_code(coding: Coding, key: tuple[str, str]) -> Names | None:
    """Another pressure; a further code that is not known could name any place."""
    if key in OTHER_PRESSURES:
        return OTHER_PRESSURES[key]
    is_known = key in ARTERIAL or bool(ARTERIAL_WORDS.search(coding.display))
    is_open = coding.is_code and coding.system in (LOINC, SNOMED, MDC) and not is_known
    return UNKNOWN_PLACE if is_open else None


def is_venous_ph(meaning: Meaning, words: str) -> bool:
    """Whether a pH is of venous blood, by the words of its code, site or specimen."""
    return meaning.column in PH and bool(VENOUS_WORDS.search(words))
