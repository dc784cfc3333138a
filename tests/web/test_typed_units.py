"""Errors, warnings and repairs in the unit and number that were typed; changes of a unit."""

import re

from playwright.sync_api import expect

from tests.web.conftest import Visit, body_of

ROUTE = "**/predict/patient?*"


def unit_of(visit: Visit, name: str, unit: str) -> None:
    visit.fill(**{name: ""})  # opens its panel
    visit.choose_unit(name, unit)


def test_a_problem_speaks_in_the_typed_unit(visit: Visit) -> None:
    unit_of(visit, "glucose", "mmol/L")
    visit.fill(heart_rate="80", glucose="190")
    visit.estimate()
    link = visit.problems.get_by_role("link")
    expect(link).to_contain_text(re.compile(r"190\u00a0mmol/L"))
    expect(link).to_contain_text(re.compile(r"0[.,]555 (to|à) 139"))
    expect(link).not_to_contain_text("mg/dL")


def test_a_contradiction_speaks_in_the_typed_units(visit: Visit) -> None:
    for name, value in (("bilirubin_direct", "80"), ("bilirubin_total", "50")):
        unit_of(visit, name, "umol/L")
        visit.fill(**{name: value})
    visit.estimate()
    link = visit.problems.get_by_role("link")
    expect(link).to_contain_text("80\u00a0µmol/L")
    expect(link).to_contain_text("50\u00a0µmol/L")
    expect(link).not_to_contain_text("mg/dL")


def test_a_repair_names_the_typed_number_and_is_rounded(visit: Visit) -> None:
    unit_of(visit, "creatinine", "umol/L")
    visit.fill(heart_rate="80", creatinine="1.2")
    visit.estimate()
    button = visit.problems.locator("li").get_by_role("button").first
    expect(button).to_contain_text(re.compile(r"1[.,]2\u00a0mg/dL \(106\u00a0µmol/L\)"))
    button.click()
    expect(visit.verdict).to_be_visible()
    expect(visit.field("creatinine")).to_have_value("106")
    expect(visit.problems).to_have_count(0)


def test_no_repair_is_offered_twice(visit: Visit) -> None:
    """Every repair of every variable ends with an answer, or with a problem without repair."""
    typed = {
        "temperature": "98.6",
        "glucose": "5.1",
        "hemoglobin": "110",
        "platelets": "150000",
        "wbc": "12500",
        "calcium": "24",
        "fibrinogen": "3",
        "hematocrit": "0.35",
        "paco2": "5",
    }
    for system in ("si", "conventional"):
        for name, value in typed.items():
            visit.button("data.clear").click()
            visit.page.locator(f"#system-{system}").check()
            visit.fill(heart_rate="80", **{name: value})
            visit.estimate()
            visit.page.locator("#answer[aria-busy=false]").wait_for()
            for _ in range(2):
                repairs = visit.problems.locator("li").get_by_role("button")
                if not repairs.count():
                    break
                before = visit.field(name).input_value()
                repairs.first.click()
                expect(visit.field(name)).not_to_have_value(before)
                expect(visit.page.locator("#status")).to_be_empty()
            expect(visit.problems.locator("li").get_by_role("button")).to_have_count(0)


def test_a_usual_range_warning_offers_the_repair(visit: Visit) -> None:
    visit.page.locator("#system-conventional").check()
    visit.fill(heart_rate="80", glucose="30")
    visit.estimate()
    repair = visit.page.locator(".part.warnings").get_by_role("button").first
    expect(repair).to_contain_text("mmol/L")
    repair.click()
    expect(visit.field("glucose")).to_have_value("540")
    expect(visit.page.locator("#stale")).to_be_empty()
    expect(visit.page.locator(".part.warnings").get_by_role("button")).to_have_count(0)


def test_a_number_with_two_readings_is_asked_and_not_sent(visit: Visit) -> None:
    for typed, choice, meant in (("1,234", 0, 1234), ("12.345", 1, 12.345)):
        visit.fill(heart_rate="80", ast=typed)
        n_sent = len([url for url in visit.requested if "predict" in url])
        visit.estimate()
        repairs = visit.problems.locator("li").get_by_role("button")
        expect(repairs).to_have_count(2)
        assert len([url for url in visit.requested if "predict" in url]) == n_sent
        with visit.page.expect_request(ROUTE) as sent:
            repairs.nth(choice).click()
        assert body_of(sent.value)["ast"] == meant
        expect(visit.verdict).to_be_visible()


OWN_UNITS = {
    "age": "64 ans",
    "icu_hour": "5 h",
    "heart_rate": "90/min",
    "respiratory_rate": "18 c/min",
    "temperature": "37,2 °C",
    "spo2": "97 %",
    "systolic_bp": "120 mmHg",
    "platelets": "150 000 /mm3",
    "wbc": "11 10^9/L",
}


def test_a_unit_behind_a_number_is_read(visit: Visit) -> None:
    """The unit of the field is left out; another one is not converted without a click."""
    visit.page.locator("#system-si").check()
    visit.choose_unit("platelets", "/uL")
    visit.fill(**OWN_UNITS, bun="5,2 mmol/l")
    with visit.page.expect_request(ROUTE) as sent:
        visit.estimate()
    expected = (64, 5, 90, 18, 37.2, 97, 120, 150_000, 11, 5.2)
    body = body_of(sent.value)
    assert tuple(body[name] for name in (*OWN_UNITS, "bun")) == expected
    assert body["units"] == {"bun": "mmol/L (urea)", "platelets": "/uL", "wbc": "10*9/L"}
    expect(visit.verdict).to_be_visible()
    expect(visit.field("temperature")).to_have_value("37,2")
    for name, other, own in (("creatinine", "1.2 mg/dL", "106"), ("systolic_bp", "16 kPa", "120")):
        visit.fill(**{name: other})
        visit.estimate()
        expect(visit.problems.get_by_role("link")).to_contain_text(other)
        visit.problems.locator("li").get_by_role("button").click()
        expect(visit.field(name)).to_have_value(own)
        expect(visit.problems).to_have_count(0)


def test_changing_a_unit_says_what_happens_at_every_hour(visit: Visit) -> None:
    visit.page.locator("#system-conventional").check()
    visit.fill(icu_hour="5", heart_rate="80", creatinine="1.5")
    visit.button("hours.add").click()
    visit.fill(heart_rate="82", creatinine="2")
    visit.choose_unit("creatinine", "umol/L")
    said = visit.page.locator("#field-creatinine-said")
    expect(said).to_contain_text(visit.text("field.unit_changed.other", n=2, unit="µmol/L"))
    expect(visit.field("creatinine")).to_have_value("2")
    visit.button("field.convert").click()
    expect(said).to_have_text(visit.text("field.converted.other", n=2))
    expect(visit.field("creatinine")).to_be_focused()
    expect(visit.field("creatinine")).to_have_value("177")
    visit.button("hours.previous").click()
    expect(visit.field("creatinine")).to_have_value("133")


def test_a_unit_of_an_empty_field_changes_without_words(visit: Visit) -> None:
    visit.fill(heart_rate="80")
    unit_of(visit, "creatinine", "mg/dL")
    expect(visit.page.locator("#field-creatinine-said")).to_be_empty()


def test_hours_in_hospital_are_asked_for_as_a_positive_number(visit: Visit) -> None:
    visit.fill(heart_rate="80", hospital_admission_hour="36")
    with visit.page.expect_request(ROUTE) as sent:
        visit.estimate()
    assert body_of(sent.value)["hospital_admission_hour"] == -36
    expect(visit.verdict).to_be_visible()
    visit.fill(hospital_admission_hour="-36")
    visit.estimate()
    expect(visit.problems).to_contain_text("-36")
    visit.problems.locator("li").get_by_role("button").click()
    expect(visit.field("hospital_admission_hour")).to_have_value("36")
    expect(visit.problems).to_have_count(0)


def test_hints_are_for_a_person(visit: Visit) -> None:
    visit.fill(heart_rate="0", temperature="37")
    visit.estimate()
    expect(visit.problems).to_contain_text(visit.text("problem.zero"))
    expect(visit.problems).not_to_contain_text("null")
    visit.page.locator("#system-conventional").check()
    visit.fill(heart_rate="80", bun="90", creatinine="0.4")  # their ratio is unusual
    visit.estimate()
    warnings = visit.page.locator(".part.warnings")
    expect(warnings.locator(".hint")).not_to_have_count(0)
    expect(warnings).to_contain_text("creatinin" if visit.language == "en" else "créatinin")
    expect(warnings).not_to_contain_text("`")
