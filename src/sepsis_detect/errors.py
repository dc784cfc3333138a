"""Errors that cross module boundaries."""


class SepsisDetectError(Exception):
    """Base of the errors this package raises; the message is one sentence for a person."""


class ModelArtifactError(SepsisDetectError):
    """A file is not an acceptable model; the served model stays."""


class ModelSourceError(SepsisDetectError):
    """The source of a model cannot be read now; a retry may help."""


class NoModelError(ModelSourceError):
    """The source has no model, or denies access; it is polled as often as before."""


class ModelCheckError(SepsisDetectError):
    """This machine could not check a candidate; a retry may help."""


class ShadowError(ModelCheckError):
    """The process of the shadow model has crashed or does not answer; it is started again."""


class PublishingError(SepsisDetectError):
    """A model could not be written to, listed in or read from the bucket."""


class SettingsError(SepsisDetectError):
    """An environment variable or option has an invalid value."""


class KeysError(SepsisDetectError):
    """The API keys cannot be read now; a retry may help."""


class BadFileError(SepsisDetectError):
    """A file to score is not a table of hourly patient data."""


class EventError(SepsisDetectError):
    """A Lambda event is not an HTTP request."""
