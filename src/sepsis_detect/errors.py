"""Errors that cross module boundaries, each named after the fact."""


class SepsisDetectError(Exception):
    """Base of the errors this package raises; the message is one sentence for a person."""


class ModelArtifactError(SepsisDetectError):
    """A file is not an acceptable model; the service keeps the one it has."""


class SettingsError(SepsisDetectError):
    """An environment variable has a value that cannot be meant."""


class BadFileError(SepsisDetectError):
    """A file to score cannot be read as hours of patients."""
