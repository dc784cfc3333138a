"""Audit log: caller, time, decision, probability and model of each request; no patient's value.

The request body is logged as HMAC-SHA-256. Who has both the body and the key can prove that it was
this request; without the key, values cannot be found by trying.

With a shadow model the line is written when that has decided too, a moment after the answer.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sepsis_detect.prediction.model import Model
from sepsis_detect.telemetry import logs
from sepsis_detect.telemetry.shadow_comparison import PendingShadowScores, ShadowScores

EVENT = "audit"
SEPARATOR = ","
"""Between the patients of one request, in every field that has one entry for each of them."""
UNSCORED = "None"
"""Decision for a patient on whom the shadow model fails."""


class Decision(NamedTuple):
    """What was answered for one patient.

    Attributes:
        verdict: `Positive`, `Negative` or `Refused`; of the shadow also `UNSCORED`.
        probability: As answered; None where there is none.
    """

    verdict: str
    probability: float | None = None


REFUSED = Decision("Refused")


class AuditLog:
    """Writes one line for each answered request.

    Args:
        key: Secret of the HMAC; it is in no log.
    """

    def __init__(self, key: str):
        self._key = key.encode()

    def write(
        self,
        body: bytes,
        decisions: Sequence[Decision],
        model: Model,
        *,
        request_id: str,
        caller: str | None,
        shadow: PendingShadowScores | None = None,
    ) -> None:
        """Log one request.

        Args:
            body: The request body, unpacked if it was sent as gzip, else unchanged.
            decisions: One for each patient.
            model: The model that answered.
            request_id: Id of the answer.
            caller: Name of the API key.
            shadow: Scores of the shadow model, for the patients that are not refused.
        """
        fields: dict[str, Any] = {
            "caller": caller,
            "request_id": request_id,
            "input_hmac": hmac.new(self._key, body, hashlib.sha256).hexdigest(),
            "decision": _verdicts(decisions),
            "probability": _probabilities(decisions),
            "model_name": model.metadata.name,
            "model_version": model.metadata.version,
        }
        if shadow is None:
            logs.event_at_any_level(EVENT, **fields)
            return
        decided, first_row = list(decisions), shadow.first_row

        def write(found: ShadowScores) -> None:
            of_shadow = _shadow_decisions(decided, found, first_row)
            logs.event_at_any_level(
                EVENT,
                **fields,
                shadow_decision=_verdicts(of_shadow),
                shadow_probability=_probabilities(of_shadow),
                shadow_model_name=found.name,
                shadow_model_version=found.version,
            )

        shadow.future.add_done_callback(lambda future: write(future.result()))


def _verdicts(decisions: Sequence[Decision]) -> str:
    return SEPARATOR.join(each.verdict for each in decisions)


def _probabilities(decisions: Sequence[Decision]) -> str:
    """The shortest decimals that give each float32 back; nothing where there is none."""
    known = (each.probability for each in decisions)
    return SEPARATOR.join("" if each is None else str(np.float32(each)) for each in known)


def _shadow_decisions(
    decisions: Sequence[Decision], found: ShadowScores, first_row: int
) -> list[Decision]:
    """Decisions of the shadow model, one for each patient of the request."""
    row, listed = first_row, []
    for decision in decisions:
        if decision == REFUSED:
            listed.append(REFUSED)
            continue
        verdict = found.decision(row)
        probability = None if verdict is None else float(found.scores.probabilities[row])
        listed.append(Decision(verdict or UNSCORED, probability))
        row += 1
    return listed
