"""Accessibility and print of the board: WCAG 2.2 AA, keyboard alone, narrow screens, one page."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from pypdf import PdfReader

from tests.web.axe import violations
from tests.web.conftest import DESKTOP, KEY, PHONE, visiting_as
from tests.web.ward.conftest import Board
from tests.web.ward.tables import LARGE, WARD


def empty(board: Board) -> None:
    """Before a table is given."""


def questions(board: Board) -> None:
    """A table with open questions and a problem."""
    board.give("bed;time;HR;foo\nA;06:00;80;1\nA;07:00;abc;1\nB;06:00;90;1\nB;07:00;90;1")
    expect(board.page.locator(".firsts input")).to_have_count(2)


def shown(board: Board) -> None:
    """Every state, and a dismissal without a reason."""
    board.show(WARD)
    board.row("8-septic").get_by_role("combobox").select_option("dismissed")


def opened(board: Board) -> None:
    """An opened patient."""
    board.show(WARD)
    board.page.get_by_role("button", name="8-septic", exact=True).click()
    expect(board.verdict).to_be_visible()


def failed(board: Board) -> None:
    """A failed request."""
    board.page.route("**/predict/patients?*", lambda route: route.abort())
    board.button("ward.example").click()
    expect(board.problems).to_be_visible()


VIEWS = (empty, questions, shown, opened, failed)
View = Callable[[Board], None]


@pytest.mark.parametrize("view", VIEWS, ids=[view.__name__ for view in VIEWS])
def test_axe_finds_nothing_in_any_view(board: Board, view: View) -> None:
    view(board)
    found = {"light, desktop": violations(board)}
    board.page.emulate_media(color_scheme="dark")
    board.page.set_viewport_size(PHONE)
    found["dark, phone"] = violations(board)
    assert not any(found.values()), json.dumps(found, indent=1)


@pytest.mark.parametrize("view", VIEWS, ids=[view.__name__ for view in VIEWS])
def test_axe_finds_nothing_with_forced_colours(browser: Browser, address: str, view: View) -> None:
    options: dict[str, Any] = {
        "forced_colors": "active",
        "color_scheme": "dark",
        "viewport": DESKTOP,
    }
    with visiting_as(Board, browser, address, "en", **options) as board:
        board.open()
        view(board)
        assert violations(board) == []


@pytest.mark.parametrize("view", VIEWS, ids=[view.__name__ for view in VIEWS])
def test_nothing_is_wider_than_320_pixels(
    browser: Browser, address: str, language: str, view: View
) -> None:
    size = {"width": 320, "height": 800}
    with visiting_as(Board, browser, address, language, viewport=size) as board:
        board.open()
        view(board)
        wide = board.page.evaluate("""() => [...document.querySelectorAll("body *")]
            .filter((each) => each.checkVisibility() && !each.closest(".scroll, thead, svg"))
            .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
            .map((each) => each.outerHTML.slice(0, 200))""")
        assert wide == []
        assert board.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_targets_are_at_least_24_pixels(board: Board) -> None:
    shown(board)
    board.page.locator("#several > summary").click()
    small = board.page.evaluate("""() =>
        [...document.querySelectorAll("button, input, select, summary")]
        .filter((each) => each.checkVisibility() && each.type !== "radio")
        .filter((each) => each.getBoundingClientRect().height < 24)
        .map((each) => each.outerHTML)""")
    assert small == []


def test_the_board_can_be_used_with_the_keyboard_alone(board: Board) -> None:
    page, keyboard = board.page, board.page.keyboard

    def focused() -> str:
        return str(page.evaluate("document.activeElement.id || document.activeElement.className"))

    def tab_to(name: str) -> None:
        for _ in range(40):
            if focused() == name:
                return
            keyboard.press("Tab")
        raise AssertionError(f"{name} is not reached")

    tab_to("ward-example")
    keyboard.press("Enter")
    expect(board.rows).to_have_count(8)
    assert focused() == "board-title"
    tab_to("open")
    keyboard.press("Enter")
    expect(board.verdict).to_be_visible()
    keyboard.press("Tab")
    assert focused() == "patient-close"
    keyboard.press("Enter")
    assert focused() == "open"
    keyboard.press("Tab")
    keyboard.press("ArrowDown")
    keyboard.press("Tab")
    keyboard.type("seen")
    keyboard.press("Tab")
    row = board.rows.first
    expect(row.get_by_role("combobox")).to_have_value("acknowledged")
    expect(row.get_by_role("textbox")).to_have_value("seen")


def test_thirty_beds_are_printed_on_one_page(board: Board, tmp_path: Path) -> None:
    board.show(LARGE)
    expect(board.rows).to_have_count(30)
    path = tmp_path / "ward.pdf"
    board.page.pdf(path=path, prefer_css_page_size=True)
    (page,) = PdfReader(path).pages
    assert page.mediabox.width > page.mediabox.height
    text = " ".join(page.extract_text().split())
    assert board.text("ward.state.positive") in text
    assert board.text("ward.use") not in text
    start_of_notice = board.text("ward.notice")[:20]
    assert text.count(start_of_notice) == 1


def test_an_opened_patient_is_printed_alone(board: Board, tmp_path: Path) -> None:
    opened(board)
    path = tmp_path / "patient.pdf"
    board.page.pdf(path=path, prefer_css_page_size=True)
    text = PdfReader(path).pages[0].extract_text()
    assert "8-septic" in text
    assert "7-well" not in text


def test_the_key_is_asked_for_and_not_stored(
    browser: Browser, guarded_address: str, language: str
) -> None:
    with visiting_as(Board, browser, guarded_address, language, viewport=DESKTOP) as board:
        board.page.goto(f"{guarded_address}/ward?lang={language}")
        expect(board.page.get_by_role("dialog")).to_contain_text(board.text("key.needed"))
        board.page.locator("#key").fill(KEY)
        board.button("key.use").click()
        board.show_example()
        assert KEY not in board.page.content()
