"""Measures scores: discrimination, calibration, utility, alerts, transfer between hospitals."""
