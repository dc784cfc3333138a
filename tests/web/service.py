"""A service in a subprocess, and the browser, for tests and screenshots of the page."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

BANNER = re.compile(r"Sepsis Detect \S+, model .+, on (http://127\.0\.0\.1:\d+) - ")
# The headless shell first: it takes half the time.
BROWSERS = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
# No sandbox: CI runs as root in a container. No /dev/shm: it is small in containers.
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--font-render-hinting=none",
]


@contextmanager
def service(**settings: str) -> Iterator[str]:
    """Run the service on a free port with the given settings; yields its address."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEPSIS_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "sepsis_detect", "serve", "--port", "0"],
        env=kept | {f"SEPSIS_{name}": value for name, value in settings.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout
        found = BANNER.match(process.stdout.readline())
        assert found, "the service did not start"
        yield found[1]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def browser_path() -> str | None:
    """The path of Chromium; None if it is not installed."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)
