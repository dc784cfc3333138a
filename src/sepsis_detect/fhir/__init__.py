"""FHIR R4 and CDS Hooks: from a hospital's resources to a `Stay`, and from an answer to theirs.

Coherence, features and model are those of every other route: nothing clinical is decided here.
"""
