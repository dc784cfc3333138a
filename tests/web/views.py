"""Views of the page: the states that together show everything."""

from playwright.sync_api import expect

from tests.web.conftest import Visit
from tests.web.long_stays import use_long_stay


def everything_open(visit: Visit) -> None:
    """Every field, a table with an unreadable cell, and the model card."""
    visit.page.locator("#model-card table").wait_for(state="attached")
    for summary in visit.page.locator(":is(#data details, #model-card) > summary").all():
        summary.click()
    visit.page.locator("#several-text").fill("HR;ICULOS;foo\nabc;1;1\n80;2;2")
    expect(visit.page.locator("#several-preview td.wrong")).to_be_visible()


def mapping(visit: Visit) -> None:
    """A table with questions: a column of two meanings, times, an unknown unit, two readings."""
    visit.page.locator("#several > summary").click()
    visit.page.locator("#several-text").fill(
        "RR;Heure;FC;Na;ASAT;TCA (ratio)\n18;8:00;80;140;1,234;1,2\n19;9:00;82;139;40;1,1"
    )
    expect(visit.page.locator("#mapping-first")).to_be_visible()


def unit_changed(visit: Visit) -> None:
    """A unit that was changed below a number, and what can be undone."""
    visit.fill(creatinine="150", hospital_admission_hour="12")
    visit.choose_unit("creatinine", "mg/L")
    expect(visit.button("field.convert")).to_be_visible()
    expect(visit.button("undo.undo")).to_be_visible()


def positive(visit: Visit) -> None:
    """A course with an alert, and all details open."""
    visit.example("septic")
    expect(visit.verdict).to_have_text(visit.text("Positive"))
    for summary in visit.page.locator("#answer summary").all():
        summary.click()


def long_stay(visit: Visit) -> None:
    """A stay past hour 48, zoomed, and the model card."""
    use_long_stay(visit, n_hours=60)
    visit.button("chart.last", hours=24).click()
    visit.page.locator("#model-card > summary").click()
    expect(visit.page.locator("#model-card table")).to_be_visible()


def units_switched(visit: Visit) -> None:
    """The question after a switch of units, and the unit of a single field."""
    visit.page.locator("#system-conventional").check()
    visit.fill(creatinine="1.5")
    visit.page.locator("#system-si").check()
    expect(visit.button("field.reread")).to_be_visible()
    visit.page.locator("#other > summary").click()


def negative_and_changed(visit: Visit) -> None:
    """No alert, and data that changed after the answer."""
    visit.example("well")
    expect(visit.verdict).to_have_text(visit.text("Negative"))
    visit.fill(heart_rate="101")


def refused(visit: Visit) -> None:
    """Four problems, each with its field."""
    visit.example("bad")
    expect(visit.problems).to_be_visible()


def dropped(visit: Visit) -> None:
    """An answer with warnings."""
    refused(visit)
    visit.button("problem.drop").click()
    expect(visit.verdict).to_be_visible()


def failed(visit: Visit) -> None:
    """A failed request."""
    visit.page.route("**/predict/patient?*", lambda route: route.abort())
    visit.fill(heart_rate="80")
    visit.estimate()
    expect(visit.problems).to_be_visible()


def repairable(visit: Visit) -> None:
    """An answer with a warning that has repairs."""
    visit.page.locator("#system-conventional").check()
    visit.fill(heart_rate="80", glucose="30")
    visit.estimate()
    expect(visit.page.locator(".part.warnings").get_by_role("button")).not_to_have_count(0)


VIEWS = (
    *(everything_open, mapping, unit_changed, positive, negative_and_changed),
    *(long_stay, units_switched),
    *(refused, repairable, dropped, failed),
)
