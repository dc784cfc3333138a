"""Measurements of the running service: speed, overload, memory, replacement, fuzzing."""
