"""The board of a ward: order, states, figures, errors of one bed, and the opened patient."""

import json
import re
from typing import Any

from playwright.sync_api import expect

from tests.web.axe import violations
from tests.web.conftest import Visit
from tests.web.ward.conftest import Board
from tests.web.ward.tables import HOURS, LARGE, WARD, stay, table

ROUTE = "**/predict/patients?*"
MAX_SECONDS = 10  # 2 s is the aim on an idle machine: `make screenshots` prints what it took


def results_of(board: Board, text: str) -> list[dict[str, Any]]:
    """Show the board of a table; what the service answered."""
    board.give(text)
    with board.page.expect_response(ROUTE) as response:
        board.estimate()
    results: list[dict[str, Any]] = response.value.json()["results"]
    return results


def figure(value: float, language: str, digits: int = 1) -> str:
    return f"{value:.{digits}f}".replace(".", "," if language == "fr" else ".")


def test_beds_are_sorted_by_urgency_and_have_their_state(board: Board) -> None:
    board.show(WARD)
    assert board.labels() == ["8-septic", "11-worse", "10-wrong", "9-little", "7-well"]
    states = ["positive", "positive", "failed", "insufficient", "negative"]
    for row, state in zip(board.rows.all(), states, strict=True):
        expect(row.locator(".state strong")).to_contain_text(board.text(f"ward.state.{state}"))
    counts = board.page.locator("#counts")
    expect(counts).to_contain_text(board.text("ward.count.positive.other", n=2))
    expect(counts).to_contain_text(board.text("ward.count.insufficient", n=1))
    expect(board.row("9-little").locator(".reasons")).to_contain_text(
        board.text("ward.missing", items="")
    )


def test_labels_are_never_sent_and_each_value_is(board: Board) -> None:
    board.give(WARD)
    with board.page.expect_request(ROUTE) as sent:
        board.estimate()
    body = sent.value.post_data or ""
    for word in ("septic", "well", "wrong", "bed", "label"):
        assert word not in body
    patients = json.loads(body)["patients"]
    assert [len(patient["hours"]) for patient in patients] == [HOURS] * 5
    assert patients[1]["hours"][-1]["heart_rate"] == 126
    assert patients[1]["age"] == 64


def test_risk_change_and_threshold_are_those_of_the_service(board: Board) -> None:
    septic = results_of(board, WARD)[1]
    row = board.row("8-septic")
    percent = 100 * septic["probability"]
    digits = 0 if percent >= 10 else 1
    expect(row.locator(".risk")).to_contain_text(figure(percent, board.language, digits))
    before = next(each for each in septic["trend"] if each["icu_hour"] == HOURS - 6)
    change = figure(percent - 100 * before["probability"], board.language)
    expect(row.locator(".change")).to_have_text(board.text("reasons.points", points=f"+{change}"))
    expect(row.locator("svg.sparkline .threshold")).to_have_count(1)
    label = row.locator("svg.sparkline").get_attribute("aria-label") or ""
    assert board.text("Positive") in label
    expect(row.locator(".reasons li")).to_have_count(3)
    expect(row.locator(".reasons")).to_contain_text("↑")
    expect(row.locator(".data")).to_contain_text(board.text("chart.hour", hour=HOURS))


def test_the_head_line_says_what_to_expect(board: Board) -> None:
    model = json.loads(board.page.request.get(f"{board.address}/model").text())
    (point,) = (
        each for each in model["operating_points"] if each["threshold"] == model["threshold"]
    )
    board.show(table(*(stay(f"{bed}", worst=0, hours=2) for bed in range(1, 13))))
    flagged = 12 * point["alerts_per_patient_day"]
    septic = round(flagged * point["ppv"])
    said = board.text("ward.expect.other", n=12, flagged=round(flagged), septic=septic)
    expect(board.page.locator(".expected")).to_contain_text(said)
    sensitivity = f"{100 * point['sensitivity']:.0f}"
    expect(board.page.locator(".expected")).to_contain_text(sensitivity)


def test_an_error_of_one_bed_is_told_there_and_costs_the_others_nothing(board: Board) -> None:
    board.show(WARD)
    failure = board.row("10-wrong").locator(".failure")
    expect(failure).to_contain_text(board.text("problem.hour", hour=HOURS))
    expect(failure).to_contain_text("124")
    board.page.get_by_role("button", name="10-wrong", exact=True).click()
    told = board.page.locator("#answer-content li")
    expect(told.last).to_contain_text("124")
    expect(told.last).to_contain_text("?")  # the hint
    board.page.keyboard.press("Escape")
    failure.get_by_role("button").click()
    dropped = board.row("10-wrong")
    expect(dropped.locator(".risk")).to_be_visible()
    expect(dropped.locator(".limits")).to_contain_text(re.compile(r"\d"))
    expect(dropped.locator(".open")).to_be_focused()
    expect(board.rows).to_have_count(5)


def test_what_the_model_is_not_for_is_not_offered_to_be_left_out(board: Board) -> None:
    board.show("bed,HR,Age,ICULOS\n1,80,7,1\n2,80,60,1\n3,80,abc,1")
    for bed, age in (("1", "7"), ("3", "abc")):
        row = board.row(bed)
        expect(row.locator(".failure")).to_contain_text(age)
        expect(row.get_by_role("button", name=board.text("problem.drop"))).to_have_count(0)


def test_a_cell_that_cannot_be_read_is_told_before_and_after(board: Board) -> None:
    board.give(WARD.replace("8-septic,12,64,1,126", "8-septic,12,64,1,abc"))
    expect(board.said).to_contain_text("8-septic")
    expect(board.said).to_contain_text(board.text("table.cell", text="abc"))
    with board.page.expect_request(ROUTE) as sent:
        board.estimate()
    assert len(json.loads(sent.value.post_data or "")["patients"]) == 4
    row = board.row("8-septic")
    expect(row.locator(".failure")).to_contain_text(board.text("table.cell", text="abc"))
    row.get_by_role("button", name=board.text("problem.drop")).click()
    expect(row.locator(".limits")).to_contain_text(board.text("ward.left_out.one", n=1))


def test_the_limit_after_hour_48_is_said_at_the_alert(board: Board) -> None:
    board.show(table(stay("1", worst=1, first=60), stay("2", worst=0, first=60)))
    expect(board.row("1").locator(".limits")).to_have_text(board.text("ward.limit.late_alert"))
    expect(board.row("2").locator(".limits")).to_have_text(board.text("ward.limit.late"))


def test_a_bed_opens_with_chart_reasons_warnings_and_values(board: Board) -> None:
    board.show(WARD)
    page = board.page
    page.get_by_role("button", name="8-septic", exact=True).click()
    patient = page.get_by_role("dialog")
    expect(patient.locator("#patient-title")).to_be_focused()
    expect(patient.locator("#patient-title")).to_have_text("8-septic")
    expect(board.verdict).to_have_text(board.text("Positive"))
    expect(patient.locator(".course > .chart")).to_be_visible()
    expect(patient.locator("table.reasons").first).to_be_visible()
    patient.get_by_text(board.text("part.values"), exact=True).last.click()
    expect(patient).to_contain_text("126")
    page.keyboard.press("Escape")
    expect(patient).to_be_hidden()
    expect(page.get_by_role("button", name="8-septic", exact=True)).to_be_focused()
    page.get_by_role("button", name="10-wrong", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("124")


def test_thirty_beds_of_three_days_are_shown(board: Board) -> None:
    board.give(LARGE)
    board.button("ward.use").click()
    expect(board.rows).to_have_count(30, timeout=1000 * MAX_SECONDS)
    expect(board.page.locator("svg.sparkline")).to_have_count(30)


def test_the_language_changes_every_word_and_keeps_the_board(board: Board) -> None:
    board.show(WARD)
    labels = board.labels()
    other = {"en": "fr", "fr": "en"}[board.language]
    board.page.locator(f"#lang-{other}").click()
    expect(board.page.locator("html")).to_have_attribute("lang", other)
    assert board.labels() == labels
    word = "Négatif" if other == "fr" else "Negative"
    expect(board.row("7-well").locator(".state")).to_contain_text(word)
    board.page.locator(f"#lang-{board.language}").click()
    expect(board.page.locator("html")).to_have_attribute("lang", board.language)


def test_a_patient_of_the_form_is_added_from_tab_to_tab(visit: Visit) -> None:
    """The board asks for the label and keeps the units; a second patient comes beside the first."""
    for example, label in (("septic", "Bay-7"), ("well", "Bed B")):
        with visit.page.expect_response("**/predict/patient?*"):
            visit.example(example)
        if example == "septic":
            with visit.page.expect_popup() as opened:
                visit.button("action.ward").click()
            board = opened.value
        else:
            visit.button("action.ward").click()
        expect(board.locator("#given-label")).to_be_focused()
        assert violations(board) == []
        board.locator("#given-label").fill(label)
        with board.expect_request(ROUTE) as sent:
            board.keyboard.press("Enter")
        assert label not in (sent.value.post_data or "")
        expect(board.locator("#given")).to_be_empty()
    assert board.locator(".board .open").all_inner_texts() == ["Bay-7", "Bed B"]
    fio2 = f"60{chr(160)}%" if visit.language == "fr" else "60%"
    expect(board.locator(".board .reasons").first).to_contain_text(fio2)
    board.close()


def test_the_pages_lead_to_each_other_in_the_language(board: Board) -> None:
    page = board.page
    page.get_by_role("link", name=board.text("ward.one_patient")).click()
    expect(page).to_have_url(f"{board.address}/?lang={board.language}")
    page.get_by_role("link", name=board.text("footer.ward")).click()
    expect(page).to_have_url(f"{board.address}/ward?lang={board.language}")
