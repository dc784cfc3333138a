"""Audit log: caller, time, decision and model of each request; nothing about the patient.

The request body is logged as HMAC-SHA-256. Who has both the body and the key can prove that it was
this request; without the key, values cannot be found by trying.
"""

import hashlib
import hmac
from collections.abc import Sequence

from sepsis_detect.prediction.model import Model
from sepsis_detect.telemetry import logs

REFUSED = "Refused"


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
    ) -> None:
        """Log one request.

        Args:
            body: The request body, unpacked if it was sent as gzip, else unchanged.
            decisions: `Positive`, `Negative` or `Refused`, one for each patient.
            model: The model that answered.
            request_id: Id of the answer.
            caller: Name of the API key.
        """
        logs.event_at_any_level(
            "audit",
            caller=caller,
            request_id=request_id,
            input_hmac=hmac.new(self._key, body, hashlib.sha256).hexdigest(),
            decision=",".join(decisions),
            model_name=model.metadata.name,
            model_version=model.metadata.version,
        )
