"""Accessible names with units, focus that is never lost, the title, and the way back on a phone."""

import re

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.web.conftest import PHONE, Visit, visiting
from tests.web.views import dropped, everything_open, positive, refused


def focused(visit: Visit) -> str:
    element = "document.activeElement"
    return str(visit.page.evaluate(f"{element} === document.body ? 'body' : {element}.id || 'x'"))


def test_the_unit_is_part_of_the_name_of_each_field(visit: Visit) -> None:
    fields = visit.page.get_by_role("textbox")
    expect(visit.field("heart_rate")).to_have_accessible_name(re.compile(r"\(/min\)$"))
    expect(visit.field("temperature")).to_have_accessible_name(re.compile(r"\(°C\)$"))
    assert fields.count() > 10
    visit.fill(creatinine="100")
    creatinine = visit.field("creatinine")
    visit.choose_unit("creatinine", "umol/L")
    expect(creatinine).to_have_accessible_name(re.compile(r"\(µmol/L\)$"))
    visit.choose_unit("creatinine", "mg/dL")
    expect(creatinine).to_have_accessible_name(re.compile(r"\(mg/dL\)$"))


def _press(visit: Visit, button: Locator) -> str:
    button.focus()
    button.press("Enter")
    visit.page.wait_for_timeout(100)
    return focused(visit)


def test_the_focus_never_falls_to_the_body(visit: Visit) -> None:
    after: dict[str, str] = {}

    def press(key: str, button: Locator) -> None:
        after[key] = _press(visit, button)

    visit.page.route("**/predict/patient?*", lambda route: route.fallback())
    for key in ("examples.septic", "data.submit", "hours.previous", "hours.next"):
        press(key, visit.button(key))
    press("hours.previous", visit.button("hours.previous"))
    for key in ("hours.add", "hours.remove", "undo.undo", "undo.redo", "data.clear"):
        press(key, visit.button(key))
    press("undo of clear", visit.button("undo.undo"))
    for at in range(12):
        press(f"remove {at}", visit.button("hours.remove"))
    press("examples.bad", visit.button("examples.bad"))
    expect(visit.problems).to_be_visible()
    press("repair", visit.problems.locator("li").get_by_role("button").first)
    press("drop", visit.button("problem.drop"))
    other = {"en": "fr", "fr": "en"}[visit.language]
    press("language", visit.page.locator(f"#lang-{other}"))
    press("language again", visit.page.locator(f"#lang-{visit.language}"))
    assert {key: at for key, at in after.items() if at == "body"} == {}


def test_the_focus_stays_while_a_request_is_cancelled(visit: Visit) -> None:
    visit.page.route("**/predict/patient?*", lambda route: None)
    visit.fill(heart_rate="80")
    visit.estimate()
    assert _press(visit, visit.button("data.cancel")) == "submit"


def test_the_focus_stays_in_the_mapping_of_a_table(visit: Visit) -> None:
    visit.page.get_by_text(visit.text("several.title")).click()
    visit.page.locator("#several-text").fill("RR;Heure;FC\n18;8:00;80\n19;9:00;82")
    meaning = visit.page.locator("#mapping-0")
    meaning.focus()
    meaning.select_option("Resp")
    expect(visit.page.locator("#mapping-0")).to_be_focused()
    first = visit.page.locator("#mapping-first")
    first.fill("3")
    first.press("Enter")
    expect(visit.page.locator("#mapping-first")).to_be_focused()
    visit.button("several.use").focus()
    visit.button("several.use").press("Enter")
    expect(visit.verdict).to_be_visible()
    expect(visit.page.locator("#answer-title")).to_be_focused()
    expect(visit.field("icu_hour")).to_have_value("4")


def test_the_title_says_that_there_is_an_error(visit: Visit) -> None:
    refused(visit)
    expect(visit.page).to_have_title(re.compile(f"^{visit.text('title.error')}"))
    visit.button("problem.drop").click()
    expect(visit.verdict).to_be_visible()
    expect(visit.page).to_have_title(visit.text("title"))


def test_effects_are_texts_not_only_bars(visit: Visit) -> None:
    positive(visit)
    effects = visit.page.locator("table.reasons .effect")
    texts = effects.all_inner_texts()
    assert len(texts) > 8
    for text in texts:
        assert re.fullmatch(r"[+−]?\d+[.,]\d\u00a0points?", text.strip()), text


def test_a_phone_has_a_way_back_from_the_answer_to_the_data(
    browser: Browser, address: str, language: str
) -> None:
    with visiting(browser, address, language, viewport=PHONE) as visit:
        visit.open()
        visit.example("well")
        expect(visit.verdict).to_be_visible()
        back = visit.page.get_by_role("link", name=visit.text("answer.back"))
        expect(back).to_be_in_viewport()
        back.click()
        expect(visit.page.locator("#data-title")).to_be_in_viewport()
        expect(visit.page.locator("#data-title")).to_be_focused()


WORDS_THAT_BREAK = """() => {
    const broken = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    while (texts.nextNode()) {
        const node = texts.currentNode;
        const hidden = "svg, select, .visually-hidden, textarea, .stacked thead";
        const parent = node.parentElement;
        if (!parent.checkVisibility() || parent.closest(hidden)) continue;
        for (const { 0: word, index } of node.data.matchAll(/[\\p{L}\\p{N}]+/gu)) {
            range.setStart(node, index);
            range.setEnd(node, index + word.length);
            const tops = [...range.getClientRects()].map(({ top }) => Math.round(top));
            if (new Set(tops).size > 1) broken.push(word);
        }
    }
    return broken;
}"""


@pytest.mark.parametrize("view", [everything_open, positive, dropped])
def test_no_word_is_broken_at_320_pixels(
    browser: Browser, address: str, language: str, view: object
) -> None:
    with visiting(browser, address, language, viewport={"width": 320, "height": 800}) as visit:
        visit.open()
        assert callable(view)
        view(visit)
        broken = visit.page.evaluate(WORDS_THAT_BREAK)
        assert broken == [], " ".join(broken)
