"""Early warning of sepsis in adult intensive care.

Research software, not a medical device.
"""

import os

__version__ = "0.1.0"

# ONNX Runtime sends telemetry from 1.29 on unless this is set before its import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
