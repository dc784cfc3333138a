"""Answers joined with outcomes, as arrays; an alert is right as the label says.

The label: sepsis begins within six hours of the answer, or has begun.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from sepsis_detect.audit_report.audit_lines import Answer, ModelAnswer
from sepsis_detect.audit_report.outcomes import Key, Outcome, Outcomes
from sepsis_detect.clinical.stay import BoolArray, FloatArray, IntArray

AHEAD_HOURS = 6.0  # of the label: sepsis begins so soon after the answer, or has begun
MAX_DISTANCE_DAYS = 60.0  # between an answer and sepsis: farther looks like a wrong or shifted date

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ModelAnswers:
    """Answers of one model whose outcome is known: shape (n,) each.

    Attributes:
        hours: Of the answer, since 1970, UTC.
        is_positive: Whether it was an alert.
        probabilities: NaN where the log has none.
        hours_to_sepsis: From the answer, negative after it began; infinite where it did not.
        stays: Number of the stay; -1: not stated.
        models: Name and version of the model, as objects.
    """

    hours: FloatArray
    is_positive: BoolArray
    probabilities: FloatArray
    hours_to_sepsis: FloatArray
    stays: IntArray
    models: Any

    def __len__(self) -> int:
        return len(self.hours)

    @property
    def is_septic(self) -> BoolArray:
        """Whether an alert is right."""
        return self.hours_to_sepsis <= AHEAD_HOURS

    def where(self, rows: BoolArray) -> "ModelAnswers":
        """Some of the answers."""
        return ModelAnswers(
            self.hours[rows],
            self.is_positive[rows],
            self.probabilities[rows],
            self.hours_to_sepsis[rows],
            self.stays[rows],
            self.models[rows],
        )


@dataclass(frozen=True, slots=True)
class JoinedAnswers:
    """Answers with their outcomes, and what could not be joined.

    Attributes:
        served: Of the served model.
        served_beside_shadow: Of the served model, where the shadow answered too.
        shadow: Of the shadow model, for the same patients.
        has_stays: Whether the outcomes name stays.
        n_refused: Patients without an answer, since their data were refused.
        n_without_outcome: Answers that are left out.
        n_without_index: Of these, answers of requests with several patients whose outcomes do not
            say which one.
        n_outcomes: All that were given.
        n_outcomes_without_request: Outcomes whose request is not in the log.
        n_shared: Outcomes of several answers, since a caller repeats its request ids or bodies.
        n_far: Answers farther from their sepsis than a stay is long.
    """

    served: ModelAnswers
    served_beside_shadow: ModelAnswers
    shadow: ModelAnswers
    has_stays: bool
    n_refused: int
    n_without_outcome: int
    n_without_index: int
    n_outcomes: int
    n_outcomes_without_request: int
    n_shared: int
    n_far: int


def join(answers: Iterable[Answer], outcomes: Outcomes) -> JoinedAnswers:
    """Join answers with outcomes.

    Args:
        answers: Of the log.
        outcomes: By request id or by HMAC.
    """
    found: list[tuple[Answer, Outcome]] = []
    n_used: Counter[Key] = Counter()
    n_refused = n_without_outcome = n_without_index = 0
    for answer in answers:
        key, outcome = _outcome_of(answer, outcomes)
        n_used[key] += outcome is not None
        if answer.served is None:
            n_refused += 1
        elif outcome is None:
            n_without_outcome += 1
            n_without_index += not answer.is_alone and (key[0], None) in outcomes.by_key
        else:
            found.append((answer, outcome))
    served = _model_answers(found, lambda answer: answer.served)
    with_shadow = [each for each in found if each[0].shadow is not None]
    distances = np.abs(served.hours_to_sepsis[np.isfinite(served.hours_to_sepsis)])
    return JoinedAnswers(
        served=served,
        served_beside_shadow=_model_answers(with_shadow, lambda answer: answer.served),
        shadow=_model_answers(with_shadow, lambda answer: answer.shadow),
        has_stays=outcomes.has_stays,
        n_refused=n_refused,
        n_without_outcome=n_without_outcome,
        n_without_index=n_without_index,
        n_outcomes=len(outcomes.by_key),
        n_outcomes_without_request=sum(not n_used[key] for key in outcomes.by_key),
        n_shared=sum(n > 1 for n in n_used.values()),
        n_far=int(np.count_nonzero(distances > MAX_DISTANCE_DAYS * 24)),
    )


def _outcome_of(answer: Answer, outcomes: Outcomes) -> tuple[Key, Outcome | None]:
    """The key that names a patient of the log among the outcomes, and the outcome, if any."""
    request = answer.input_hmac if outcomes.by_hmac else answer.request_id
    exact: Key = (request, answer.patient_index)
    key: Key = (request, None) if answer.is_alone and exact not in outcomes.by_key else exact
    return key, outcomes.by_key.get(key)


def _model_answers(
    found: Sequence[tuple[Answer, Outcome]], of: Callable[[Answer], ModelAnswer | None]
) -> ModelAnswers:
    given = [(answer, of(answer), outcome) for answer, outcome in found]
    rows = [(answer, each, outcome) for answer, each, outcome in given if each is not None]
    numbers: dict[str, int] = {}
    return ModelAnswers(
        hours=np.array([(answer.answered_at - _EPOCH) / _HOUR for answer, _, _ in rows], float),
        is_positive=np.array([each.is_positive for _, each, _ in rows], np.bool_),
        probabilities=np.array([each.probability for _, each, _ in rows], float),
        hours_to_sepsis=np.array([_hours_to_sepsis(each, to) for each, _, to in rows], float),
        stays=np.array(
            [
                -1 if to.stay is None else numbers.setdefault(to.stay, len(numbers))
                for _, _, to in rows
            ],
            np.intp,
        ),
        models=np.array([each.model for _, each, _ in rows], object),
    )


def _hours_to_sepsis(answer: Answer, outcome: Outcome) -> float:
    if outcome.septic_at is None:
        return float("inf")
    return (outcome.septic_at - answer.answered_at) / _HOUR
