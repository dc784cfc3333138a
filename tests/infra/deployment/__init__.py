"""Two environments that CDK's command line put into one local AWS, read back as operators would.

All tests here share them: `pytest --dist loadfile` gives this folder to one worker (tests/conftest
says so). What a local AWS cannot show stands in docs/operations.md.
"""
