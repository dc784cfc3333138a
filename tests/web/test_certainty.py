"""The card of the answer: reasons, how sure, how often wrong, change since the last answer."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Visit
from tests.web.long_stays import use_long_stay

ROUTE = "**/predict/patient?*"


def plain(text: str) -> str:
    """A text of the page with ASCII spaces."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def figure(visit: Visit, number: float, decimals: int) -> str:
    """A number as the page writes it."""
    return f"{number:.{decimals}f}".replace(".", "," if visit.language == "fr" else ".")


def percent(visit: Visit, share: float) -> str:
    """Whole from 10 % on, one decimal below."""
    sign = "%" if visit.language == "en" else " %"
    return figure(visit, 100 * share, 0 if round(1000 * share) >= 100 else 1) + sign


def model_of(visit: Visit) -> dict[str, Any]:
    model: dict[str, Any] = json.loads(visit.page.request.get(f"{visit.address}/model").text())
    return model


def answer_of(visit: Visit, example: str) -> dict[str, Any]:
    with visit.page.expect_response(ROUTE) as response:
        visit.example(example)
    expect(visit.verdict).to_be_visible()
    answer: dict[str, Any] = response.value.json()
    return answer


def test_the_card_has_three_measured_reasons_with_points(visit: Visit) -> None:
    answer_of(visit, "septic")
    card = visit.page.locator(".verdict .certainty")
    expect(card).to_contain_text(visit.text("certainty.associated"))
    reasons = card.locator(".leading li")
    expect(reasons).to_have_count(3)
    for text in reasons.all_inner_texts():
        assert re.search(r"\d.* ?: \+\d+[.,]\d points?$", plain(text)), text


def test_the_card_says_how_many_of_such_hours_are_septic(visit: Visit) -> None:
    answer = answer_of(visit, "septic")
    expected = {"total": 100, "n": round(100 * answer["probability"])}
    such = visit.text("certainty.such.other", **expected)
    expect(visit.page.locator(".certainty .such")).to_have_text(such)
    answer = answer_of(visit, "well")
    total = 1000 if answer["probability"] < 0.01 else 100
    said = visit.page.locator(".certainty .such").inner_text()
    assert re.sub(
        r"\D+", " ", plain(said).replace("1 000", "1000").replace("1,000", "1000")
    ).split()[0] == str(total)


def test_the_card_states_the_served_operating_point(visit: Visit) -> None:
    model = model_of(visit)
    point = next(p for p in model["operating_points"] if p["threshold"] == model["threshold"])
    answer_of(visit, "septic")
    served = plain(visit.page.locator(".certainty .served").inner_text())
    for share in (point["ppv"], point["sensitivity"], 1 - point["sensitivity"]):
        assert percent(visit, share) in served
    assert figure(visit, point["alerts_per_patient_day"], 1) in served
    visit.page.get_by_role("link", name=visit.text("point.card")).click()
    card = visit.page.locator("#model-card table")
    expect(card).to_be_in_viewport()
    expect(card.locator("tbody tr")).to_have_count(len(model["operating_points"]))
    expect(card.get_by_text(visit.text("card.served"))).to_have_count(1)


def test_key_values_that_are_missing_are_named_in_the_card(visit: Visit) -> None:
    visit.fill(icu_hour="5", heart_rate="90", temperature="37", mean_arterial_pressure="80")
    visit.fill(respiratory_rate="18", systolic_bp="120", spo2="97")
    with visit.page.expect_response(ROUTE) as response:
        visit.estimate()
    missing = response.value.json()["data_sufficiency"]["missing"]
    expect(visit.verdict).to_be_visible()
    assert missing
    listed = json.loads(visit.page.request.get(f"{visit.address}/variables").text())["variables"]
    labels = {each["name"]: each[f"label_{visit.language}"] for each in listed}
    for name in set(missing) - {"bun"}:
        expect(visit.page.locator(".verdict")).to_contain_text(labels[name])


def test_the_change_since_the_answer_before_is_said_for_the_same_stay_only(visit: Visit) -> None:
    change = visit.page.locator(".certainty .change")
    first = answer_of(visit, "septic")
    expect(change).to_have_count(0)
    visit.button("hours.add").click()
    visit.fill(heart_rate="90", mean_arterial_pressure="85", lactate="1")
    with visit.page.expect_response(ROUTE) as response:
        visit.estimate()
    points = 100 * (response.value.json()["probability"] - first["probability"])
    said = figure(visit, abs(points), 1)
    expect(change).to_contain_text(said)
    expect(change).to_contain_text(visit.text("chart.hour", hour=first["icu_hour"]).lower())
    visit.estimate()
    expect(visit.page.locator("#answer[aria-busy=false]")).to_be_visible()
    expect(change).to_contain_text(said)  # asked again, not compared with itself
    answer_of(visit, "well")
    expect(change).to_have_count(0)  # another patient


@pytest.mark.parametrize("digits", [0.0996, 0.1234])
def test_the_copied_text_rounds_as_the_page_does(visit: Visit, digits: float) -> None:
    def changed(route: Any) -> None:
        answer = route.fetch()
        body = answer.json() | {"probability": digits, "threshold": 0.031}
        route.fulfill(response=answer, json=body)

    visit.page.route(ROUTE, changed)
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    answer_of(visit, "septic")
    visit.button("action.copy").click()
    expect(visit.page.locator("#said-action")).to_have_text(visit.text("action.copied"))
    text = plain(visit.page.evaluate("navigator.clipboard.readText()"))
    shown = {0.0996: figure(visit, 10.0, 0), 0.1234: "12"}[digits]
    sign = "%" if visit.language == "en" else " %"
    assert f"{shown}{sign}" in text
    expect(visit.page.locator(".probability")).to_have_text(re.compile(rf"^{shown}\s?%$"))


def test_past_hour_48_the_card_says_that_alerts_are_mostly_false_and_why(visit: Visit) -> None:
    with visit.page.expect_response(ROUTE) as response:
        use_long_stay(visit, n_hours=60)
    answer = response.value.json()
    assert "icu_hour" not in [each["variable"] for each in answer["contributions"]]
    late = next(each for each in answer["warnings"] if each["rule"] == "stay.late")
    said = late["msg" if visit.language == "en" else "msg_fr"].split(".")[0]
    shown = plain(visit.page.locator(".verdict .late").inner_text()).replace("’", "'")
    assert said in shown
    expect(visit.page.locator(".certainty .such")).to_contain_text(
        visit.text("certainty.such_late")
    )
    expect(visit.page.locator("figure.course figcaption")).to_contain_text(
        visit.text("chart.late", hour=48)
    )
    expect(visit.page.locator(".course .late line")).not_to_have_count(0)
    hour = visit.text("field.icu_hour")
    expect(visit.page.locator("table.reasons")).not_to_contain_text([hour] * 2)
