"""A hospital's own model: adapted to its stays, and what they are worth."""
