"""Evaluation of scores: discrimination, calibration, utility, alerts, transfer."""
