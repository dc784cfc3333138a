"""Training, evaluation and export of the model; never imported by the service.

Importing `sepsis_detect` first switches ONNX Runtime's telemetry off before it is imported.
"""

import os

# Threads that wait for one another must not burn the cores that others need.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import sepsis_detect as sepsis_detect
