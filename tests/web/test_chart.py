"""The chart of the risk: a linear axis that fits the values, and zoom for long stays."""

import re
from itertools import pairwise

from playwright.sync_api import expect

from tests.web.conftest import Visit
from tests.web.long_stays import use_long_stay

TICKS = """() => [...document.querySelectorAll(".course > .chart > line.grid")].map((line) => {
    const label = line.nextElementSibling.textContent;
    return [Number(line.getAttribute("y1")), parseFloat(label.replace(",", "."))];
})"""


def ticks(visit: Visit) -> list[tuple[float, float]]:
    """Height and percent of each line of the axis, from below."""
    visit.page.locator(".course > .chart").wait_for()
    return [(y, risk) for y, risk in visit.page.evaluate(TICKS)]


def test_the_axis_is_linear_from_zero_and_fits_the_values(visit: Visit) -> None:
    tops = {}
    for example, verdict in (("well", "Negative"), ("septic", "Positive")):
        visit.example(example)
        answer = visit.page.locator("#answer[aria-busy=false] .verdict")
        expect(answer).to_contain_text(visit.text(verdict))
        found = ticks(visit)
        steps = [(a[0] - b[0]) / (b[1] - a[1]) for a, b in pairwise(found)]
        assert found[0][1] == 0
        assert max(steps) - min(steps) < 0.01 * max(steps)
        assert 2 <= len(found) <= 7
        tops[example] = found[-1][1]
    assert tops["well"] < tops["septic"] < 100
    threshold = visit.page.locator(".course > .chart .threshold")
    assert threshold.evaluate("line => getComputedStyle(line).strokeWidth") == "1px"


def test_a_long_stay_can_be_zoomed_with_the_keyboard(visit: Visit) -> None:
    use_long_stay(visit, n_hours=80)
    dots = visit.page.locator(".course > .chart .dot")
    expect(dots).to_have_count(80)
    table = visit.page.locator(".course table tbody tr")
    for hours in (24, 72):
        button = visit.button("chart.last", hours=hours)
        button.focus()
        visit.page.keyboard.press("Enter")
        expect(dots).to_have_count(hours)
        expect(button).to_be_focused()
        expect(button).to_have_attribute("aria-pressed", "true")
        shown = visit.text("chart.shown", begin=81 - hours, end=80)
        expect(visit.page.locator("figure.course figcaption")).to_contain_text(shown)
        label = visit.page.locator(".course > .chart").get_attribute("aria-label") or ""
        assert shown in label
        expect(table).to_have_count(80)
    visit.button("chart.all").press("Space")
    expect(dots).to_have_count(80)
    expect(visit.page.locator(".zoom [aria-pressed=true]")).to_have_text(visit.text("chart.all"))


def test_a_short_stay_has_no_zoom(visit: Visit) -> None:
    visit.example("septic")
    expect(visit.page.locator(".course > .chart")).to_be_visible()
    expect(visit.page.locator(".zoom")).to_have_count(0)
    expect(visit.page.locator(".course > .chart")).to_have_attribute(
        "aria-label", re.compile(r"\d")
    )
