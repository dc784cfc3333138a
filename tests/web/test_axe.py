"""Axe finds no violation in any view: light, dark and forced colours; wide and narrow."""

import json
from collections.abc import Callable

import pytest

from tests.web.axe import violations
from tests.web.conftest import PHONE, Visit
from tests.web.views import VIEWS


@pytest.mark.parametrize("view", VIEWS, ids=[view.__name__ for view in VIEWS])
def test_axe_finds_nothing_in_any_view(visit: Visit, view: Callable[[Visit], None]) -> None:
    view(visit)
    # At the end of the page the sticky bar covers no other target.
    to_end = "scrollTo(0, document.body.scrollHeight)"
    visit.page.evaluate(to_end)
    found = {"light, desktop": violations(visit)}
    visit.page.emulate_media(color_scheme="dark")
    visit.page.set_viewport_size(PHONE)
    visit.page.evaluate(to_end)
    found["dark, phone"] = violations(visit)
    visit.page.emulate_media(color_scheme="light", forced_colors="active")
    visit.page.set_viewport_size({"width": 320, "height": 800})
    visit.page.evaluate(to_end)
    found["forced colours, 320 px"] = violations(visit)
    visit.page.emulate_media(forced_colors="none")
    assert not any(found.values()), json.dumps(found, indent=1)


def test_axe_detects_violations(visit: Visit) -> None:
    visit.page.evaluate("document.querySelector('label[for=field-heart_rate]').remove()")
    visit.page.evaluate("document.documentElement.style.setProperty('--soft', '#ccc')")
    rules = {fault.split(":")[0] for fault in violations(visit)}
    assert {"label", "color-contrast"} <= rules
