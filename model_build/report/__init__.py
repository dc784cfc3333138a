"""Presentation of figures: reports, plots, model card, READMEs, artifact metadata."""
