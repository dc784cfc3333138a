"""Rule violations of one patient as problems, each with its location in the request."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import isnan
from typing import Any

import numpy as np

from sepsis_detect.assessment.policy import Judgement, Patient
from sepsis_detect.clinical.coherence import RuleViolation
from sepsis_detect.clinical.findings import Finding, findings
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import ICU_HOUR, VARIABLES
from sepsis_detect.problems import MAX_PROBLEMS, Location, Problem, more


def warnings_of(judgement: Judgement, max_problems: int = MAX_PROBLEMS) -> list[Problem]:
    """What accompanies a prediction: dropped values, then warnings.

    Args:
        judgement: Of a patient that is not refused.
        max_problems: About how many are listed of each kind; the rest is counted.
    """
    patient = judgement.patient
    return [
        *_problems(patient, patient.stay, judgement.dropped, "dropped", max_problems),
        *_problems(patient, judgement.stay, judgement.warnings, "warning", max_problems),
    ]


def refusals_of(judgement: Judgement, max_problems: int = MAX_PROBLEMS) -> list[Problem]:
    """Everything that is wrong with a patient that is refused; arguments as of `warnings_of`."""
    patient = judgement.patient
    return [
        *patient.problems,
        *_problems(patient, patient.stay, judgement.dropped, "dropped", max_problems),
        *_problems(patient, judgement.stay, judgement.refusals, "incoherent", max_problems),
    ]


def _problems(
    patient: Patient,
    stay: Stay | None,
    violations: Sequence[RuleViolation],
    kind: str,
    max_problems: int,
) -> list[Problem]:
    """Word the violations of the earliest hours, and count the rest."""
    if not violations or stay is None:
        return []
    n_violations = sum([len(violation.rows) for violation in violations])
    if n_violations > max_problems:
        rows = np.sort(np.concatenate([violation.rows for violation in violations]))
        violations = [violation.up_to(rows[max_problems - 1]) for violation in violations]
    found = []
    for finding in findings(stay, violations, patient):
        if finding.is_of_the_stay:
            found.append(_problem_of_the_stay(finding, kind, patient.base))
        else:
            found += [
                _problem_at(patient, finding, kind, column)
                for column in _columns(stay, finding, kind)
            ]
    if n_left := n_violations - sum([len(violation.rows) for violation in violations]):
        found.append(more(n_left, kind, patient.base))
    return found


def _columns(stay: Stay, finding: Finding, kind: str) -> Iterable[int | None]:
    """The values at which a finding is reported: each one that is dropped, else the first."""
    if kind == "dropped" and finding.columns:
        return [at for at in finding.columns if not isnan(stay.values[finding.row, at])]
    if finding.columns:
        return finding.columns[:1]
    return [ICU_HOUR if finding.rule.startswith("time.") else None]


def _problem_at(patient: Patient, finding: Finding, kind: str, column: int | None) -> Problem:
    if column is None:
        return _problem(finding, kind, patient.base, finding.context)
    context = dict(finding.context)
    if unit := patient.unit_sent(column):
        context |= {"value_sent": patient.value_sent(finding.row, column), "unit_sent": unit}
    if kind == "dropped":
        context["dropped"] = VARIABLES[column].name
    return _problem(finding, kind, patient.locate(finding.row, column), context)


@lru_cache(maxsize=1024)
def _problem_of_the_stay(finding: Finding, kind: str, base: Location) -> Problem:
    """A problem without hour and value, such as a short stay: the same for many patients."""
    return _problem(finding, kind, base, finding.context)


def _problem(finding: Finding, kind: str, loc: Location, context: Mapping[str, Any]) -> Problem:
    return Problem(
        type=kind,
        rule=finding.rule,
        loc=loc,
        msg=finding.en,
        msg_fr=finding.fr,
        ctx=context,
        hint=finding.hint_en or None,
        hint_fr=finding.hint_fr or None,
    )
