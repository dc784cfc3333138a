"""Bedside scores: SIRS, qSOFA, NEWS2, SOFA, SOFA-2 and the shock index."""
