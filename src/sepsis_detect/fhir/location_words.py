"""What the name of a place says: the level of care, and the kind of an intensive care unit.

Names are read in English, French and German, by whole words. A name counts as intensive care only
if nothing in it says otherwise: "post-ICU", "step-down" and "soins continus" are lower levels of
care. The hospital's own name is left out: a "Medical Center" does not make a unit medical.
"""

import re
import unicodedata
from typing import Literal, NamedTuple

Level = Literal["icu", "shared", "lower", "other", ""]
MAX_NAME_LENGTH = 200

# --- Words, without accents and in lower case ---

_ICU = (
    # acronyms: ICU with its prefixes, coronary care, French units
    r"(?!(?:post|non|pre|sub|ex|step)icu)[a-z]{0,8}icus?|i?ccu|nccu|csru|itu"
    r"|usi(?:c|p|pd|nv|r|h)?|mir|rea(?:nim|chir|med|poly|neuro|cardio)?"
    # English
    r"|(?:intensive|critical|coronary) care|intensive (?:cardiac care|therapy|treatment)"
    r"|cardiac (?:care|surgery recovery) unit"
    r"|burns? (?:care |intensive care )?(?:unit|cent(?:er|re))"
    # French
    r"|reanimation|soins? intensifs?|soins? critiques?|medecine intensive"
    r"|(?:centre|unite|service)(?: de traitement)? des (?:grands )?brules|grands brules"
    # German
    r"|\w*intensiv(?:(?:therapie|pflege)?station(?:a?er|ar)?|medizin\w*|therapie|pflege|einheit|bereich|behandlung|bett"
    r"|zimmer)?(?:en)?"
)
ICU = re.compile(rf"\b(?:{_ICU})\b")
NEGATED_ICU = re.compile(
    r"\b(?:post|non|not|no|ex|pre|sub|former|formerly|after|from|outside|near|next to|awaiting"
    r"|without|waiting for|pending|hors|sans|aucune?|pas|apres|avant|sortie|sortant|attente|aval"
    r"|suites?|fin|nach|vor|ohne|nicht|keine?|ausserhalb)"
    rf"\W*(?:(?:the|an?|la|le|les|l|de|du|d|der|die)\W+){{0,2}}(?:{_ICU})\b"
    rf"|\b(?:{_ICU})\W+(?:\w+\W+)?clinic\b"
)
# The name of a specialty: its patients lie everywhere.
SPECIALTY = re.compile(
    r"\ban(?:a?e|a)sth\w*(?:\W+(?:et|and|und))?\W+(?:de )?"
    r"(?:reanimation|intensivmedizin|critical care|intensive care)\b(?: medicine)?"
)
LOWER = re.compile(
    r"\b(?:step\W?down|intermedia\w*|im(?:c|cu|u)|pcu|hdu|progressive care|high\W?dependency"
    r"|tele|telemetry|pacu|post\W?an(?:ae|e)sth\w*|recovery (?:room|unit|area|ward)|outreach"
    r"|outpatients?|ambulatory|follow\W?up|waiting|board(?:er|ing)s?|mobile|visitors?|lounge|rehab\w*"
    r"|soins continus|surveillance continue|usc|sspi|reveil|consultations?|externes?|ambulatoires?"
    r"|hopital de jour|hdj|reeducation|readaptation|soins de suite"
    r"|aufwachraum|wachstation|\w*uberwachung\w*|ambulan\w*|normalstation\w*|tagesklinik"
    r"|ausserklinisch\w*|postintensiv\w*)\b"
)
WARD = re.compile(
    r"\b(?:\w*ward|floor|(?!radio)\w*(?:logy|logie)|geriatrics|orthop\w*|oncolog\w*|medicine"
    r"|chirurgie|chirurgische|medecine|hospitalisation|normalstation|bettenstation|home|domicile)\b"
)
PROCEDURE = re.compile(
    r"\b(?:operating|theat(?:re|er)s?|or|bloc|op|\w*radiolog\w*|imag\w+|scanner|irm|mri|ct"
    r"|cath|cathlab|catheter\w*|coronarograph\w*|angiograph\w*|endoscop\w*|interventional"
    r"|recovery|pacu|sspi|reveil|aufwachraum|dialys\w*|echo\w*|x\W?ray|rontgen)\b"
)
NOT_ADULT = re.compile(
    r"\b(?:p(?:c|ed|edn)?icu|nicu|scbu|nursery|neonat\w*|newborns?|nouveau\W?nes?|p(?:a?e|a)diatr\w*"
    r"|kinder\w*|child\w*|enfants?|infants?|infantile|nourrissons?|bab(?:y|ies)|premature\w*|perinat\w*"
    r"|neugeborene\w*|fruhgeborene\w*|fruhchen\w*|sauglings?\w*|psychiatr\w*)\b"
)
ADULT = re.compile(r"\b(?:adult\w*|erwachsen\w*)\b")

_MEDICAL = (
    r"micus?|reamed|medical|medicales?|medicaux|medico|med|internal medicine|medecine interne"
    r"|(?:care unit|icu)\W+medicine|konservative[nrs]?"
    r"|innere[rn]? medizin|internist\w*|medizinisch\w*"
)
_SURGICAL = (
    r"(?:(?:c|ct|cv|t)?sicu|cticu|sticu|csru)s?|\w*surgical|\w*surgery|surg"
    r"|\w*chirurg\w*|(?:rea)?chir|operative[nrs]?"
)
_MIXED = r"msicus?|ccus?|coronar\w*|mixed|mixte|interdisziplin\w*|multidisciplin\w*"
KINDS = {
    "medical": re.compile(rf"\b(?:{_MEDICAL})\b"),
    "surgical": re.compile(rf"\b(?:{_SURGICAL})\b"),
    "mixed": re.compile(rf"\b(?:{_MIXED})\b"),
}
NEGATED_KIND = re.compile(rf"\b(?:non|not|nicht|sans|hors|without)\W*(?:{_MEDICAL}|{_SURGICAL})\b")

_ADJECTIVE = (
    r"(?:medico|medical|medicale|medizinische\w?|surgical|chirurgicale?|chirurgische\w?|clinical)"
)
_FACILITY = (
    r"(?:hospitals?|cent(?:er|re)s?|clinics?|clinique|polyclinique|hopital|hopitaux|ch|chr|chu|chru"
    r"|chi|ghu?|ght|hcl|ap\W?hp|institut[eo]?|\w*klinik|kliniken|\w*klinikum|\w*krankenhaus|spital"
    r"|universit\w*|hochschule|fakultat|faculty|faculte|school|college|campus|city|park|\w*zentrum|foundation|fondation|trust|nhs|health|infirmary|pavil\w+"
    r"|tower|building|batiment|wing|plaza|pole|dmu|groupe?|complexe?|etablissement)"
)
FACILITY = re.compile(rf"\b{_FACILITY}\b")
_LINK = (
    r"(?:\W+(?:and|et|und|regional|university|teaching|specialty|general|care|hospitalier"
    rf"|universitaire|prive|public|{_ADJECTIVE}))*"
)
FACILITY_NAME = re.compile(
    rf"\b{_ADJECTIVE}{_LINK}\W+{_FACILITY}\b"
    rf"|\b(?:clinique|polyclinique|hopital|centre|chu|chru|chr|ch|institut|groupe|etablissement)"
    rf"{_LINK}\W+{_ADJECTIVE}\b"
)

SEPARATOR = re.compile(r"\s-|-\s|[,;:|()\[\]{}^~>\\\n]")
CONJUNCTION = re.compile(r"\s*[/&+]\s*|\b(?:et|and|und)\b")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z](?:[A-Z]|[a-z]))")
_DOTTED = re.compile(r"\b([a-z])\.(?=[a-z]\b)")
_LETTER_AND_DIGIT = re.compile(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])")
_SPACED_PREFIX = re.compile(r"\b(post|non|pre|ex|sub|step|hors)\s*-\s*")


class Care(NamedTuple):
    """What names or codes say of a place.

    Attributes:
        level: `icu`: intensive care of adults; `shared`: with a lower level of care in one unit;
            `lower`: expressly none; `other`: paediatric, neonatal or psychiatric; empty: unknown.
        kinds: Those of `medical`, `surgical`, `mixed` that are named.
    """

    level: Level = ""
    kinds: frozenset[str] = frozenset()

    @property
    def is_icu(self) -> bool:
        """Whether it is intensive care of adults."""
        return self.level in ("icu", "shared")

    @property
    def icu_unit(self) -> str | None:
        """`medical` or `surgical`; None if neither is certain."""
        return next(iter(self.kinds)) if self.kinds in ({"medical"}, {"surgical"}) else None


def read(name: str) -> Care:
    """What one name says, such as "Surgical ICU, St Anne Medical Center"."""
    segments = [each for each in SEPARATOR.split(_plain(name)) if each.strip()]
    kept = [each for each in segments if ICU.search(each) or not FACILITY.search(each)]
    text = SPECIALTY.sub(" ", FACILITY_NAME.sub(" ", " - ".join(kept)))
    named = NEGATED_KIND.sub(" ", text)
    kinds = frozenset(kind for kind, words in KINDS.items() if words.search(named))
    return Care(_level(text), kinds)


def is_ward(name: str) -> bool:
    """Whether a name says that the place is an ordinary ward, or the patient's home."""
    return bool(WARD.search(_plain(name))) and not is_procedure_room(name)


def is_procedure_room(name: str) -> bool:
    """Whether a patient goes there for some hours: theatre, recovery, imaging, endoscopy ..."""
    return bool(PROCEDURE.search(_plain(name)))


def _plain(name: str) -> str:
    """Lower case without accents; letters, digits and words in capitals apart."""
    text = _CAMEL.sub(" ", name[:MAX_NAME_LENGTH])
    text = re.sub(r"\bITS\b", "Intensivstation", text)  # German; `its` is an English word
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(each for each in decomposed if not unicodedata.combining(each))
    text = re.sub(r"[\u2010\u2011]", "-", text)
    text = re.sub(r"[\u2012-\u2015\u2212]", " - ", text)
    text = _LETTER_AND_DIGIT.sub(" ", _DOTTED.sub(r"\1", text))
    text = re.sub(r"[_'\u2019]", " ", text)
    text = re.sub(r"(?<=\w)-(?=care\b)|(?<=\bcare)-(?=\w)", " ", text)  # Intensive-Care-Unit
    text = re.sub(r"[^\S\n]+", " ", text)
    return _SPACED_PREFIX.sub(r"\1 ", text)


def _level(text: str) -> Level:
    rest = NEGATED_ICU.sub(" ", text)
    parts = CONJUNCTION.split(rest)
    is_lower = [bool(LOWER.search(ICU.sub(" ", part))) for part in parts]
    is_icu = [bool(ICU.search(part)) for part in parts]
    if not any(is_icu):
        return "lower" if rest != text or any(is_lower) else ""
    if all(lower for icu, lower in zip(is_icu, is_lower, strict=True) if icu):
        return "lower"
    if _is_not_adult(rest):
        return "other"
    return "shared" if any(is_lower) else "icu"


def _is_not_adult(text: str) -> bool:
    if "neuro" in text:  # an NICU may be neonatal or neurological
        text = re.sub(r"\bnicu\b", " ", text)
    return bool(NOT_ADULT.search(text)) and not ADULT.search(text)
