"""The application of one server process, as uvicorn runs it."""

import gc

from starlette.applications import Starlette

from sepsis_detect.api.app import create_app
from sepsis_detect.server.graceful_shutdown import draining_on_sigterm
from sepsis_detect.settings import Settings, read_settings
from sepsis_detect.telemetry import logs

# Before a collection of the youngest generation. Python's default of 700 is less than a batch of
# requests has, and a request leaves next to no garbage.
YOUNG_OBJECTS = 50_000


def worker_application() -> Starlette:
    """Build the application of a worker; uvicorn's factory in each worker process."""
    settings = read_settings()
    logs.configure(settings.log_level)
    # The supervisor found the model acceptable; a file that has changed since stops no worker.
    return build_application(settings, may_fall_back=True)


def build_application(settings: Settings, *, may_fall_back: bool = False) -> Starlette:
    """Build the application and exclude all that exists now from garbage collection.

    Raises:
        SettingsError: An environment variable is wrong.
        ModelArtifactError: The model is not acceptable.
    """
    app = create_app(settings, may_fall_back=may_fall_back, while_serving=draining_on_sigterm)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    return app
