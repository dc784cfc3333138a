"""The assessment pipeline: scan for incoherence, judge by the policy, predict.

REST, FHIR, CDS Hooks and files all call `assess`. Several patients cost little more than one: each
step is vectorised over all of them. A patient's result is the same to the bit alone and among
others, and one that is refused does not affect the others.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sepsis_detect.assessment import limits, policy, wording
from sepsis_detect.assessment.policy import Judgement, OnIncoherence, Patient
from sepsis_detect.clinical import coherence
from sepsis_detect.clinical.stay import BoolArray, Float32Array, FloatArray, IntArray, Stay
from sepsis_detect.prediction import predictor
from sepsis_detect.prediction.data_sufficiency import DataSufficiency, data_sufficiencies
from sepsis_detect.prediction.model import Model
from sepsis_detect.prediction.predictor import Predictions
from sepsis_detect.problems import MAX_PROBLEMS, Problem

Observer = Callable[[Model, Predictions, IntArray | slice], None]
"""Is called once with all predictions, and which of their rows are last hours of patients."""


class Assessment(NamedTuple):
    """The prediction for one patient; hours are the last one alone, or every one if asked for.

    Attributes:
        judgement: What the coherence rules say.
        model: The model that predicted.
        stay: The hours that the model saw.
        icu_hours: Shape (n_hours,), NaN where the request did not say.
        probabilities: Shape (n_hours,), that sepsis begins within six hours or has begun.
        is_positive: Shape (n_hours,), probability at or above the model's threshold.
        last_features: Shape (n_features,), of the last hour.
        sufficiency: How much the answer for the last hour rests on.
        sufficiency_codes: Shape (n_hours,), the same of every hour, as positions in `LEVELS`.
    """

    judgement: Judgement
    model: Model
    stay: Stay
    icu_hours: FloatArray
    probabilities: Float32Array
    is_positive: BoolArray
    last_features: Float32Array
    sufficiency: DataSufficiency
    sufficiency_codes: IntArray

    def warnings(self, max_problems: int = MAX_PROBLEMS) -> list[Problem]:
        """Dropped values, warnings, and limits of the model, in words."""
        return [
            *wording.warnings_of(self.judgement, max_problems),
            *limits.warnings_of(self.judgement.patient, self.sufficiency, self.icu_hours[-1]),
        ]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A patient without prediction.

    Attributes:
        judgement: What the coherence rules say.
    """

    judgement: Judgement

    def problems(self, max_problems: int = MAX_PROBLEMS) -> list[Problem]:
        """Everything that is wrong, in words."""
        return wording.refusals_of(self.judgement, max_problems)


def assess(
    model: Model,
    patients: Sequence[Patient],
    on_incoherence: OnIncoherence,
    *,
    every_hour: bool = False,
    observe: Observer | None = None,
) -> list[Assessment | Refusal]:
    """Assess several patients, in their order.

    Args:
        model: Predicts for all of them.
        patients: As read.
        on_incoherence: Policy for incoherent values.
        every_hour: Whether to predict for every hour, not for the last alone.
        observe: Called with the predictions, if there are any.
    """
    stays = [patient.stay for patient in patients if patient.stay is not None]
    together = Stay.end_to_end(stays) if stays else None
    judgements = _judged(patients, together)
    if on_incoherence is OnIncoherence.DROP:
        judgements = _judged_after_drop(judgements)
    fit = [
        (judgement, judgement.stay)
        for judgement in judgements
        if judgement.stay is not None and not judgement.is_refused
    ]
    if not fit:
        return [Refusal(judgement) for judgement in judgements]
    if together is None or len(fit) < len(patients) or any(each.dropped for each, _ in fit):
        together = Stay.end_to_end([stay for _, stay in fit])
    assessed = iter(_predicted(model, fit, together, every_hour=every_hour, observe=observe))
    return [
        Refusal(judgement) if judgement.is_refused else next(assessed) for judgement in judgements
    ]


def _judged(patients: Sequence[Patient], together: Stay | None) -> list[Judgement]:
    found = iter(coherence.scan_each(together) if together is not None else ())
    return [
        policy.judge(patient, patient.stay, () if patient.stay is None else next(found))
        for patient in patients
    ]


def _judged_after_drop(judgements: Sequence[Judgement]) -> list[Judgement]:
    """Drop the droppable values of all patients that have some, and scan these once more."""
    dropped = {
        at: coherence.drop(judgement.stay, judgement.droppable)
        for at, judgement in enumerate(judgements)
        if judgement.stay is not None and judgement.droppable
    }
    judged = list(judgements)
    if dropped:
        found = coherence.scan_each(Stay.end_to_end(list(dropped.values())))
        for (at, stay), violations in zip(dropped.items(), found, strict=True):
            before = judged[at]
            judged[at] = policy.judge(before.patient, stay, violations, dropped=before.droppable)
    return judged


def _predicted(
    model: Model,
    fit: Sequence[tuple[Judgement, Stay]],
    together: Stay,
    *,
    every_hour: bool,
    observe: Observer | None,
) -> Iterable[Assessment]:
    predict = predictor.predict_every_hour if every_hour else predictor.predict_last
    predictions = predict(model, together)
    last = together.last_rows if every_hour else slice(None)
    if observe is not None:
        observe(model, predictions, last)
    sufficiencies = data_sufficiencies(predictions.features)
    begin = 0
    for judgement, stay in fit:
        end = begin + (stay.n_hours if every_hour else 1)
        yield Assessment(
            judgement=judgement,
            model=model,
            stay=stay,
            icu_hours=predictions.icu_hours[begin:end],
            probabilities=predictions.probabilities[begin:end],
            is_positive=predictions.is_positive[begin:end],
            last_features=predictions.features[end - 1].copy(),  # a view would keep all hours
            sufficiency=sufficiencies.at(end - 1),
            sufficiency_codes=sufficiencies.codes[begin:end],
        )
        begin = end
