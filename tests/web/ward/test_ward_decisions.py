"""What the user does with a board: decide, export, add, clear; and requests that fail."""

import csv
import io

from playwright.sync_api import Locator, expect

from tests.web.ward.conftest import Board
from tests.web.ward.tables import WARD, stay, table

ROUTE = "**/predict/patients?*"


def decide(board: Board, label: str, kind: str) -> Locator:
    """Choose a decision for a bed; the field of its reason."""
    cell = board.row(label).locator(".decision")
    cell.get_by_role("combobox").select_option(board.text(f"ward.decision.{kind}"))
    return cell.get_by_role("textbox")


def exported(board: Board) -> list[dict[str, str]]:
    """The rows of the exported file, by their English names."""
    with board.page.expect_download() as download:
        board.button("ward.export").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    delimiter = {"en": ",", "fr": ";"}[board.language]
    header, *rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    names = {words: key for key, words in board.texts.items() if key.startswith("ward.csv.")}
    keys = [names[words].removeprefix("ward.csv.") for words in header]
    return [dict(zip(keys, row, strict=True)) for row in rows]


def test_a_decision_is_kept_and_exported(board: Board) -> None:
    board.show(WARD)
    decide(board, "8-septic", "acknowledged")
    reason = decide(board, "11-worse", "dismissed")
    expect(reason).to_be_focused()
    expect(board.row("11-worse")).to_contain_text(board.text("ward.reason_needed"))
    assert {row["bed"]: row["decision"] for row in exported(board)}["11-worse"] == ""
    reason.fill("Treated; since 3 h")
    reason.press("Enter")
    board.page.locator(f"#lang-{board.language}").click()  # renders the board anew
    expect(board.row("11-worse").get_by_role("textbox")).to_have_value("Treated; since 3 h")
    rows = {row["bed"]: row for row in exported(board)}
    assert rows["8-septic"]["decision"] == board.text("ward.decision.acknowledged")
    assert rows["11-worse"]["reason"] == "Treated; since 3 h"
    assert rows["11-worse"]["decided_at"] != ""
    assert rows["10-wrong"]["state"] == board.text("ward.state.failed")
    assert rows["10-wrong"]["risk_percent"] == ""
    point = {"en": ".", "fr": ","}[board.language]
    assert point in rows["7-well"]["risk_percent"]


def test_a_negative_answer_needs_no_decision(board: Board) -> None:
    board.show(WARD)
    expect(board.row("7-well").get_by_role("combobox")).to_have_count(0)
    expect(board.row("9-little").get_by_role("combobox")).to_have_count(1)


def test_a_label_is_no_formula_in_the_export(board: Board) -> None:
    board.show(table(stay("=1+1", worst=0), stay("@x", worst=0)))
    assert {row["bed"] for row in exported(board)} == {"'=1+1", "'@x"}


def test_a_new_estimate_is_open_again_and_shows_the_earlier_decision(board: Board) -> None:
    board.show(WARD)
    decide(board, "8-septic", "acknowledged")
    board.show(WARD + "\n")
    row = board.row("8-septic")
    expect(row.get_by_role("combobox")).to_have_value("")
    expect(row.locator(".decision")).to_contain_text(board.text("ward.decision.acknowledged"))
    decisions = [row["decision"] for row in exported(board) if row["bed"] == "8-septic"]
    assert decisions == [board.text("ward.decision.acknowledged"), ""]


def test_beds_can_be_added_and_a_cleared_board_comes_back(board: Board) -> None:
    board.show(WARD)
    board.give(table(stay("12-new", worst=0), stay("7-well", worst=0)))
    expect(board.page.locator("#stale")).to_have_text(board.text("ward.stale"))
    board.button("ward.add").click()
    expect(board.rows).to_have_count(6)
    expect(board.page.locator("#stale")).to_be_empty()
    board.button("ward.clear").click()
    expect(board.rows).to_have_count(0)
    board.button("ward.undo").click()
    expect(board.rows).to_have_count(6)


def test_a_cleared_table_comes_back(board: Board) -> None:
    board.give(WARD)
    board.button("several.clear").click()
    expect(board.page.locator("#several-text")).to_have_value("")
    board.button("ward.undo").click()
    expect(board.page.locator("#several-text")).to_have_value(WARD)
    expect(board.button("ward.use")).to_be_enabled()


def test_a_changed_table_gives_up_the_request_on_its_way(board: Board) -> None:
    board.give(WARD)
    board.page.route(ROUTE, lambda route: None)  # never answered
    board.button("ward.use").click()
    expect(board.page.locator("#status")).to_have_text(board.text("status.asking"))
    board.page.locator("#several-text").fill("bed,HR,ICULOS\n1,80,1")
    expect(board.page.locator("#status")).to_be_empty()
    board.page.unroute(ROUTE)
    board.estimate()
    assert board.labels() == ["1"]


def test_too_many_patients_are_refused_in_a_sentence(board: Board) -> None:
    board.give("bed,HR,ICULOS\n" + "\n".join(f"{bed},80,1" for bed in range(1001)))
    board.button("ward.use").click()
    expect(board.problems).to_contain_text(board.text("ward.fewer"))
    expect(board.problems).to_contain_text("1001")
    expect(board.page.locator("#problems-title")).to_be_focused()


def test_a_body_over_the_limit_is_refused_in_a_sentence(board: Board) -> None:
    board.give(WARD)
    board.page.route(ROUTE, lambda route: route.fulfill(status=413, body='{"detail": []}'))
    board.button("ward.use").click()
    expect(board.problems).to_contain_text(board.text("ward.fewer"))


def test_a_failed_request_keeps_the_table_and_can_be_repeated(board: Board) -> None:
    board.give(WARD)
    board.page.route(ROUTE, lambda route: route.abort(), times=1)
    board.button("ward.use").click()
    expect(board.problems).to_contain_text(board.text("problem.unreachable"))
    board.button("problem.retry").click()
    expect(board.rows).to_have_count(5)
    expect(board.problems).to_have_count(0)


def test_questions_about_the_table_come_before_the_request(board: Board) -> None:
    rows = [f"{bed};{hour}:00;{70 + hour};x" for bed in ("A", "B") for hour in range(6, 9)]
    board.give("\n".join(["bed;time;HR;foo", *rows]))
    expect(board.said).to_contain_text(board.text("table.ignored", text="foo"))
    expect(board.said).to_contain_text(board.text("ward.first_missing", text="6:00"))
    fields = board.page.locator(".firsts input")
    fields.first.fill("20")
    fields.first.press("Tab")
    expect(fields.nth(1)).to_be_focused()
    fields.nth(1).fill("3")
    fields.nth(1).press("Tab")
    expect(board.said.locator("li")).to_have_count(0)
    board.estimate()
    expect(board.row("A").locator(".data")).to_contain_text(board.text("chart.hour", hour=22))
    expect(board.row("B").locator(".data")).to_contain_text(board.text("chart.hour", hour=5))


def test_a_table_without_known_columns_has_a_reason(board: Board) -> None:
    board.give("a,b\n1,2")
    expect(board.said).to_contain_text(board.text("table.no_header"))
    expect(board.button("ward.use")).to_be_disabled()


def test_a_table_without_labels_asks_which_column_has_them(board: Board) -> None:
    board.give("place,HR,ICULOS\nA,80,1\nB,90,1")
    expect(board.button("ward.use")).to_be_disabled()
    board.page.get_by_label(board.text("ward.which")).select_option("place")
    board.estimate()
    assert sorted(board.labels()) == ["A", "B"]


def test_markup_in_a_table_stays_text(board: Board) -> None:
    board.show("bed,HR,ICULOS,<img src=x onerror=alert(1)>\n<b>A</b>,80,1,1\nB,<i>,1,1")
    assert "<b>A</b>" in board.labels()
    expect(board.page.locator("main :is(img, b, i)")).to_have_count(0)
