"""Folders that tests read: the checkout, and the reference facts and data that stand beside it."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
