"""Print the licence of every shipped package: `make licences`."""

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

SHIPPED = Path(__file__).parents[1] / "requirements" / "serve.txt"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
CLASSIFIER = "License :: OSI Approved :: "


def licence_of(name: str) -> str:
    """The licence that an installed package declares; empty if it declares none."""
    declared = metadata(name)
    classifiers = declared.get_all("Classifier") or []
    named = [each.removeprefix(CLASSIFIER) for each in classifiers if each.startswith(CLASSIFIER)]
    text = declared["License-Expression"] or ", ".join(named) or declared["License"] or ""
    return text.splitlines()[0] if text else ""


def main() -> int:
    """Print one line for each package; 1 if one declares no licence."""
    unknown = 0
    for name, version in PIN.findall(SHIPPED.read_text(encoding="utf-8")):
        try:
            licence = licence_of(name)
        except PackageNotFoundError:
            licence = "(not for this platform)"
        unknown += not licence
        sys.stdout.write(f"{name:24} {version:12} {licence or 'none declared'}\n")
    return int(unknown > 0)


if __name__ == "__main__":
    sys.exit(main())
