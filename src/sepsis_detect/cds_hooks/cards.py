"""CDS Hooks cards: the answer that a clinician reads beside the chart.

A negative prediction has no card, so that cards remain rare, unless values were left out: without
them it is less certain, and nothing else would tell. See docs/adr/0013.

Source: https://cds-hooks.hl7.org/2.0/ (2.0.1), "CDS Service Response".
"""

import re
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from sepsis_detect import __version__
from sepsis_detect.clinical.variables import Language
from sepsis_detect.fhir import systems
from sepsis_detect.fhir.assessment import FhirAssessment, named_reason, percent
from sepsis_detect.fhir.languages import sentence
from sepsis_detect.notice import NOTICES
from sepsis_detect.problems import Problem

MAX_LISTED = 5  # problems or warnings of one card
MAX_DROPPED_LISTED = 20
MARKDOWN = re.compile(r"([\\`*_\[\]<>#|])")

OVERRIDES = {
    "already-treated": ("Sepsis already recognised and treated", "Sepsis déjà reconnu et traité"),
    "other-cause": ("Explained by another condition", "Expliqué par une autre affection"),
    "bad-data": ("Input data are wrong", "Données d'entrée erronées"),
}
TOPIC = {"system": systems.TOPICS, "code": "sepsis", "display": "Sepsis"}


def risk_cards(
    assessment: FhirAssessment, language: Language, *, page: str
) -> list[dict[str, Any]]:
    """One card for a positive prediction, or for a negative one without values that were left out.

    Args:
        assessment: Of one patient.
        language: Language of the card.
        page: URL of the service's page.
    """
    if not assessment.is_positive:
        return [_negative_card(assessment, language, page=page)] if assessment.dropped else []
    is_french = language == "fr"
    risk = percent(assessment.probability, language)
    title = "Risque de sepsis dans les 6 h : " if is_french else "Sepsis risk, next 6 h: "
    indicator = "critical" if assessment.is_high or assessment.is_in_shock else "warning"
    card = _card(title + risk, indicator, "\n\n".join(_details(assessment, language)), page)
    card["overrideReasons"] = [
        {"system": systems.OVERRIDES, "code": code, "display": french if is_french else english}
        for code, (english, french) in OVERRIDES.items()
    ]
    card["extension"] = {
        systems.EXTENSION: {
            "probability": assessment.probability,
            "threshold": assessment.threshold,
            "model": {
                "name": assessment.model.metadata.name,
                "version": assessment.model.metadata.version,
            },
        }
    }
    label = "Ouvrir Sepsis Detect" if is_french else "Open Sepsis Detect"
    card["links"] = [{"label": label, "url": page, "type": "absolute"}]
    return [card]


def _negative_card(assessment: FhirAssessment, language: Language, *, page: str) -> dict[str, Any]:
    """The card for a negative prediction without the values that were left out."""
    summary = (
        "Risque de sepsis sous le seuil, mais calculé sans des données incohérentes ou illisibles"
        if language == "fr"
        else "Sepsis risk below the threshold, but without data that are incoherent or unreadable"
    )
    detail = f"{_left_out(assessment, language)}\n\n_{NOTICES[language]}_"
    return _card(summary, "info", detail, page)


def problem_card(problems: list[Problem], language: Language, *, page: str) -> dict[str, Any]:
    """The card for data from which nothing can be predicted."""
    is_french = language == "fr"
    summary = (
        "Risque de sepsis non calculé : données incohérentes ou illisibles"
        if is_french
        else "Sepsis risk not computed: the data are incoherent or cannot be read"
    )
    detail = f"{_bullets(problems, language)}\n\n_{NOTICES[language]}_"
    return _card(summary, "info", detail, page)


def _card(summary: str, indicator: str, detail: str, page: str) -> dict[str, Any]:
    return {
        "uuid": str(uuid4()),
        "summary": summary,
        "indicator": indicator,
        "detail": detail,
        "source": {"label": f"Sepsis Detect {__version__}", "url": page, "topic": TOPIC},
    }


def _details(assessment: FhirAssessment, language: Language) -> Iterable[str]:
    is_french = language == "fr"
    risk = percent(assessment.probability, language)
    threshold = percent(assessment.threshold, language)
    metadata = assessment.model.metadata
    yield (
        f"**Risque prédit : {risk}** (positif à partir de {threshold} ; "
        f"modèle {metadata.name} {metadata.version})"
        if is_french
        else f"**Predicted risk: {risk}** (positive from {threshold} on; "
        f"model {metadata.name} {metadata.version})"
    )
    if assessment.is_in_shock:
        yield (
            "Dernière heure : PAM < 65 mmHg ou lactate > 4 mmol/L."
            if is_french
            else "Last hour: MAP < 65 mmHg or lactate > 4 mmol/L."
        )
    raised = [each for each in assessment.reasons if each.effect > 0]
    if raised:
        title = "Ce qui augmente le risque :" if is_french else "What raises the risk:"
        yield "\n".join([title, "", *(f"- {named_reason(each, language)}" for each in raised)])
    if assessment.dropped:
        yield _left_out(assessment, language)
    if warnings := assessment.warnings[len(assessment.dropped) :]:
        title = "Qualité des données :" if is_french else "Data quality:"
        yield f"{title}\n\n{_bullets(warnings, language)}"
    yield f"_{NOTICES[language]}_"


def _left_out(assessment: FhirAssessment, language: Language) -> str:
    """The values that were left out, each with the reason."""
    title = "Valeurs écartées :" if language == "fr" else "Values left out:"
    return f"{title}\n\n{_bullets(assessment.dropped, language, MAX_DROPPED_LISTED)}"


def _bullets(problems: list[Problem], language: Language, most: int = MAX_LISTED) -> str:
    """The first problems as a Markdown list; words of the caller are escaped."""
    texts = [" ".join(sentence(each, language).split()) for each in problems[:most]]
    lines = ["- " + MARKDOWN.sub(r"\\\1", text) for text in texts]
    if n_more := len(problems) - len(lines):
        lines.append(f"- et {n_more} autres" if language == "fr" else f"- and {n_more} more")
    return "\n".join(lines)
