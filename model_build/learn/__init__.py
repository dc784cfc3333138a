"""Fits the model and its candidates, and exports them to ONNX."""
