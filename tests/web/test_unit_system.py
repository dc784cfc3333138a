"""Units as plain text with one switch; the switch converts nothing silently."""

import json
import re

import pytest
from playwright.sync_api import Browser, expect

from tests.web.conftest import LANGUAGES, Visit, body_of, visiting
from tests.web.service import service

ROUTE = "**/predict/patient?*"


def two_creatinines(visit: Visit) -> None:
    visit.page.locator("#system-conventional").check()
    visit.fill(icu_hour="5", heart_rate="80", creatinine="1.5")
    visit.button("hours.add").click()
    visit.fill(heart_rate="82", creatinine="2")
    visit.page.locator("#system-si").check()


def test_units_are_text_and_no_field_has_a_menu_of_them(visit: Visit) -> None:
    expect(visit.page.locator("#panels .unit")).not_to_have_count(0)
    assert visit.page.locator("#panels select").count() == 2  # sex and kind of ICU
    shown = {"si": "µmol/L", "conventional": "mg/dL"}
    for system, unit in shown.items():
        visit.page.locator(f"#system-{system}").check()
        expect(visit.page.locator("#field-creatinine-unit")).to_have_text(unit)
    expect(visit.page.locator("#system-said")).to_be_empty()


def test_the_switch_keeps_numbers_and_units_and_asks(visit: Visit) -> None:
    two_creatinines(visit)
    said = visit.page.locator("#system-said")
    expect(said).to_contain_text("Cr")
    expect(said).to_contain_text("mg/dL")
    expect(visit.field("creatinine")).to_have_value("2")
    expect(visit.page.locator("#field-creatinine-unit")).to_have_text("mg/dL")
    expect(visit.page.locator("#field-glucose-unit")).to_have_text("mmol/L")


def test_the_switch_converts_every_hour_when_it_is_told_to(visit: Visit) -> None:
    two_creatinines(visit)
    visit.button("field.convert_all").click()
    expect(visit.page.locator("#system-said")).to_have_text(
        visit.text("field.converted_all.other", n=2)
    )
    expect(visit.field("creatinine")).to_have_value("177")
    visit.button("hours.previous").click()
    expect(visit.field("creatinine")).to_have_value("133")
    expect(visit.page.locator("#field-creatinine-unit")).to_have_text("µmol/L")
    visit.button("undo.undo").click()
    expect(visit.field("creatinine")).to_have_value(re.compile(r"^(1[.,]5|2)$"))


def test_numbers_that_were_in_the_new_unit_stay_at_every_hour(visit: Visit) -> None:
    two_creatinines(visit)
    visit.button("field.reread").click()
    expect(visit.field("creatinine")).to_have_value("2")
    expect(visit.page.locator("#field-creatinine-unit")).to_have_text("µmol/L")
    with visit.page.expect_request(ROUTE) as sent:
        visit.estimate()
    body = body_of(sent.value)
    assert body["units"]["creatinine"] == "umol/L"
    assert [hour["creatinine"] for hour in body["hours"]] == [1.5, 2]


def test_examples_are_in_the_units_of_the_language(visit: Visit) -> None:
    visit.example("septic")
    expect(visit.verdict).to_be_visible()
    unit = {"en": "mg/dL", "fr": "µmol/L"}[visit.language]
    expect(visit.page.locator("#field-creatinine-unit")).to_have_text(unit)
    visit.page.locator("#hour-choice").select_option("10")
    number = {"en": "1.9", "fr": "168"}[visit.language]
    expect(visit.field("creatinine")).to_have_value(number)


@pytest.mark.parametrize("system", ["si", "conventional"])
def test_the_example_with_errors_has_its_repairs_in_each_system(visit: Visit, system: str) -> None:
    visit.page.locator(f"#system-{system}").check()
    visit.example("bad")
    expect(visit.problems.locator("li")).to_have_count(4)
    expect(visit.problems.locator("li").get_by_role("button")).not_to_have_count(0)
    expect(visit.problems).to_contain_text("mg/dL" if system == "conventional" else "µmol/L")


def test_reference_ranges_are_rounded(visit: Visit) -> None:
    visit.page.locator("#system-si").check()
    for panel in visit.page.locator("#panels details > summary").all():
        panel.click()
    hints = " ".join(visit.page.locator("#panels .field > .hint").all_inner_texts())
    ends = re.findall(r"\d+(?:[.,]\d+)?", hints)
    assert len(ends) > 40
    assert [end for end in ends if re.fullmatch(r"\d{2,}[.,]\d{2,}|\d{3,}[.,]\d+", end)] == []
    expect(visit.page.locator("#field-ph-hint")).to_contain_text(re.compile(r"7[.,]35.*7[.,]45"))


def test_one_value_can_be_in_another_unit(visit: Visit) -> None:
    visit.page.locator("#system-conventional").check()
    visit.fill(heart_rate="80")
    visit.choose_unit("temperature", "[degF]")
    expect(visit.field("temperature")).to_be_focused()
    visit.fill(temperature="99")
    with visit.page.expect_request(ROUTE) as sent:
        visit.estimate()
    assert body_of(sent.value)["units"] == {"temperature": "[degF]"}


@pytest.mark.parametrize("path", ["/", "/ward"])
def test_a_silent_service_says_so_in_both_languages(browser: Browser, path: str) -> None:
    with service(SILENT="true") as address:
        for language in LANGUAGES:
            with visiting(browser, address, language) as visit:
                visit.path = path
                visit.page.goto(f"{address}{path}?lang={language}")
                expect(visit.page.locator("#silent")).to_have_text(visit.text("silent"))
                health = json.loads(visit.page.request.get(f"{address}/health").text())
                assert health["silent"] is True


def test_a_service_that_is_not_silent_shows_no_banner(visit: Visit) -> None:
    visit.fill(heart_rate="80")
    expect(visit.page.locator("#silent")).to_be_hidden()
