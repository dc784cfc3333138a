"""Limits of the model that bind for one answer: too little data, and a stay that is too long.

They are warnings beside the answer, with the figures of the report (`docs/model/report.md`) in
words: what a reader of this answer has to know.
"""

from functools import lru_cache

from sepsis_detect.assessment.policy import Patient
from sepsis_detect.clinical.variables import VARIABLES
from sepsis_detect.prediction.data_sufficiency import DataSufficiency, Level
from sepsis_detect.problems import Location, Problem

LATE_HOUR = 48  # of icu_hour: judged in few stays of other hospitals


def warnings_of(patient: Patient, sufficiency: DataSufficiency, icu_hour: float) -> list[Problem]:
    """The limits that bind.

    Args:
        patient: Whose answer it is.
        sufficiency: Of the last hour.
        icu_hour: The last hour; NaN where the request did not say.
    """
    found = []
    if sufficiency.level is Level.INSUFFICIENT:
        found.append(_insufficient(sufficiency.missing, patient.base))
    if icu_hour > LATE_HOUR:
        found.append(_late(int(icu_hour), patient.base))
    return found


@lru_cache(maxsize=256)
def _insufficient(missing: tuple[str, ...], base: Location) -> Problem:
    variables = {variable.name: variable for variable in VARIABLES}
    absent = [variables[name] for name in missing]
    return Problem(
        type="warning",
        rule="data.insufficient",
        loc=base,
        msg="Too little was measured in the last 36 hours: Negative does not mean low risk here. "
        "In such hours the model recognises hardly any sepsis.",
        msg_fr="Trop peu de mesures depuis 36 heures : « Negative » ne signifie pas ici un risque "
        "faible. Dans ce cas, le modèle ne reconnaît presque aucun sepsis.",
        ctx={"level": Level.INSUFFICIENT, "missing": list(missing)},
        hint=f"Most useful: {', '.join(each.label_en for each in absent)}.",
        hint_fr=f"Le plus utile : {', '.join(each.label_fr for each in absent)}.",
    )


@lru_cache(maxsize=1024)
def _late(icu_hour: int, base: Location) -> Problem:
    return Problem(
        type="warning",
        rule="stay.late",
        loc=base,
        msg=f"ICU hour {icu_hour}: after hour {LATE_HOUR} nearly all alerts are false. The model "
        "is judged on the first 36 hours; in other hospitals it predicted too much sepsis later.",
        msg_fr=f"Heure de réanimation {icu_hour} : après l'heure {LATE_HOUR}, presque toutes les "
        "alertes sont fausses. Le modèle est jugé sur les 36 premières heures ; dans d'autres "
        "hôpitaux, il prédisait ensuite trop de sepsis.",
        ctx={"icu_hour": icu_hour, "after": LATE_HOUR},
    )
