"""Audit log: caller, time, decision and model of each request; nothing about the patient.

The request body is logged as HMAC-SHA-256. Who has both the body and the key can prove that it was
this request; without the key, values cannot be found by trying.

With a shadow model the line is written when that has decided too, a moment after the answer.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

from sepsis_detect.prediction.model import Model
from sepsis_detect.telemetry import logs
from sepsis_detect.telemetry.shadow_comparison import PendingShadowScores, ShadowScores

REFUSED = "Refused"
UNSCORED = "None"
"""Of a patient on whom the shadow model fails."""


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
        decisions: Sequence[str],
        model: Model,
        *,
        request_id: str,
        caller: str | None,
        shadow: PendingShadowScores | None = None,
    ) -> None:
        """Log one request.

        Args:
            body: The request body, unpacked if it was sent as gzip, else unchanged.
            decisions: `Positive`, `Negative` or `Refused`, one for each patient.
            model: The model that answered.
            request_id: Id of the answer.
            caller: Name of the API key.
            shadow: Scores of the shadow model, for the patients that are not refused.
        """
        fields: dict[str, Any] = {
            "caller": caller,
            "request_id": request_id,
            "input_hmac": hmac.new(self._key, body, hashlib.sha256).hexdigest(),
            "decision": ",".join(decisions),
            "model_name": model.metadata.name,
            "model_version": model.metadata.version,
        }
        if shadow is None:
            logs.event_at_any_level("audit", **fields)
            return
        decided, first_row = list(decisions), shadow.first_row

        def write(found: ShadowScores) -> None:
            logs.event_at_any_level(
                "audit",
                **fields,
                shadow_decision=",".join(_shadow_decisions(decided, found, first_row)),
                shadow_model_name=found.name,
                shadow_model_version=found.version,
            )

        shadow.future.add_done_callback(lambda future: write(future.result()))


def _shadow_decisions(decisions: Sequence[str], found: ShadowScores, first_row: int) -> list[str]:
    """Decisions of the shadow model, one for each patient of the request."""
    row, listed = first_row, []
    for decision in decisions:
        if decision == REFUSED:
            listed.append(REFUSED)
        else:
            listed.append(found.decision(row) or UNSCORED)
            row += 1
    return listed
