"""Folders of the tests: the checkout, and the shared reference files and data beside it."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
