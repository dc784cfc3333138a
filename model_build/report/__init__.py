"""Writes the figures for people: reports, plots, model card, artifact metadata."""
