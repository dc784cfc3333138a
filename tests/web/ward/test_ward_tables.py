"""Which rows of a table belong to which bed, in the board's own reader."""

from typing import Any

import pytest

from tests.web.ward.conftest import Board
from tests.web.ward.tables import line, stay, table

READ = """async ([texts, answers]) => {
    const { noAnswers } = await import("/web/table_reader.js");
    const { Headers } = await import("/web/table_columns.js");
    const { readBeds } = await import("/web/ward_table.js");
    const service = await (await fetch("/variables")).json();
    const headers = new Headers(service.variables, service.table_words);
    return texts.map((text) => {
        const chosen = { ...noAnswers(), firsts: {}, system: "si", ...answers };
        const found = readBeds(text, headers, chosen);
        const beds = found.beds.map(({ label, table, faults, isDroppable }) => ({
            label, faults: faults.map(({ key }) => key), isDroppable,
            hours: table.hours.map(({ icu_hour: hour }) => hour ?? null),
        }));
        const { isBedAsked, nFilled } = found;
        return { beds, isBedAsked, nFilled };
    });
}"""


def read(board: Board, *texts: str, **answers: Any) -> list[dict[str, Any]]:
    """Read tables; `answers` is what the user would choose."""
    found: list[dict[str, Any]] = board.page.evaluate(READ, [texts, answers])
    return found


def hours_by_label(found: dict[str, Any]) -> dict[str, list[str | None]]:
    return {bed["label"]: bed["hours"] for bed in found["beds"]}


@pytest.mark.parametrize("language", ["en"])
def test_headers_of_beds_are_known_in_three_languages(board: Board) -> None:
    headers = ["bed", "Bed no", "bed_id", "Lit", "N° de lit", "Chambre", "Box", "Bett", "Bettplatz"]
    headers += ["Zimmer", "patient_id", "stay_id", "IPP", "Fallnummer"]
    texts = [f"{header};HR;ICULOS\na;80;1\na;81;2\nb;82;1\nb;83;2" for header in headers]
    for header, found in zip(headers, read(board, *texts), strict=True):
        assert hours_by_label(found) == {"a": ["1", "2"], "b": ["1", "2"]}, header


@pytest.mark.parametrize("language", ["en"])
def test_rows_may_be_mixed_newest_first_or_labelled_once(board: Board) -> None:
    mixed = "lit,HR,ICULOS\n1,80,1\n2,90,1\n1,81,2\n2,91,2"
    newest_first = "lit,HR,ICULOS\n1,81,2\n1,80,1\n2,91,2\n2,90,1"
    once = "lit,HR,ICULOS\n1,80,1\n,81,2\n2,90,1\n,91,2"
    across = "lit\t1\t1\t2\t2\nICULOS\t1\t2\t1\t2\nHR\t80\t81\t90\t91"
    for found in read(board, mixed, newest_first, once, across):
        assert hours_by_label(found) == {"1": ["1", "2"], "2": ["1", "2"]}
        assert [bed["faults"] for bed in found["beds"]] == [[], []]
    assert read(board, once)[0]["nFilled"] == 2


@pytest.mark.parametrize("language", ["en"])
def test_a_patient_who_changes_bed_is_one_and_two_in_one_bed_are_two(board: Board) -> None:
    moved = "patient_id,bed,HR,ICULOS\n7,A,80,1\n7,B,81,2"
    next_patient = "patient_id,bed,HR,ICULOS\n7,A,80,50\n7,A,81,51\n8,A,90,1\n8,A,91,2"
    bed_only = "bed,HR,ICULOS\nA,80,50\nA,81,51\nA,90,1\nA,91,2"
    found = read(board, moved, next_patient, bed_only)
    assert hours_by_label(found[0]) == {"B · 7": ["1", "2"]}
    assert hours_by_label(found[1]) == {"A · 7": ["50", "51"], "A · 8": ["1", "2"]}
    no_id = "patient_id,bed,HR,ICULOS\n7,A,80,1\n,A,81,2\n,B,90,1\n,B,91,2"
    assert hours_by_label(read(board, no_id)[0]) == {"A · 7": ["1", "2"], "B": ["1", "2"]}
    (mixed,) = found[2]["beds"]
    assert mixed["faults"] == ["ward.turn"]
    assert not mixed["isDroppable"]


@pytest.mark.parametrize("language", ["en"])
def test_a_fault_costs_its_own_bed_alone(board: Board) -> None:
    older = [line("9", hour, 0, age=64 if hour < 3 else 81) for hour in range(1, 4)]
    unreadable = line("8", 13, 0).replace("84", "x")
    text = table(stay("7", worst=0), [*stay("8", worst=0), unreadable])
    text += "\n" + "\n".join(older) + "\n10,1,64,1,80\n10,1,64,1,99"
    (found,) = read(board, text)
    faults = {bed["label"]: (bed["faults"], bed["isDroppable"]) for bed in found["beds"]}
    assert faults == {
        "7": ([], True),
        "8": (["table.cell"], True),
        "9": (["table.changes"], False),
        "10": (["table.hour_twice"], False),
    }


@pytest.mark.parametrize("language", ["en"])
def test_one_row_a_patient_needs_no_hour(board: Board) -> None:
    (found,) = read(board, "bed,HR,Temp\n1,80,37\n2,99,39")
    assert [bed["faults"] for bed in found["beds"]] == [[], []]
    (two,) = read(board, "bed,HR,Temp\n1,80,37\n2,99,39\n2,98,39")
    assert [bed["faults"] for bed in two["beds"]] == [[], ["table.no_hour"]]


@pytest.mark.parametrize("language", ["en"])
def test_times_need_the_first_hour_of_each_bed(board: Board) -> None:
    text = "bed;time;HR\n1;06:10;80\n1;07:05;81\n2;06:40;90\n2;07:40;91\n3;07:00;92"
    (open_,) = read(board, text)
    assert [bed["faults"] for bed in open_["beds"]] == [["ward.first_missing"]] * 2 + [[]]
    (known,) = read(board, text, firsts={"1": "30", "2": "4"})
    assert hours_by_label(known) == {"1": ["30", "31"], "2": ["4", "5"], "3": [None]}


@pytest.mark.parametrize("language", ["en"])
def test_a_table_without_labels_is_asked_about(board: Board) -> None:
    text = "room 12 status;HR;ICULOS\na;80;1\nb;81;1"
    (asked,) = read(board, text)
    assert asked["isBedAsked"]
    (chosen,) = read(board, text, bed="0")
    assert hours_by_label(chosen) == {"a": ["1"], "b": ["1"]}
    (single,) = read(board, "HR;ICULOS\n80;1\n81;2", bed="", only="12")
    assert hours_by_label(single) == {"12": ["1", "2"]}
