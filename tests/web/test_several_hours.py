"""Input of several hours as a table from a spreadsheet or a file, with a preview."""

from typing import Any

import pytest
from playwright.sync_api import FilePayload, Locator, expect

from sepsis_detect.clinical import units
from sepsis_detect.clinical.variables import BY_CHALLENGE
from tests import unit_spellings
from tests.web.conftest import Visit

ROUTE = "**/predict/patient?*"
HOURS: list[dict[str, Any]] = [
    {"heart_rate": 88, "temperature": 37.2, "icu_hour": 3},
    {"heart_rate": 92.5, "icu_hour": 4},
]
CONSTANTS = {"age": 63, "sex": "male", "icu_unit": "surgical"}
CHALLENGE = (
    "HR|Temp|Age|Gender|Unit1|Unit2|ICULOS|SepsisLabel\n"
    "88|37.2|63|1|0|1|3|0\n"
    "92.5|NaN|63|1|0|1|4|0\n"
)
SPREADSHEET = (
    "heart_rate\ttemperature\tage\tsex\ticu_unit\ticu_hour\n"
    "88\t37,2\t63\tmale\tsurgical\t3\n"
    "92,5\t\t63\tmale\tsurgical\t4"
)
SEMICOLONS = '"HR";"Temp";"Age";"Gender";"Unit2";"ICULOS"\r\n88;37,2;63;1;1;3\r\n92,5;;63;1;1;4\r\n'
COMMAS = "HR,Temp,Age,Gender,Unit2,ICULOS\n88,37.2,63,1,1,3\n92.5,,63,1,1,4\n"


@pytest.fixture
def text(visit: Visit) -> Locator:
    """The field for the table, whose reader is loaded."""
    with visit.page.expect_response("**/web/table_text.js"):
        visit.page.get_by_text(visit.text("several.title")).click()
    return visit.page.locator("#several-text")


def messages(visit: Visit) -> Locator:
    return visit.page.locator("#several-said")


def test_a_table_is_previewed_and_sent_unchanged(visit: Visit, text: Locator) -> None:
    for table in (CHALLENGE, SPREADSHEET, SEMICOLONS, COMMAS):
        visit.requested.clear()
        if not text.is_visible():
            visit.page.get_by_text(visit.text("several.title")).click()
        text.fill("")
        expect(messages(visit)).to_be_empty()
        text.fill(table)
        expect(messages(visit)).to_contain_text(visit.text("table.summary.other", n=2))
        expect(messages(visit)).to_contain_text(visit.text("table.no_errors"))
        expect(visit.page.locator("#several-preview tbody tr")).to_have_count(2)
        # Nothing but the reader of tables was loaded.
        assert [url for url in visit.requested if "/web/table_" not in url] == []
        with visit.page.expect_request(ROUTE) as sent:
            visit.button("several.use").click()
        assert sent.value.post_data_json == CONSTANTS | {"hours": HOURS}
        expect(visit.verdict).to_be_visible()
        expect(visit.field("icu_hour")).to_have_value("4")
        visit.button("data.clear").click()


def test_headers_can_be_labels_with_units_in_the_language(visit: Visit, text: Locator) -> None:
    header = {
        "en": "Heart rate;Creatinine (µmol/L);Hours since ICU admission",
        "fr": "Fréquence cardiaque;Créatinine (µmol/L);Heure de réanimation",
    }
    text.fill(f"{header[visit.language]}\n88;150;3\n89;;4")
    with visit.page.expect_request(ROUTE) as sent:
        visit.button("several.use").click()
    assert sent.value.post_data_json == {
        "units": {"creatinine": "umol/L"},
        "hours": [
            {"heart_rate": 88, "creatinine": 150, "icu_hour": 3},
            {"heart_rate": 89, "icu_hour": 4},
        ],
    }


def test_the_page_reads_spellings_of_units_as_the_service_does(visit: Visit) -> None:
    spellings = [(name, text) for name, _, text in unit_spellings.each_printed()]
    spellings += unit_spellings.each(unit_spellings.UCUM) + unit_spellings.each(
        unit_spellings.UNCLEAR
    )
    read = visit.page.evaluate(
        """async (spellings) => {
            const { readUnit } = await import("/web/units.js");
            const { variables } = await (await fetch("/variables")).json();
            const named = Object.fromEntries(variables.map((each) => [each.challenge_name, each]));
            return spellings.map(([name, text]) => readUnit(named[name], text));
        }""",
        spellings,
    )
    for (name, text), unit in zip(spellings, read, strict=True):
        found = units.conversion(BY_CHALLENGE[name], text)
        assert unit == (found.unit if found else None), (name, text)


def test_a_file_can_be_opened_or_dropped(visit: Visit, text: Locator) -> None:
    with visit.page.expect_file_chooser() as chooser:
        visit.button("several.file").click()
    file = FilePayload(name="stay.psv", mimeType="text/plain", buffer=CHALLENGE.encode())
    chooser.value.set_files(file)
    expect(visit.page.locator("#several-preview tbody tr")).to_have_count(2)
    expect(visit.button("several.use")).to_be_enabled()
    visit.button("several.clear").click()
    expect(text).to_have_value("")
    expect(visit.button("several.use")).to_be_disabled()
    transfer = visit.page.evaluate_handle(
        """(text) => {
            const moved = new DataTransfer();
            moved.items.add(new File([text], "stay.csv"));
            return moved;
        }""",
        SEMICOLONS,
    )
    visit.page.dispatch_event("#several", "drop", {"dataTransfer": transfer})
    expect(visit.page.locator("#several-preview tbody tr")).to_have_count(2)
    expect(visit.button("several.use")).to_be_enabled()


WRONG_CELLS: list[tuple[str, str, dict[str, str]]] = [
    ("HR;ICULOS\nabc;1", "table.cell", {"text": "abc"}),
    ("HR;ICULOS\n900;1", "table.range", {"text": "900"}),
    ("HR;ICULOS\n80;1\n81;1", "table.hour_twice", {"text": "1"}),
    ("HR;Age;ICULOS\n80;60;1\n81;75;2", "table.changes", {"text": "75"}),
    ("HR;patient_id;ICULOS\n80;a;1\n81;b;2", "table.patients", {"text": "b"}),
    ("HR;ICULOS\n80;1;9", "table.cells", {}),
]
UNUSABLE = [
    ("foo;bar\n1;2", "table.no_header"),
    ("HR;ICULOS", "table.no_rows"),
    ("HR;HR;ICULOS\n1;2;3", "table.twice"),
    ("HR;Temp\n80;37\n81;37", "table.no_hour"),
    ("Creatinine (furlong);ICULOS\n1;1", "table.open"),
]


def test_cell_errors_are_shown_in_their_cells(visit: Visit, text: Locator) -> None:
    for table, key, values in WRONG_CELLS:
        text.fill(table)
        expect(messages(visit).locator("li")).to_contain_text([visit.text(key, **values)])
        line = len(table.splitlines())
        expect(messages(visit).locator("li").first).to_contain_text(
            visit.text("table.place", row=line, column="").split(",")[0]
        )
        n_marked = 0 if key == "table.cells" else 1
        expect(visit.page.locator("#several-preview td.wrong")).to_have_count(n_marked)


def test_an_unusable_table_has_a_reason(visit: Visit, text: Locator) -> None:
    for table, key in UNUSABLE:
        text.fill(table)
        expect(messages(visit)).to_contain_text(visit.text(key))
        expect(visit.button("several.use")).to_be_disabled()


def test_an_unreadable_cell_is_a_problem_before_the_request(visit: Visit, text: Locator) -> None:
    text.fill("HR;ICULOS\n80;1\nabc;2")
    visit.button("several.use").click()
    expect(visit.problems).to_contain_text("abc")
    expect(visit.problems).to_contain_text(visit.text("problem.hour", hour=2))
    visit.button("problem.drop").click()
    expect(visit.verdict).to_be_visible()


def test_a_stay_of_336_hours_is_shown(visit: Visit, text: Locator) -> None:
    rows = [f"{80 + hour % 7};{hour}" for hour in range(1, 337)]
    content = "HR;ICULOS\n" + "\n".join(rows)
    file = FilePayload(name="stay.csv", mimeType="text/csv", buffer=content.encode())
    visit.page.locator("#several-file").set_input_files(file)
    expect(text).to_have_value(content)
    visit.button("several.use").click()
    expect(visit.page.locator(".course > .chart .dot")).to_have_count(336)
