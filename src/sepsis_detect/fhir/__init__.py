"""FHIR R4: from resources to a `Stay`, and from an assessment to resources.

Coherence rules, features and model are those of every other route: nothing clinical is here.
"""
