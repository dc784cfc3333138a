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
    icu_type = visit.page.locator(".reasons tr", has_text=visit.text("field.icu_unit"))
    expect(icu_type).to_contain_text(visit.text("choice.unknown"))
