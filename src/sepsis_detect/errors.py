"""Errors that cross module boundaries, each named after the fact."""


class SepsisDetectError(Exception):
    """Base of the errors this package raises; the message is one sentence for a person."""


class ModelArtifactError(SepsisDetectError):
    """A file is not an acceptable model; the service keeps the one it has."""


class ModelSourceError(SepsisDetectError):
    """The place a model comes from cannot be read now; asking again may help."""


class NoModelError(ModelSourceError):
    """The place answered that there is no model, or none for us: no reason to ask it less often."""


class ModelCheckError(SepsisDetectError):
    """A candidate could not be judged, for reasons of this machine; trying again may help."""


class PublishingError(SepsisDetectError):
    """The bucket did not take, list or give back a model."""


class SettingsError(SepsisDetectError):
    """An environment variable has a value that cannot be meant."""


class KeysError(SepsisDetectError):
    """The keys of the callers cannot be read now; asking again may help."""


class BadFileError(SepsisDetectError):
    """A file to score cannot be read as hours of patients."""


class EventError(SepsisDetectError):
    """A Lambda event is no HTTP request."""
