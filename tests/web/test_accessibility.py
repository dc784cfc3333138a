"""WCAG 2.2 AA beyond axe: keyboard, reflow, zoom, motion, screen readers."""

import pytest
from playwright.sync_api import Browser, expect

from tests.web.conftest import Visit, visiting
from tests.web.views import dropped, everything_open, positive


def test_the_page_can_be_used_with_the_keyboard_alone(visit: Visit) -> None:
    page = visit.page
    keyboard = page.keyboard

    def focused() -> str:
        return str(page.evaluate("document.activeElement.id || document.activeElement.className"))

    keyboard.press("Tab")
    assert focused() == "skip"
    keyboard.press("Enter")
    assert focused() == "data-title"
    order = []
    while focused() != "submit":
        keyboard.press("Tab")
        order.append(focused())
        assert _has_visible_focus(visit), order[-1]
        if order[-1] == "field-heart_rate":
            keyboard.type("88")
        assert len(order) < 60, order
    fields = [name for name in order if name.startswith("field-")]
    assert fields[:3] == ["field-age", "field-sex", "field-icu_unit"]
    assert order.index("example-well") < order.index("field-age") < order.index("field-heart_rate")
    keyboard.press("Enter")
    expect(visit.verdict).to_be_visible()
    assert focused() == "answer-title"
    keyboard.press("Tab")
    reached = []
    while visit.text("action.answer") not in reached:
        keyboard.press("Tab")
        reached.append(str(page.evaluate("document.activeElement.textContent")))
        assert len(reached) < 30, reached
    notes, printing = (reached.index(visit.text(key)) for key in ("scores.notes", "action.print"))
    assert notes < printing


def _has_visible_focus(visit: Visit) -> bool:
    """Whether the focused element is on the screen, not covered, and has a focus ring."""
    seen: bool = visit.page.evaluate("""() => {
        const element = document.activeElement;
        const box = element.getBoundingClientRect();
        const [x, y] = [box.left + Math.min(box.width / 2, 20), box.top + box.height / 2];
        const top = document.elementFromPoint(x, y);
        const style = getComputedStyle(element);
        const isRinged = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
        return isRinged && !!top && (element.contains(top) || top.contains(element));
    }""")
    return seen


@pytest.mark.parametrize(
    ("width", "scale"),
    [pytest.param(320, 1, id="320 px"), pytest.param(640, 2, id="zoom of 200 %")],
)
def test_nothing_is_wider_than_the_screen(
    browser: Browser, address: str, language: str, width: int, scale: int
) -> None:
    # A zoom of 200 % halves the width in CSS pixels and doubles the device pixels of each.
    size = {"width": width // scale, "height": 800 // scale}
    with visiting(browser, address, language, viewport=size, device_scale_factor=scale) as visit:
        for view in (everything_open, positive, dropped):
            visit.open()
            view(visit)
            excess = visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert excess <= 0, view.__name__
            hidden = visit.page.evaluate("""() =>
                [...document.querySelectorAll("button, input, select")]
                .filter((each) => each.checkVisibility() && !each.closest(".scroll"))
                .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
                .map((each) => each.outerHTML)""")
            assert hidden == [], view.__name__


def test_targets_are_at_least_24_pixels(visit: Visit) -> None:
    everything_open(visit)
    visit.example("bad")
    expect(visit.problems).to_be_visible()
    small = visit.page.evaluate("""() =>
        [...document.querySelectorAll("button, input, select, summary")]
        .filter((each) => each.checkVisibility() && each.type !== "radio")
        .filter((each) => each.getBoundingClientRect().height < 24)
        .map((each) => each.outerHTML)""")
    assert small == []


def test_reduced_motion_is_respected(visit: Visit) -> None:
    visit.example("well")
    expect(visit.verdict).to_be_visible()
    moving = "getComputedStyle(document.documentElement).scrollBehavior"
    assert visit.page.evaluate(moving) == "auto"
    assert visit.page.evaluate("document.getAnimations().length") == 0
    visit.page.emulate_media(reduced_motion="no-preference")
    assert visit.page.evaluate(moving) == "smooth"


def test_answer_and_charts_have_texts_for_screen_readers(visit: Visit) -> None:
    visit.example("septic")
    expect(visit.page.locator("#said")).to_contain_text(visit.text("Positive"))
    expect(visit.page.locator("#said")).to_have_attribute("role", "status")
    charts = visit.page.get_by_role("img")
    expect(charts).to_have_count(7)
    for chart in charts.all():
        label = chart.get_attribute("aria-label") or ""
        assert len(label) > 30
        assert "undefined" not in label
        assert "{" not in label
