"""The HTTP edge: parse, call, present."""
