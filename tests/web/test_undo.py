"""Nothing entered is lost by a clear, an example, a table, a reload or a link."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, FilePayload, expect

from tests.web.conftest import Visit

TABLE = "HR;ICULOS\n92;1\n95;2"


def _clear(visit: Visit) -> None:
    visit.button("data.clear").click()


def _example(visit: Visit) -> None:
    visit.example("septic")
    expect(visit.field("heart_rate")).to_have_value("126")


def _table(visit: Visit) -> None:
    visit.page.get_by_text(visit.text("several.title")).click()
    visit.page.locator("#several-text").fill(TABLE)
    visit.button("several.use").click()
    expect(visit.field("heart_rate")).to_have_value("95")


@pytest.mark.parametrize("lose", [_clear, _example, _table])
def test_what_replaces_entries_can_be_undone_and_done_again(
    visit: Visit, lose: Callable[[Visit], None]
) -> None:
    visit.fill(heart_rate="87", lactate="2.2")
    lose(visit)
    after = visit.field("heart_rate").input_value()
    assert after != "87"
    visit.button("undo.undo").click()
    expect(visit.field("heart_rate")).to_have_value("87")
    expect(visit.field("lactate")).to_have_value("2,2" if visit.language == "fr" else "2.2")
    expect(visit.page.locator("#undo-said")).to_have_text(visit.text("undo.undone"))
    visit.button("undo.redo").click()
    expect(visit.field("heart_rate")).to_have_value(after)
    visit.button("undo.undo").click()
    expect(visit.field("heart_rate")).to_have_value("87")


def test_a_removed_hour_can_be_undone(visit: Visit) -> None:
    visit.fill(icu_hour="5", heart_rate="80")
    visit.button("hours.add").click()
    visit.fill(heart_rate="90")
    visit.button("hours.remove").click()
    expect(visit.field("heart_rate")).to_have_value("80")
    visit.button("undo.undo").click()
    expect(visit.field("heart_rate")).to_have_value("90")


def test_entries_typed_after_a_clear_are_not_lost_by_its_undo(visit: Visit) -> None:
    visit.fill(heart_rate="87")
    visit.button("data.clear").click()
    visit.fill(heart_rate="101")
    visit.button("undo.undo").click()
    expect(visit.field("heart_rate")).to_have_value("87")
    visit.button("undo.redo").click()
    expect(visit.field("heart_rate")).to_have_value("101")


def test_a_cleared_table_can_be_undone(visit: Visit) -> None:
    visit.page.get_by_text(visit.text("several.title")).click()
    text = visit.page.locator("#several-text")
    text.fill(TABLE)
    expect(visit.page.locator("#several-preview tbody tr")).to_have_count(2)
    visit.button("several.clear").click()
    expect(text).to_have_value("")
    visit.button("undo.undo").click()
    expect(text).to_have_value(TABLE)
    expect(visit.page.locator("#several-preview tbody tr")).to_have_count(2)


def test_a_table_that_a_file_replaced_can_be_undone(visit: Visit) -> None:
    visit.page.get_by_text(visit.text("several.title")).click()
    text = visit.page.locator("#several-text")
    text.fill(TABLE)
    expect(visit.page.locator("#several-preview tbody tr")).to_have_count(2)
    file = FilePayload(name="stay.csv", mimeType="text/csv", buffer=b"HR;ICULOS\n80;1")
    visit.page.locator("#several-file").set_input_files(file)
    expect(text).not_to_have_value(TABLE)
    visit.button("undo.undo").click()
    expect(text).to_have_value(TABLE)


def test_clear_all_clears_the_table_too(visit: Visit) -> None:
    visit.page.get_by_text(visit.text("several.title")).click()
    text = visit.page.locator("#several-text")
    text.fill(TABLE)
    visit.button("data.clear").click()
    expect(text).to_have_value("")
    visit.button("undo.undo").click()
    expect(text).to_have_value(TABLE)


def test_a_file_dropped_beside_the_table_does_not_replace_the_page(visit: Visit) -> None:
    is_prevented = visit.page.evaluate("""() => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["x"], "stay.csv"));
        const drop = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
        document.body.dispatchEvent(drop);
        return drop.defaultPrevented;
    }""")
    assert is_prevented


def test_an_undone_replacement_has_its_answer_again(visit: Visit) -> None:
    visit.example("septic")
    expect(visit.verdict).to_have_text(visit.text("Positive"))
    visit.button("data.clear").click()
    expect(visit.page.locator(".verdict")).to_have_count(0)
    visit.button("undo.undo").click()
    expect(visit.verdict).to_have_text(visit.text("Positive"))
    expect(visit.page.locator("#stale")).to_be_empty()


def _reload(visit: Visit) -> None:
    visit.page.evaluate("setTimeout(() => location.reload())")


def _link(visit: Visit) -> None:
    visit.page.get_by_text(visit.text("footer.docs")).click(no_wait_after=True)


def _back(visit: Visit) -> None:
    visit.page.evaluate("setTimeout(() => history.back())")


@pytest.mark.parametrize("leave", [_reload, _link, _back])
def test_leaving_the_page_with_entries_is_asked_for(
    visit: Visit, leave: Callable[[Visit], None]
) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    visit.page.on("dialog", stay)
    visit.field("heart_rate").click()
    visit.page.keyboard.type("87")
    leave(visit)
    visit.page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    expect(visit.field("heart_rate")).to_have_value("87")


def test_leaving_an_empty_form_or_an_example_is_not_asked_for(visit: Visit) -> None:
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    visit.page.on("dialog", leave)
    visit.page.reload()
    visit.field("heart_rate").wait_for()
    visit.example("septic")
    expect(visit.verdict).to_be_visible()
    visit.page.reload()
    visit.field("heart_rate").wait_for()
    assert asked == []
