"""An answer never stands beside other data than its own."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.conftest import Visit, body_of

ROUTE = "**/predict/patient?*"
TABLE = "HR;Temp;ICULOS\n92;37.2;1\n95;37.4;2"


def stale(visit: Visit) -> str:
    return visit.page.locator("#stale").inner_text()


def answered(visit: Visit, example: str = "septic") -> None:
    visit.example(example)
    expect(visit.verdict).to_be_visible()
    expect(visit.page.locator("#stale")).to_be_empty()


def _edit(visit: Visit) -> None:
    visit.fill(heart_rate="63")


def _unit(visit: Visit) -> None:
    visit.choose_unit("hospital_admission_hour", "d")


def _choice(visit: Visit) -> None:
    visit.fill(sex="female")


def _add(visit: Visit) -> None:
    visit.button("hours.add").click()


def _remove(visit: Visit) -> None:
    visit.button("hours.remove").click()


@pytest.mark.parametrize("change", [_edit, _unit, _choice, _add, _remove])
def test_an_answer_is_marked_after_its_data_change(
    visit: Visit, change: Callable[[Visit], None]
) -> None:
    answered(visit)
    change(visit)
    expect(visit.page.locator("#stale")).to_have_text(visit.text("answer.stale"))
    expect(visit.button("action.copy")).to_be_hidden()
    expect(visit.button("action.print")).to_be_hidden()
    visit.estimate()
    expect(visit.page.locator("#stale")).to_be_empty()
    expect(visit.button("action.copy")).to_be_visible()


def test_the_same_data_again_have_their_answer_again(visit: Visit) -> None:
    answered(visit)
    visit.fill(heart_rate="63")
    expect(visit.page.locator("#stale")).not_to_be_empty()
    visit.fill(heart_rate="126")
    expect(visit.page.locator("#stale")).to_be_empty()


def test_the_mark_stays_in_the_other_language(visit: Visit) -> None:
    answered(visit)
    visit.fill(heart_rate="63")
    other = {"en": "fr", "fr": "en"}[visit.language]
    visit.page.locator(f"#lang-{other}").click()
    expect(visit.page.locator("html")).to_have_attribute("lang", other)
    expect(visit.page.locator("#stale")).not_to_be_empty()
    visit.language = other


def test_another_hour_in_the_form_is_said_beside_the_answer(visit: Visit) -> None:
    answered(visit)
    visit.button("hours.previous").click()
    expect(visit.page.locator("#stale")).to_have_text(visit.text("answer.other_hour"))
    visit.button("hours.next").click()
    expect(visit.page.locator("#stale")).to_be_empty()


def test_data_that_replace_others_remove_their_answer_at_once(visit: Visit) -> None:
    held: list[Route] = []
    answered(visit, "well")
    visit.page.route(ROUTE, lambda route: held.append(route))
    visit.example("septic")
    expect(visit.field("heart_rate")).to_have_value("126")
    expect(visit.page.locator(".verdict")).to_have_count(0)
    visit.page.unroute(ROUTE)
    visit.button("data.clear").click()
    expect(visit.page.locator(".verdict")).to_have_count(0)


def test_a_table_removes_the_answer_at_once(visit: Visit) -> None:
    answered(visit, "well")
    visit.page.get_by_text(visit.text("several.title")).click()
    visit.page.locator("#several-text").fill(TABLE)
    visit.page.route(ROUTE, lambda route: None)
    visit.button("several.use").click()
    expect(visit.field("heart_rate")).to_have_value("95")
    expect(visit.page.locator(".verdict")).to_have_count(0)


def test_a_second_example_is_answered_although_the_first_is_on_its_way(visit: Visit) -> None:
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    visit.page.route(ROUTE, hold_first)
    visit.example("septic")
    expect(visit.page.locator("#status")).to_have_text(visit.text("status.asking"))
    visit.example("well")
    expect(visit.verdict).to_have_text(visit.text("Negative"))
    expect(visit.field("heart_rate")).to_have_value("74")


def test_an_answer_to_data_that_changed_meanwhile_is_not_shown(visit: Visit) -> None:
    held: list[Route] = []
    visit.page.route(ROUTE, lambda route: held.append(route))
    visit.fill(heart_rate="88")
    visit.estimate()
    expect(visit.page.locator("#status")).to_have_text(visit.text("status.asking"))
    visit.fill(heart_rate="188")
    expect(visit.page.locator("#status")).to_have_text(visit.text("status.changed"))
    _answer(visit.page, held)
    expect(visit.page.locator(".verdict")).to_have_count(0)
    visit.page.unroute(ROUTE)
    visit.estimate()
    expect(visit.verdict).to_be_visible()
    expect(visit.page.locator("#stale")).to_be_empty()


def _answer(page: Page, held: list[Route]) -> None:
    """Answer the requests held, though the page gave them up."""
    for route in held:
        route.fulfill(status=200, json={})
    page.wait_for_timeout(200)


def test_a_refusal_leaves_the_old_answer_marked(visit: Visit) -> None:
    answered(visit)
    visit.fill(heart_rate="900")
    visit.estimate()
    expect(visit.problems).to_be_visible()
    assert stale(visit) == visit.text("answer.stale")


def test_hours_entered_out_of_order_are_sorted(visit: Visit) -> None:
    visit.fill(icu_hour="5", heart_rate="80")
    visit.button("hours.add").click()
    visit.fill(icu_hour="3", heart_rate="90")
    with visit.page.expect_request(ROUTE) as sent:
        visit.estimate()
    assert [hour["icu_hour"] for hour in body_of(sent.value)["hours"]] == [3, 5]
    expect(visit.verdict).to_be_visible()
    expect(visit.page.locator("#stale")).to_have_text(visit.text("answer.other_hour"))


# A course that is above, below, and above again, as no patient has to have it.
UP_DOWN_UP = ["Negative", "Positive", "Positive", "Negative", "Positive"]
DOWN_AT_LAST = ["Negative", "Positive", "Positive", "Negative", "Negative"]


@pytest.mark.parametrize(
    ("course", "since"), [(UP_DOWN_UP, 5), (DOWN_AT_LAST, None)], ids=["above", "below"]
)
def test_chart_sentence_print_and_copy_say_the_same_hour(
    visit: Visit, course: list[str], since: int | None
) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.page.route(ROUTE, lambda route: _with_course(route, course))
    rows = "\n".join(f"9{at};{at + 1}" for at in range(5))
    visit.page.get_by_text(visit.text("several.title")).click()
    visit.page.locator("#several-text").fill(f"HR;ICULOS\n{rows}")
    visit.button("several.use").click()
    expect(visit.verdict).to_be_visible()
    key = "course.again" if since is None else "course.since"
    sentence = visit.texts[key].partition("{threshold}")[0]
    marks = visit.page.locator(".course .crossing")
    expect(marks).to_have_count(0 if since is None else 1)
    if since is not None:
        crossed = visit.text("chart.crossed", hour=since)
        expect(visit.page.locator(".course .halo", has_text=crossed)).to_have_count(1)
    expect(visit.page.locator(".course figcaption")).to_contain_text(sentence)
    assert sentence in (visit.page.locator(".course > .chart").get_attribute("aria-label") or "")
    expect(visit.page.locator("#said")).to_contain_text(sentence)
    visit.button("action.copy").click()
    expect(visit.page.locator("#said-action")).not_to_be_empty()
    copied = visit.page.evaluate("navigator.clipboard.readText()")
    assert sentence.replace("’", "'") in copied
    visit.page.emulate_media(media="print")
    expect(visit.page.locator(".course figcaption")).to_contain_text(sentence)


def _with_course(route: Route, course: list[str]) -> None:
    answer = route.fetch().json()
    answer["prediction"] = course[-1]
    for hour, prediction in zip(answer["trend"], course, strict=True):
        hour["prediction"] = prediction
        hour["probability"] = answer["threshold"] * (2 if prediction == "Positive" else 0.5)
    answer["probability"] = answer["trend"][-1]["probability"]
    route.fulfill(json=answer)
