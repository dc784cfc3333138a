"""Automated accessibility checks of a page with axe: WCAG 2.2 AA."""

from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

from tests.web.conftest import Visit

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
# All rules of WCAG 2.2 AA, and best practices beyond it.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(visit: Visit | Page) -> list[str]:
    """The violations that axe finds, one line for each rule and element."""
    page = visit.page if isinstance(visit, Visit) else visit
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate(
        "async (options) => await axe.run(document, options)",
        {"runOnly": RULES, "resultTypes": ["violations"], "preload": False},
    )
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
