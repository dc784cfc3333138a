"""Content negotiation of the language: French if `Accept-Language` prefers it, else English."""

import re

from sepsis_detect.clinical.variables import Language
from sepsis_detect.problems import Problem

RANGE = re.compile(
    r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,40})?\s*(?:;\s*q\s*=\s*([0-9.]{1,6}))?\s*"
)
MAX_CHARACTERS = 500


def preferred(accept_language: str | None) -> Language:
    """Choose between English and French.

    Args:
        accept_language: The header, such as `fr-FR,fr;q=0.9,en;q=0.8`.
    """
    weights = {"en": 0.0, "fr": 0.0}
    for part in (accept_language or "")[:MAX_CHARACTERS].split(","):
        found = RANGE.fullmatch(part)
        if found and (language := found[1].lower()) in weights:
            weights[language] = max(weights[language], _weight(found[2]))
    return "fr" if weights["fr"] > weights["en"] else "en"


def _weight(text: str | None) -> float:
    try:
        return 1.0 if text is None else float(text)
    except ValueError:
        return 0.0


def sentence(problem: Problem, language: Language) -> str:
    """The sentence of a problem, with its hint; of a dropped value, that it is not used."""
    is_dropped = problem.type == "dropped"
    if language == "fr":
        said = f"{problem.msg_fr} {problem.hint_fr or ''}".strip()
        return f"Non utilisé : {said}" if is_dropped else said
    said = f"{problem.msg} {problem.hint or ''}".strip()
    return f"Not used: {said}" if is_dropped else said
