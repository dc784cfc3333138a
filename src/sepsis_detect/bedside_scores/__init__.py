"""Bedside scores: SIRS, qSOFA, NEWS2, SOFA-2 and shock indices."""
