"""The policy for incoherent values: reject the patient, or drop the values.

`judge` sorts the violations that `coherence.scan` found in one patient into refusals and warnings.
It predicts nothing and words nothing: `pipeline` and `wording` do.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from sepsis_detect.clinical import rules
from sepsis_detect.clinical.coherence import RuleViolation
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE
from sepsis_detect.problems import Location, Problem

AGE = BY_CHALLENGE["Age"].column


class OnIncoherence(StrEnum):
    """Policy for incoherent values."""

    REJECT = "reject"
    DROP = "drop"


class Patient(Protocol):
    """One patient as read from a request or a file."""

    @property
    def base(self) -> Location:
        """Location of the patient in the request."""

    @property
    def stay(self) -> Stay | None:
        """The hours that could be read; None: no hour."""

    @property
    def problems(self) -> list[Problem]:
        """Problems of the text, each of which refuses the patient."""

    @property
    def violations(self) -> list[RuleViolation]:
        """Violations found by the reader, which the stay alone does not show."""

    def locate(self, row: int, column: int | None = None) -> Location:
        """Location of an hour, or of one of its values."""

    def value_sent(self, row: int, column: int) -> float | None:
        """A number as sent, before any conversion."""

    def unit_sent(self, column: int) -> str | None:
        """The unit of a variable as sent."""


class Judgement(NamedTuple):
    """The coherence rules applied to one patient.

    Attributes:
        patient: As read.
        stay: The hours without the values that were dropped; None: no hour could be read.
        dropped: Violations whose values were dropped.
        refusals: Violations that refuse the patient.
        warnings: Violations that accompany a prediction.
    """

    patient: Patient
    stay: Stay | None
    dropped: Sequence[RuleViolation]
    refusals: Sequence[RuleViolation]
    warnings: Sequence[RuleViolation]

    @property
    def is_refused(self) -> bool:
        """Whether the patient cannot be predicted for."""
        return self.stay is None or bool(self.refusals or self.patient.problems)

    @property
    def droppable(self) -> Sequence[RuleViolation]:
        """The refusals whose values may be dropped; none where the text has a problem."""
        if self.patient.problems:
            return ()
        return [each for each in self.refusals if is_droppable(each)]


def is_droppable(violation: RuleViolation) -> bool:
    """Whether the values may count as missing under `drop`.

    An age out of range is a patient that the model is not for, and a constant that changes may be
    another patient: without the value, the prediction would look like any other.
    """
    is_of_another_patient = violation.rule is rules.CONSTANT or AGE in violation.columns
    return bool(violation.columns) and not is_of_another_patient


def judge(
    patient: Patient,
    stay: Stay | None,
    violations: Sequence[RuleViolation],
    *,
    dropped: Sequence[RuleViolation] = (),
) -> Judgement:
    """Sort the violations found in a patient.

    Args:
        patient: As read.
        stay: The patient's hours, without the values dropped before.
        violations: Found in `stay`.
        dropped: Violations whose values were dropped before.
    """
    if patient.violations:
        # Contradictions of the constants beside `hours`, unless the hours show them already.
        known = {(each.rule.id, each.columns) for each in (*violations, *dropped)}
        stated = [each for each in patient.violations if (each.rule.id, each.columns) not in known]
        violations = [*stated, *violations]
    if not violations:
        return Judgement(patient, stay, dropped, (), ())
    refusals = [each for each in violations if each.is_refusal]
    if patient.problems:  # values that could not be read are not missing
        refusals = [each for each in refusals if each.rule is not rules.ALL_MISSING]
    warnings = [each for each in violations if not each.is_refusal]
    return Judgement(patient, stay, dropped, refusals, warnings)
