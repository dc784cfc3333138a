"""Learners: fit, calibration, out-of-fold scores, results cache, export to ONNX."""
