"""An answer from too little data: a state of its own, no all-clear."""

from playwright.sync_api import expect

from tests.web.conftest import Visit


def test_too_little_data_are_no_negative_answer(visit: Visit) -> None:
    visit.fill(age="64", heart_rate="88")
    visit.estimate()
    verdict = visit.page.locator(".verdict")
    expect(verdict).to_contain_text(visit.text("verdict.word"))
    expect(verdict).to_have_class("verdict insufficient")
    expect(verdict).not_to_contain_text(visit.text("Negative"))
    expect(verdict).not_to_contain_text(visit.text("not_measured") + " · " + visit.text("last.lab"))


def test_vital_signs_and_a_panel_are_a_negative_answer(visit: Visit) -> None:
    visit.fill(
        age="64", heart_rate="78", temperature="37", systolic_bp="125", respiratory_rate="15",
        spo2="98", creatinine="0.9", bun="15", wbc="7", platelets="250",
    )  # fmt: skip
    visit.estimate()
    expect(visit.page.locator(".verdict")).to_have_class("verdict negative")
