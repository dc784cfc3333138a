"""Training, evaluation and export of the model; never imported by the service.

Importing `sepsis_detect` first switches ONNX Runtime's telemetry off before it is imported.
"""

import sepsis_detect as sepsis_detect
