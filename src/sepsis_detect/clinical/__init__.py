"""What a patient is, and what cannot be: variables, units of measure, stays, coherence rules."""
