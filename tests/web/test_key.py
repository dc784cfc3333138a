"""Authentication on the page: it asks for the API key once and does not store it."""

import pytest
from playwright.sync_api import Browser, expect

from tests.web.axe import violations
from tests.web.conftest import DESKTOP, KEY, visiting

ROUTE = "**/predict/patient?*"


def test_the_key_is_asked_for_once_and_not_stored(
    browser: Browser, guarded_address: str, language: str
) -> None:
    with visiting(browser, guarded_address, language, viewport=DESKTOP) as visit:
        visit.page.goto(f"{guarded_address}/?lang={language}")
        dialog = visit.page.get_by_role("dialog")
        expect(dialog).to_contain_text(visit.text("key.needed"))
        expect(visit.page.locator("#key")).to_be_focused()
        visit.page.locator("#key").fill("wrong")
        visit.button("key.use").click()
        expect(dialog).to_contain_text(visit.text("key.wrong"))
        visit.page.locator("#key").fill(KEY)
        visit.page.locator("#key").press("Enter")
        expect(visit.field("heart_rate")).to_be_visible()
        expect(dialog).to_be_hidden()
        visit.example("septic")
        expect(visit.verdict).to_have_text(visit.text("Positive"))
        assert KEY not in visit.page.content()
        assert KEY not in visit.page.url


def test_a_revoked_key_is_asked_for_again(
    browser: Browser, guarded_address: str, language: str
) -> None:
    with visiting(browser, guarded_address, language, viewport=DESKTOP) as visit:
        visit.page.goto(f"{guarded_address}/?lang={language}")
        visit.page.locator("#key").fill(KEY)
        visit.button("key.use").click()
        visit.fill(heart_rate="80")
        refused = '{"detail": []}'
        visit.page.route(ROUTE, lambda route: route.fulfill(status=401, body=refused), times=1)
        visit.estimate()
        expect(visit.page.get_by_role("dialog")).to_contain_text(visit.text("key.wrong"))
        visit.page.locator("#key").fill(KEY)
        visit.button("key.use").click()
        expect(visit.verdict).to_be_visible()


def test_without_a_key_the_page_states_that_one_is_required(
    browser: Browser, guarded_address: str, language: str
) -> None:
    with visiting(browser, guarded_address, language, viewport=DESKTOP) as visit:
        visit.page.goto(f"{guarded_address}/?lang={language}")
        visit.page.get_by_role("dialog").wait_for()
        visit.page.keyboard.press("Escape")
        expect(visit.page.locator("#problems-title")).to_have_text(visit.text("problem.key"))
        visit.button("problem.retry").click()
        expect(visit.page.get_by_role("dialog")).to_be_visible()


def test_the_key_dialog_keeps_the_focus_inside(
    browser: Browser, guarded_address: str, language: str
) -> None:
    with visiting(browser, guarded_address, language) as visit:
        visit.page.goto(f"{guarded_address}/?lang={language}")
        visit.page.get_by_role("dialog").wait_for()
        for _ in range(4):
            visit.page.keyboard.press("Tab")
            outside = visit.page.evaluate(
                "!document.activeElement.matches('body, dialog, dialog *')"
            )
            assert not outside
        assert KEY not in visit.page.content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_key_dialog(
    browser: Browser, guarded_address: str, language: str, scheme: str
) -> None:
    with visiting(
        browser, guarded_address, language, color_scheme=scheme, viewport=DESKTOP
    ) as visit:
        visit.page.goto(f"{guarded_address}/?lang={language}")
        visit.page.get_by_role("dialog").wait_for()
        assert violations(visit) == []
