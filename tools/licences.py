"""Print the licence of every package that is shipped: `make licences`."""

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

SHIPPED = Path(__file__).parents[1] / "requirements" / "serve.txt"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
CLASSIFIER = "License :: OSI Approved :: "


def licence_of(name: str) -> str:
    """As the installed package declares it; empty when it declares none."""
    declared = metadata(name)
    classifiers = declared.get_all("Classifier") or []
    named = [each.removeprefix(CLASSIFIER) for each in classifiers if each.startswith(CLASSIFIER)]
    text = declared["License-Expression"] or ", ".join(named) or declared["License"] or ""
    return text.splitlines()[0] if text else ""


def main() -> int:
    """Print a line a package; 1 when one declares no licence."""
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
