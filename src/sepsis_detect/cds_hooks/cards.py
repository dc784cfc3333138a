"""CDS Hooks cards: the answer that a clinician reads beside the chart.

A negative prediction has no card, so that cards remain rare, unless it says less than it seems to:
values were left out, too little was measured, or a value is implausible. See docs/adr/0013.

Source: https://cds-hooks.hl7.org/2.0/ (2.0.1), "CDS Service Response".
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from sepsis_detect import __version__
from sepsis_detect.clinical.variables import Language
from sepsis_detect.fhir import systems
from sepsis_detect.fhir.assessment import FhirAssessment, named_reason, percent
from sepsis_detect.fhir.languages import sentence
from sepsis_detect.notice import NOTICES
from sepsis_detect.prediction.data_sufficiency import Level
from sepsis_detect.prediction.model import ModelMetadata
from sepsis_detect.problems import Problem

MAX_LISTED = 5  # problems or warnings of one card
MAX_DROPPED_LISTED = 20
MARKDOWN = re.compile(r"([\\`*_\[\]<>#|])")
ESCAPED = r"\\\1"

OVERRIDES = {
    "already-treated": ("Sepsis already recognised and treated", "Sepsis déjà reconnu et traité"),
    "other-cause": ("Explained by another condition", "Expliqué par une autre affection"),
    "bad-data": ("Input data are wrong", "Données d'entrée erronées"),
}
TOPIC = {"system": systems.TOPICS, "code": "sepsis", "display": "Sepsis"}


def risk_cards(
    assessment: FhirAssessment, language: Language, *, page: str
) -> list[dict[str, Any]]:
    """One card for a positive prediction, or for a negative one that says less than it seems to.

    Args:
        assessment: Of one patient.
        language: Language of the card.
        page: URL of the service's page.
    """
    if not assessment.is_positive:
        return _negative_cards(assessment, language, page=page)
    is_french = language == "fr"
    risk = percent(assessment.probability, language)
    title = (
        f"Risque de sepsis (débute dans les 6 h ou a débuté) : {risk}"
        if is_french
        else f"Sepsis risk (begins within 6 h or has begun): {risk}"
    )
    indicator = "critical" if assessment.is_far_above or assessment.is_in_shock else "warning"
    card = _card(title, indicator, "\n\n".join(_details(assessment, language)), page)
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


INSUFFICIENT = {
    "en": "Sepsis risk: too little was measured to say, which is not an all-clear",
    "fr": "Risque de sepsis : trop peu de mesures pour conclure, ce n'est pas rassurant",
}
STALE = {
    "en": "Sepsis risk: no vital sign of the last 24 hours, which is not an all-clear",
    "fr": "Risque de sepsis : aucun signe vital depuis 24 heures, ce n'est pas rassurant",
}
LEFT_OUT = {
    "en": "Sepsis risk below the threshold, but without data that are incoherent or unreadable",
    "fr": "Risque de sepsis sous le seuil, mais sans des données incohérentes ou illisibles",
}
IMPLAUSIBLE = {
    "en": "Sepsis risk below the threshold, but with an implausible value: is it right?",
    "fr": "Risque de sepsis sous le seuil, mais avec une valeur peu plausible : est-elle juste ?",
}


def _negative_cards(
    assessment: FhirAssessment, language: Language, *, page: str
) -> list[dict[str, Any]]:
    """The card for a negative prediction that says less than it seems to, if it does."""
    if assessment.sufficiency.level is Level.INSUFFICIENT:
        summary = INSUFFICIENT
    elif assessment.is_stale:
        summary = STALE
    elif assessment.dropped:
        summary = LEFT_OUT
    elif assessment.implausible:
        summary = IMPLAUSIBLE
    else:
        return []
    parts = [*_when(assessment, language), *_doubts(assessment, language)]
    detail = "\n\n".join([*parts, f"_{NOTICES[language]}_"])
    return [_card(summary[language], "info", detail, page)]


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
    yield from _when(assessment, language)
    if assessment.is_in_shock:
        yield (
            "PAM < 65 mmHg (4 dernières heures) ou lactate > 4 mmol/L (24 dernières heures)."
            if is_french
            else "MAP < 65 mmHg (last 4 hours) or lactate > 4 mmol/L (last 24 hours)."
        )
    yield _share_of_true_alerts(metadata, language)
    raised = [each for each in assessment.reasons if each.effect > 0]
    if raised:
        title = (
            "Associé à un risque plus élevé :" if is_french else "Associated with a higher risk:"
        )
        yield "\n".join([title, "", *(f"- {named_reason(each, language)}" for each in raised)])
    yield from _doubts(assessment, language)
    yield f"_{NOTICES[language]}_"


def _share_of_true_alerts(metadata: ModelMetadata, language: Language) -> str:
    """How many such alerts are true; the first operating point is the served one."""
    points = metadata.operating_points
    ppv = points[0].ppv if points else None
    if ppv is None:
        return (
            "Part d'alertes justes de ce modèle : inconnue."
            if language == "fr"
            else "Alerts of this model that are true: not known."
        )
    true = percent(ppv, language)
    return (
        f"Alertes justes : {true}, chez les patients qui ont servi à juger le modèle."
        if language == "fr"
        else f"Alerts that are true: {true}, in the patients by whom the model was judged."
    )


def _when(assessment: FhirAssessment, language: Language) -> Iterable[str]:
    """The time for which the answer is: that of the last measurement used."""
    if (last := assessment.patient.last) is not None:
        time = last.isoformat(" ", "minutes")
        yield (
            f"État à la dernière mesure utilisée : {time}."
            if language == "fr"
            else f"As of the last measurement used: {time}."
        )


def _doubts(assessment: FhirAssessment, language: Language) -> Iterable[str]:
    """The values that were left out, each with the reason, and all other warnings."""
    is_french = language == "fr"
    if dropped := assessment.dropped:
        title = "Valeurs écartées :" if is_french else "Values left out:"
        yield f"{title}\n\n{_bullets(dropped, language, MAX_DROPPED_LISTED)}"
    if warnings := assessment.warnings[len(dropped) :]:
        title = "Qualité des données :" if is_french else "Data quality:"
        yield f"{title}\n\n{_bullets(warnings, language)}"


def _bullets(problems: list[Problem], language: Language, most: int = MAX_LISTED) -> str:
    """The first problems as a Markdown list, equal ones once; words of the caller are escaped."""
    counts = Counter(" ".join(sentence(each, language).split()) for each in problems)
    times = "fois" if language == "fr" else "times"
    lines = [
        f"- {MARKDOWN.sub(ESCAPED, text)}" + (f" ({count} {times})" if count > 1 else "")
        for text, count in list(counts.items())[:most]
    ]
    if n_more := len(counts) - len(lines):
        lines.append(f"- et {n_more} autres" if language == "fr" else f"- and {n_more} more")
    return "\n".join(lines)
