"""Which values are hours of the stay: absences, discharge, the end of an encounter, silence."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.builders import Json
from tests.contract.asking_fhir import assessed, issues, rules_refused, warned
from tests.fhir_reading import hours, icu_unit, noted, read
from tests.resources import (
    a_person,
    an_encounter,
    at,
    bundle,
    observation,
    vital_signs,
)


def place(name: str, begin: float | None, end: float | None = None, **more: Any) -> Json:
    """An element of `Encounter.location`; hours are counted from hour 0."""
    period = {
        key: at(hour + 0.5) for key, hour in (("start", begin), ("end", end)) if hour is not None
    }
    return {"location": {"display": name}, **({"period": period} if period else {}), **more}


def measured(*at_hours: float) -> list[Json]:
    return [observation("8867-4", 80, "/min", icu_hour=hour) for hour in at_hours]


def stay(places: list[Json], *at_hours: float, **changed: Any) -> Json:
    encounter = an_encounter(location=places, **changed)
    return bundle(a_person(), encounter, *measured(*at_hours))


# --- Absences ---


@pytest.mark.parametrize(
    "between",
    [
        [],
        [place("Operating Room 3", 4, 8)],
        [place("Bloc opératoire", 4, 7), place("SSPI", 7, 8)],
        [place("Scanner", 4, 8)],
        [place("Interventional radiology", 4, 8)],
        [{"location": {"reference": "Location/x"}, "period": {"start": at(4.5)}}],
        [place("Ward 3", 4, 8, status="planned")],
    ],
)
def test_hours_go_on_after_theatre_or_imaging(between: list[Json]) -> None:
    places = [place("MICU", 0, 4), *between, place("MICU", 8)]
    found = read(stay(places, 2, 6, 12))
    assert hours(found) == [2, 6, 12]
    assert "time.before_icu" not in noted(found)


@pytest.mark.parametrize(
    ("absence", "expected"), [(1.0, [2, 20]), (12.0, [2, 20]), (12.1, [4]), (48.0, [1])]
)
def test_an_absence_of_up_to_twelve_hours_does_not_begin_a_new_stay(
    absence: float, expected: list[float]
) -> None:
    places = [place("MICU", 0, 4), place("MICU", 4 + absence)]
    last = 20 if absence < 20 else 4 + absence + 0.5
    assert hours(read(stay(places, 2, last))) == expected


@pytest.mark.parametrize("ward", ["Ward 3", "Médecine interne", "Post-ICU ward", "4 West"])
def test_a_return_from_a_ward_begins_a_new_stay(ward: str) -> None:
    places = [place("MICU", 0, 4), place(ward, 4, 8), place("SICU", 8)]
    found = read(stay(places, 2, 6, 12))
    assert hours(found) == [4]
    assert icu_unit(found) == "surgical"
    assert "2 values" in noted(found)["time.before_icu"]


def test_a_return_after_discharge_from_hospital_begins_a_new_stay() -> None:
    first = an_encounter(id="e1", location=[place("MICU", 0, 4)], status="finished")
    second = an_encounter(id="e2", location=[place("MICU", 8)], period={"start": at(6)})
    assert hours(read(bundle(a_person(), first, second, *measured(2, 12)))) == [4]


def test_encounters_of_one_hospital_stay_are_one_stay() -> None:
    whole = an_encounter(id="e0", location=[])
    parts = [
        an_encounter(id="e1", location=[place("MICU", 0, 4)], partOf={"reference": "Encounter/e0"}),
        an_encounter(id="e2", location=[place("MICU", 8)], partOf={"reference": "Encounter/e0"}),
    ]
    assert hours(read(bundle(a_person(), whole, *parts, *measured(2, 12)))) == [2, 12]


def test_a_move_between_beds_is_one_stay() -> None:
    places = [place("MICU bed 1", 0), place("MICU bed 2", 5, 9), place("MICU bed 3", 9)]
    assert hours(read(stay(places, 2, 12))) == [2, 12]


# --- The end of the stay ---


@pytest.mark.parametrize(
    ("places", "changed"),
    [
        ([place("MICU", 0, 10), place("Ward 3", 10)], {}),
        ([place("MICU", 0), place("Ward 3", 10)], {}),
        ([place("MICU", 0), place("Step-down", 10)], {}),
        ([place("MICU", 0), place("Cardiology", 10)], {}),
        ([place("MICU", 0), place("Pneumologie", 10)], {}),
        ([place("MICU", 0), place("Klinik für Neurologie", 10)], {}),
        ([place("MICU", 0, status="completed"), place("4 West", 10, status="active")], {}),
        ([place("MICU", 0)], {"period": {"start": at(-8), "end": at(10.5)}}),
        ([place("MICU", 0, 30)], {"period": {"start": at(-8), "end": at(10.5)}}),
        ([place("MICU", None, 10)], {"period": {"start": at(0.5)}}),
    ],
)
def test_values_after_the_stay_are_counted_and_not_used(places: list[Json], changed: Json) -> None:
    found = read(stay(places, 2, 9, 14, 15, **changed))
    assert hours(found) == [2, 9]
    assert "2 values were measured after the stay" in noted(found)["time.after_icu"]
    assert "icu.ended" in noted(found)


def test_a_later_bed_does_not_end_the_stay() -> None:
    found = read(stay([place("MICU", 0), place("Bed 7", 5)], 2, 12))
    assert hours(found) == [2, 12]
    assert "taken as still in intensive care" in noted(found)["icu.later_place"]


@pytest.mark.parametrize(
    "name", ["Scanner", "Cath lab, Cardiology", "Interventional Neuroradiology"]
)
def test_a_later_procedure_room_neither_ends_the_stay_nor_is_noted(name: str) -> None:
    found = read(stay([place("MICU", 0), place(name, 5)], 2, 12))
    assert hours(found) == [2, 12]
    assert "icu.later_place" not in noted(found)


def test_a_stay_that_goes_on_has_no_note_of_its_end(client: TestClient) -> None:
    found = read(stay([place("MICU", 0, 9_000)], 2, 9))
    assert not noted(found).keys() & {"icu.ended", "encounter.ended"}


@pytest.mark.parametrize("at_hour", [20.0, -20.0])
def test_values_outside_the_stay_alone_are_refused_with_the_reason(
    client: TestClient, at_hour: float
) -> None:
    body = stay([place("MICU", 0, 10)], at_hour)
    assert rules_refused(client, body) == ["stay.nothing_inside"]
    rules = {each["details"]["coding"][0]["code"] for each in issues(client, body)}
    assert rules & {"time.after_icu", "time.before_icu"}


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"status": "finished"}, "encounter.ended"),
        ({"status": "completed"}, "encounter.ended"),
        ({"period": {"start": at(-8), "end": at(13)}}, "icu.ended"),
        ({"period": {"start": at(-8), "end": at(13)}, "location": []}, "encounter.ended"),
        ({"status": "in-progress"}, None),
        ({"status": "onleave"}, None),
    ],
)
def test_an_encounter_that_ended_is_noted(
    client: TestClient, changed: Json, rule: str | None
) -> None:
    body = bundle(a_person(), an_encounter(**changed), *vital_signs())
    found = warned(assessed(client, body)).keys()
    assert found & {"encounter.ended", "icu.ended"} == ({rule} if rule else set())


def test_values_after_an_encounter_are_not_used() -> None:
    found = read(stay([], 2, 12, period={"start": at(0.5), "end": at(10.5)}))
    assert hours(found) == [2]
    assert "time.after_encounter" in noted(found)


def test_a_later_hospital_stay_is_one_of_its_own() -> None:
    first = an_encounter(id="e1", location=[place("MICU", 0, 4)], status="finished")
    later = an_encounter(id="e2", location=[place("4 West", 100)], period={"start": at(100.5)})
    found = read(bundle(a_person(), first, later, *measured(2, 105)))
    assert hours(found) == [5]
    assert "icu.start_assumed" in noted(found)


@pytest.mark.parametrize("places", [[place("MICU", 5, 2)], []], ids=["location", "encounter"])
def test_a_period_that_ends_before_it_starts_is_refused(
    client: TestClient, places: list[Json]
) -> None:
    body = stay(places, 12, **({} if places else {"period": {"start": at(5), "end": at(2)}}))
    assert rules_refused(client, body)[0] == "time.period"


# --- Periods that are not sent ---


def test_a_location_without_period_has_that_of_its_encounter(client: TestClient) -> None:
    found = read(stay([place("SICU", None)], 2, period={"start": at(0.5)}))
    assert (hours(found), icu_unit(found)) == ([2], "surgical")
    assert "icu.location_without_period" in noted(found)


def test_intensive_care_without_any_time_keeps_its_kind() -> None:
    found = read(stay([place("SICU", None)], 2, 4, period={}))
    assert (hours(found), icu_unit(found)) == ([1, 3], "surgical")
    assert "icu.start_unknown" in noted(found)


# --- Without an encounter ---


@pytest.mark.parametrize(
    ("at_hours", "expected", "n_unused"),
    [
        ([1, 20, 50], [1, 20, 50], 0),
        ([1, 36.9], [1, 36], 0),
        ([1, 37], [1], 1),
        ([-2_000, -1_000, 1, 30], [1, 30], 2),
        ([-18_000, 1], [1], 1),
    ],
)
def test_what_lies_days_before_is_no_hour_of_the_stay(
    at_hours: list[float], expected: list[float], n_unused: int
) -> None:
    found = read(bundle(a_person(), *measured(*at_hours)))
    assert hours(found) == expected
    sentence = noted(found).get("time.long_before", "")
    assert (f"{n_unused} values" in sentence) == bool(n_unused)
