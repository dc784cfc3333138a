"""The patient: variables, units of measure, stays and coherence rules."""
