"""Problems on the page: sentence, field and repairs; entries are never lost."""

from collections.abc import Callable
from contextlib import ExitStack

from playwright.sync_api import Browser, Route, expect

from tests.web.conftest import DESKTOP, LANGUAGES, Visit, visiting
from tests.web.service import service

ROUTE = "**/predict/patient?*"


def test_every_problem_has_its_hour_and_a_link_to_its_field(visit: Visit) -> None:
    visit.example("bad")
    heading = visit.page.locator("#problems-title")
    expect(heading).to_be_focused()
    items = visit.problems.locator("li")
    expect(items).to_have_count(4)
    expect(items.first).to_contain_text(visit.text("problem.hour", hour=9))
    items.first.get_by_role("link").click()
    expect(visit.field("diastolic_bp")).to_be_focused()
    expect(visit.field("icu_hour")).to_have_value("9")
    expect(visit.field("diastolic_bp")).to_have_attribute("aria-invalid", "true")
    expect(visit.page.locator("#field-diastolic_bp-error")).not_to_be_empty()


def test_messages_are_in_the_language_of_the_page(visit: Visit) -> None:
    visit.fill(heart_rate="80", temperature="98.6")
    visit.estimate()
    expected = {"en": "Body temperature", "fr": "Température corporelle"}[visit.language]
    expect(visit.problems).to_contain_text(expected)
    expect(visit.problems).to_contain_text("°F")
    expect(visit.problems).not_to_contain_text("`units`")


def test_one_value_is_converted_and_sent_again(visit: Visit) -> None:
    visit.fill(heart_rate="80", temperature="98.6")
    visit.estimate()
    visit.problems.get_by_role("button").first.click()
    expect(visit.verdict).to_be_visible()
    expect(visit.field("temperature")).to_have_value("37")
    expect(visit.problems).to_have_count(0)


def test_a_fraction_in_a_percent_field_is_recognised(visit: Visit) -> None:
    visit.fill(heart_rate="80", fio2="0.4")
    visit.estimate()
    visit.problems.get_by_role("button").first.click()
    expect(visit.verdict).to_be_visible()
    expect(visit.field("fio2")).to_have_value("40")


def test_each_likely_unit_has_a_button_the_likeliest_first(visit: Visit) -> None:
    visit.choose_unit("glucose", "mg/dL")
    visit.fill(heart_rate="80", glucose="8.5")
    visit.estimate()
    buttons = visit.problems.locator("li").get_by_role("button")
    expect(buttons).to_have_count(2)
    expect(buttons.nth(0)).to_contain_text("mmol/L (153")
    expect(buttons.nth(1)).to_contain_text("g/L (850")
    buttons.nth(0).click()
    expect(visit.verdict).to_be_visible()


def test_one_click_converts_all_pressures_of_an_hour(visit: Visit) -> None:
    visit.fill(systolic_bp="15", mean_arterial_pressure="11", diastolic_bp="9")
    visit.estimate()
    visit.problems.locator("li").first.get_by_role("button").first.click()
    expect(visit.verdict).to_be_visible()
    for name, value in (
        ("systolic_bp", 150),
        ("mean_arterial_pressure", 110),
        ("diastolic_bp", 90),
    ):
        expect(visit.field(name)).to_have_value(str(value))


def test_another_unit_than_the_chosen_one_is_recognised(visit: Visit) -> None:
    visit.choose_unit("creatinine", "umol/L")
    visit.fill(heart_rate="80", creatinine="1.2")
    visit.estimate()
    visit.problems.locator("li").get_by_role("button").first.click()
    expect(visit.verdict).to_be_visible()
    expect(visit.field("creatinine")).to_have_value("106")


def test_converting_all_leaves_problems_without_a_likely_unit(visit: Visit) -> None:
    visit.example("bad")
    visit.button("problem.repair_all", n=3).click()
    expect(visit.problems.locator("li")).to_have_count(1)
    expect(visit.problems).to_contain_text("121")


def test_refused_values_are_dropped_on_request_and_listed(visit: Visit) -> None:
    visit.example("bad")
    visit.button("problem.drop").click()
    expect(visit.verdict).to_be_visible()
    dropped = visit.page.locator(".part.warnings li.dropped")
    expect(dropped).to_have_count(4)  # one sentence for both pressures of an hour
    expect(dropped.first).to_contain_text(visit.text("warnings.dropped"))
    expect(visit.field("icu_hour")).to_have_value("10")


def test_a_text_that_is_not_a_number_is_not_sent(visit: Visit) -> None:
    visit.fill(heart_rate="12/7", lactate="1,234.5")
    visit.estimate()
    expect(visit.problems.locator("li")).to_have_count(2)
    expect(visit.problems).to_contain_text("12/7")
    assert not [url for url in visit.requested if "predict" in url]
    visit.button("problem.drop").click()
    expect(visit.problems).to_contain_text(
        {"en": "nothing to predict", "fr": "rien ne permet"}[visit.language]
    )


def test_what_cannot_be_left_out_is_not_offered_to_be(visit: Visit) -> None:
    """Without an age that the model is not for, or no value at all, there is no answer."""
    for age, heart_rate in (("", ""), ("12", "80"), ("130", "80"), ("abc", "80"), ("8 mo", "x")):
        visit.fill(age=age, heart_rate=heart_rate)
        visit.estimate()
        expect(visit.problems.locator("li").first).to_contain_text(age)
        expect(visit.button("problem.drop")).to_have_count(0)


def test_correcting_a_field_removes_its_error(visit: Visit) -> None:
    visit.fill(heart_rate="abc")
    visit.estimate()
    expect(visit.field("heart_rate")).to_have_attribute("aria-invalid", "true")
    visit.fill(heart_rate="80")
    expect(visit.field("heart_rate")).not_to_have_attribute("aria-invalid", "true")


FAILURES = {
    500: "problem.failed",
    502: "problem.failed",
    503: "problem.busy",
    429: "problem.busy",
    408: "problem.late",
}


def _answering(status: int) -> Callable[[Route], None]:
    headers = {"Retry-After": "7"}
    return lambda route: route.fulfill(status=status, body="<html>proxy</html>", headers=headers)


def test_a_failed_request_is_reported_and_can_be_retried(visit: Visit) -> None:
    visit.fill(heart_rate="80", lactate="2,1")
    for status, key in FAILURES.items():
        visit.page.route(ROUTE, _answering(status), times=1)
        visit.estimate()
        expect(visit.page.locator("#problems-title")).to_have_text(
            visit.text(key, status=status, n=7)
        )
        expect(visit.problems).to_contain_text(visit.text("problem.kept"))
        expect(visit.field("lactate")).to_have_value("2,1")
        visit.button("problem.retry").click()
        expect(visit.problems).to_have_count(0)
        expect(visit.verdict).to_be_visible()


def test_a_body_limit_or_a_stopped_service_is_reported_and_entries_stay(
    browser: Browser,
) -> None:
    with ExitStack() as visits:
        with service(MAX_BODY_BYTES="1024") as address:
            opened = [
                visits.enter_context(visiting(browser, address, language, viewport=DESKTOP)).open()
                for language in LANGUAGES
            ]
            for visit in opened:
                visit.example("septic")
                title = visit.page.locator("#problems-title")
                expect(title).to_have_text(visit.text("problem.too_large"))
                expect(visit.problems).to_contain_text("1024")
        for visit in opened:
            visit.button("problem.retry").click()
            title = visit.page.locator("#problems-title")
            expect(title).to_have_text(visit.text("problem.unreachable"))
            expect(title).to_be_focused()
            expect(visit.field("heart_rate")).to_have_value("126")


def test_a_slow_request_is_reported_and_can_be_cancelled(
    browser: Browser, address: str, language: str
) -> None:
    with visiting(browser, address, language, viewport=DESKTOP) as visit:
        visit.open()
        visit.page.clock.install()
        held: list[Route] = []
        visit.page.route(ROUTE, lambda route: held.append(route))
        visit.fill(heart_rate="80")
        visit.estimate()
        expect(visit.page.locator("#status")).to_have_text(visit.text("status.asking"))
        visit.page.clock.fast_forward(5_000)
        expect(visit.page.locator("#status")).to_have_text(visit.text("status.slow"))
        visit.button("data.cancel").click()
        expect(visit.page.locator("#status")).to_be_empty()
        expect(visit.button("data.submit")).to_be_enabled()
        visit.estimate()
        visit.page.clock.fast_forward(61_000)
        expect(visit.page.locator("#problems-title")).to_have_text(visit.text("problem.late"))
        expect(visit.field("heart_rate")).to_have_value("80")
