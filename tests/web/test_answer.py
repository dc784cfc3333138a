"""The page from the first visit to an answer, its exports and its print."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from pypdf import PdfReader

from tests.web.conftest import Visit, visiting

ROUTE = "**/predict/patient?*"


OWN_LABELS = ("icu_unit", "hospital_admission_hour", "bun", "icu_hour")


def plain(text: str) -> str:
    """A text of the page with ASCII spaces and apostrophes."""
    return text.replace("’", "'").replace("\u00a0", " ").replace("\u202f", " ")


def test_the_page_explains_itself_before_anything_is_entered(visit: Visit) -> None:
    expect(visit.page.locator("html")).to_have_attribute("lang", visit.language)
    expect(visit.page.locator("#notice")).to_have_text(visit.text("notice"))
    expect(visit.page.locator(".welcome")).to_contain_text(visit.text("welcome.trust"))
    expect(visit.page.locator("#model-card summary")).to_contain_text(re.compile(r"20\d\d\.\d"))


def test_the_page_states_what_changed_and_the_expected_alerts(visit: Visit) -> None:
    expect(visit.page.locator("#changed")).to_contain_text(visit.text("welcome.changed"))
    model = json.loads(visit.page.request.get(f"{visit.address}/model").text())
    point = next(p for p in model["operating_points"] if p["threshold"] == model["threshold"])
    alerts = f"{point['alerts_per_patient_day']:.2g}"
    expected = visit.text(
        "welcome.alerts", alerts=alerts if visit.language == "en" else alerts.replace(".", ",")
    )
    expect(visit.page.locator("#changed")).to_contain_text(expected)


def test_the_form_has_every_variable_with_its_unit(visit: Visit) -> None:
    listed = json.loads(visit.page.request.get(f"{visit.address}/variables").text())["variables"]
    for variable in listed:
        field = visit.field(variable["name"])
        expect(field).to_have_count(1)
        label = visit.page.locator(f"label[for=field-{variable['name']}]")
        is_own = variable["name"] in OWN_LABELS
        own = visit.texts.get(f"field.{variable['name']}", "")
        expect(label).to_contain_text(own if is_own else variable[f"label_{visit.language}"])
    expect(visit.page.locator("#field-heart_rate-unit")).to_have_text("/min")


def test_a_few_values_are_enough_and_a_decimal_comma_is_accepted(visit: Visit) -> None:
    visit.fill(heart_rate="88", temperature="37,2", lactate="1.1")
    with visit.page.expect_request(ROUTE) as sent:
        visit.estimate()
    assert sent.value.post_data_json == {"heart_rate": 88, "temperature": 37.2, "lactate": 1.1}
    expect(visit.verdict).to_contain_text(visit.text("verdict.word"))
    expect(visit.page.locator(".part.course")).to_contain_text(visit.text("course.one_hour"))


def test_enter_submits_the_form_and_focuses_the_answer(visit: Visit) -> None:
    visit.fill(heart_rate="88")
    visit.field("heart_rate").press("Enter")
    expect(visit.verdict).to_be_visible()
    expect(visit.page.locator("#answer-title")).to_be_focused()


@pytest.mark.parametrize(("example", "verdict"), [("well", "Negative"), ("septic", "Positive")])
def test_an_example_is_answered_in_one_click(visit: Visit, example: str, verdict: str) -> None:
    with visit.page.expect_response(ROUTE) as response:
        visit.example(example)
    answer = response.value.json()
    page = visit.page
    expect(visit.verdict).to_have_text(visit.text(verdict))
    expect(page.locator(".verdict .icon")).to_have_count(1)
    percent = 100 * answer["probability"]
    digits = f"{percent:.{1 if percent < 9.95 else 0}f}"
    digits = digits.replace(".", "," if visit.language == "fr" else ".")
    expect(page.locator(".probability")).to_contain_text(digits)
    expect(page.locator(".verdict")).to_contain_text(answer["model"]["version"])
    expect(page.locator(".verdict")).to_contain_text(
        visit.text("chart.hour", hour=answer["icu_hour"])
    )
    expect(page.locator("table.reasons").first.locator("tbody tr")).to_have_count(8)
    expect(page.locator(".scores tbody tr")).to_have_count(len(answer["scores"]))
    expect(page.locator(".course > .chart")).to_have_count(1)
    expect(page.locator(".small-chart")).to_have_count(6)


def test_the_course_is_shown_as_chart_sentence_and_table(visit: Visit) -> None:
    visit.example("septic")
    chart = visit.page.locator(".course > .chart")
    expect(chart.locator(".dot")).to_have_count(14)
    expect(chart.locator(".dot.hollow")).to_have_count(1)  # hour 31 has no measurement
    expect(chart.locator(".threshold")).to_have_count(1)
    expect(chart.locator(".quiet")).to_have_count(1)
    said = chart.get_attribute("aria-label") or ""
    assert said.startswith(visit.text("course.from_to").split("{")[0])
    expect(visit.page.locator("#said")).to_contain_text(said)
    visit.page.get_by_text(visit.text("chart.table")).click()
    rows = visit.page.locator(".course table tbody tr")
    expect(rows).to_have_count(14)
    expect(rows.nth(6)).to_contain_text(visit.text("chart.no_data"))
    expect(visit.page.get_by_text(visit.text("chart.no_data"), exact=True)).to_have_count(1)


def test_a_contribution_has_value_unit_age_and_points(visit: Visit) -> None:
    visit.example("septic")
    rows = visit.page.locator("table.reasons").first.locator("tbody tr")
    expect(rows.first).to_be_visible()
    text = " ".join(rows.all_inner_texts())
    points = r"[+−]\d+[.,]\d points?"
    assert len(re.findall(points, plain(text))) == 8
    assert re.search(visit.text("age.ago", hours=r"\d+") + "|" + visit.text("age.now"), text)
    assert re.search(r"\d (/min|°C|mmHg|%)", plain(text))


def test_scores_name_their_missing_items(visit: Visit) -> None:
    visit.fill(heart_rate="118", systolic_bp="88", respiratory_rate="26")
    visit.estimate()
    qsofa = visit.page.locator(".scores tr", has_text="qSOFA")
    expect(qsofa).to_contain_text(visit.text("scores.items", n=2, total=3))
    expect(qsofa).to_contain_text(visit.text("scores.missing.one", items="").strip())


def test_a_value_in_another_unit_is_shown_converted_and_sent_with_its_unit(visit: Visit) -> None:
    visit.fill(heart_rate="80", creatinine="150")
    visit.choose_unit("creatinine", "umol/L")
    converted = "1,7 mg/dL" if visit.language == "fr" else "1.7 mg/dL"
    expect(visit.page.locator("#field-creatinine-hint")).to_contain_text(converted)
    with visit.page.expect_request(ROUTE) as sent:
        visit.estimate()
    assert sent.value.post_data_json == {
        "heart_rate": 80,
        "creatinine": 150,
        "units": {"creatinine": "umol/L"},
    }
    expect(visit.page.locator(".reasons")).not_to_have_count(0)


def test_hours_are_added_one_by_one(visit: Visit) -> None:
    visit.fill(icu_hour="5", heart_rate="80")
    visit.button("hours.add").click()
    expect(visit.field("icu_hour")).to_have_value("6")
    expect(visit.field("icu_hour")).to_be_focused()
    visit.fill(heart_rate="90")
    visit.button("hours.previous").click()
    expect(visit.field("heart_rate")).to_have_value("80")
    with visit.page.expect_request(ROUTE) as sent:
        visit.estimate()
    hours = [{"icu_hour": 5, "heart_rate": 80}, {"icu_hour": 6, "heart_rate": 90}]
    assert sent.value.post_data_json == {"hours": hours}
    visit.button("hours.remove").click()
    expect(visit.page.locator("#hours")).to_be_hidden()
    expect(visit.field("heart_rate")).to_have_value("90")


def test_changing_the_language_keeps_data_and_answer(visit: Visit) -> None:
    visit.example("septic")
    expect(visit.verdict).to_have_text(visit.text("Positive"))
    temperature = visit.field("bun").input_value()
    other = {"en": "fr", "fr": "en"}[visit.language]
    visit.page.locator(f"#lang-{other}").click()
    expect(visit.page.locator("html")).to_have_attribute("lang", other)
    expect(visit.page.locator(f"#lang-{other}")).to_have_attribute("aria-pressed", "true")
    expect(visit.verdict).not_to_have_text(visit.text("Positive"))
    assert visit.field("bun").input_value() == temperature
    assert visit.page.url.endswith(f"?lang={other}")
    visit.language = other


def test_the_copied_text_has_the_whole_answer(visit: Visit) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.example("septic")
    visit.button("action.copy").click()
    expect(visit.page.locator("#said-action")).to_have_text(visit.text("action.copied"))
    text = visit.page.evaluate("navigator.clipboard.readText()")
    for part in ("Positive", "notice", "part.reasons", "part.scores", "part.values"):
        assert plain(visit.text(part)) in plain(text)
    assert len(re.findall(r"[+−]\d+[.,]\d points?", plain(text))) == 8
    assert f"- {'Age: 71 years' if visit.language == 'en' else 'Âge : 71 ans'}" in plain(text)
    # Some record systems accept only old character sets.
    assert not set(text) & set("\u202f’")
    if visit.language == "fr":
        assert not re.search(r"(?<![\u00a0\d]):|(?<!\u00a0);", text)
    assert "NaN" not in text
    assert "undefined" not in text


def test_the_curl_command_gets_the_same_answer(visit: Visit) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with visit.page.expect_response(ROUTE) as response:
        visit.example("septic")
    visit.button("action.curl").click()
    expect(visit.page.locator("#said-action")).to_have_text(visit.text("action.copied"))
    command = visit.page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True, timeout=60)
    assert json.loads(done.stdout)["probability"] == response.value.json()["probability"]


def test_request_and_answer_can_be_downloaded_unchanged(visit: Visit) -> None:
    with visit.page.expect_response(ROUTE) as response:
        visit.example("septic")
    expect(visit.verdict).to_be_visible()
    for key, expected in (
        ("action.request", response.value.request.post_data_json),
        ("action.answer", response.value.json()),
    ):
        with visit.page.expect_download() as download:
            visit.button(key).click()
        assert json.loads(Path(download.value.path()).read_text("utf-8")) == expected


def _everything_measured(visit: Visit) -> None:
    """Two days with a value of each variable, high enough for warnings."""
    variables = json.loads(visit.page.request.get(f"{visit.address}/variables").text())["variables"]
    clinical = [each for each in variables if each["kind"] != "demographic"]
    rows = [
        [str(hour), *("" if hour % 3 == 0 else str(each["reference_high"]) for each in clinical)]
        for hour in range(1, 49)
    ]
    head = ["Age", "Gender", "Unit1", "HospAdmTime", "ICULOS"]
    table = [head + [each["challenge_name"] for each in clinical]]
    table += [["71", "1", "1", "-61.5", *row] for row in rows]
    visit.page.get_by_text(visit.text("several.title")).click()
    visit.page.locator("#several-text").fill("\n".join("|".join(row) for row in table))
    visit.button("several.use").click()


def test_the_answer_prints_on_one_page(visit: Visit, tmp_path: Path) -> None:
    for example in ("well", "septic", None):
        with visit.page.expect_response("**/predict/patient?*"):
            if example:
                visit.example(example)
            else:
                _everything_measured(visit)
        expect(visit.verdict).to_be_visible()
        expect(visit.page.locator("#answer")).to_have_attribute("aria-busy", "false")
        _check_print(visit, tmp_path / "answer.pdf")


def _check_print(visit: Visit, file: Path) -> None:
    visit.page.pdf(path=file, prefer_css_page_size=True)
    (sheet,) = PdfReader(file).pages
    text = " ".join(plain(sheet.extract_text()).split())
    said = plain(visit.verdict.inner_text())
    parts = ("notice", "part.reasons", "part.scores", "part.values")
    for part in (said, *(plain(visit.text(key)).split(".")[0] for key in parts)):
        assert part in text
    size = (round(float(sheet.mediabox.width)), round(float(sheet.mediabox.height)))
    assert size in ((595, 842), (596, 842))  # A4 in points


def test_a_reloaded_page_has_no_earlier_values(visit: Visit) -> None:
    visit.fill(heart_rate="123")
    visit.page.reload()
    visit.field("heart_rate").wait_for()
    expect(visit.field("heart_rate")).to_have_value("")


def test_the_default_language_is_that_of_the_browser(
    browser: Browser, address: str, language: str
) -> None:
    with visiting(browser, address, language) as visit:
        visit.page.goto(address)
        visit.field("heart_rate").wait_for()
        expect(visit.page.locator("html")).to_have_attribute("lang", language)
