"""The page as people meet it: everything it can show, in as few states as show it."""

from playwright.sync_api import expect

from tests.web.conftest import Visit


def everything_open(visit: Visit) -> None:
    """Every field, and a table with a cell that cannot be read."""
    for summary in visit.page.locator("#data details > summary").all():
        summary.click()
    visit.page.locator("#several-text").fill("HR;ICULOS;foo\nabc;1;1\n80;2;2")
    expect(visit.page.locator("#several-preview td.wrong")).to_be_visible()


def positive(visit: Visit) -> None:
    """A course with an alert, and all there is to unfold."""
    visit.example("septic")
    expect(visit.verdict).to_have_text(visit.say("Positive"))
    for summary in visit.page.locator("#answer summary").all():
        summary.click()


def negative_and_changed(visit: Visit) -> None:
    """No alert, and data that are no longer those of the answer."""
    visit.example("well")
    expect(visit.verdict).to_have_text(visit.say("Negative"))
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
    """No service."""
    visit.page.route("**/predict/patient?*", lambda route: route.abort())
    visit.fill(heart_rate="80")
    visit.estimate()
    expect(visit.problems).to_be_visible()


VIEWS = (everything_open, positive, negative_and_changed, refused, dropped, failed)
