"""The audit log: who asked, when, for which decision of which model; nothing of the patient.

The input is there as HMAC-SHA-256 under a key that the log does not hold: whoever has the input and
the key can show that it was this one, and nobody can find it by trying values.
"""

import hashlib
import hmac
from collections.abc import Sequence

from sepsis_detect.prediction.model import Model
from sepsis_detect.telemetry import logs

REFUSED = "Refused"


class AuditLog:
    """Writes one line an answered request.

    Args:
        key: Secret, of whoever keeps the log.
    """

    def __init__(self, key: str):
        """Write under `key`."""
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
        """Write down one request.

        Args:
            body: As it was sent.
            decisions: `Positive`, `Negative` or `Refused`, patient by patient.
            model: That decided.
            request_id: Of the answer.
            caller: Name of the key that was sent.
        """
        logs.audit(
            caller=caller,
            request_id=request_id,
            input_hmac=hmac.new(self._key, body, hashlib.sha256).hexdigest(),
            decision=",".join(decisions),
            model_name=model.metadata.name,
            model_version=model.metadata.version,
        )
