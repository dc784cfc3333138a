"""Batch scoring: the command `score` and the files it reads and writes."""
