"""A service as a process, and a browser, for the tests and the screenshots of the page."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

BANNER = re.compile(r"Sepsis Detect \S+, model .+, on (http://127\.0\.0\.1:\d+) - ")
# The shell without windows first: it takes half the time.
BROWSERS = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
# No sandbox: CI is root in a container. No /dev/shm: containers give it little.
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--font-render-hinting=none",
]


@contextmanager
def service(**settings: str) -> Iterator[str]:
    """Serve on a free port with the given settings; yields the address."""
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
    """Where Chromium is; None when there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)
