"""Deployment tests: CDK's command line deploys two environments into one local AWS.

All tests here share the two: `pytest --dist loadfile` gives this folder to one worker (see
tests/conftest.py). docs/operations.md lists what a local AWS cannot show.
"""
