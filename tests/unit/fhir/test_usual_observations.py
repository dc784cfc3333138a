"""Observations of the usual form are read at once, and as they are read element by element."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from sepsis_detect.clinical.variables import N_CLINICAL
from sepsis_detect.fhir.bundle import Entry
from sepsis_detect.fhir.usual_observations import UsualObservations
from tests.builders import Json
from tests.fhir_reading import noted, read
from tests.resources import CODES, UCUM, a_bundle, codings, observation, quantity

LOCAL = {"system": "urn:hospital:codes", "code": "703500", "display": "Blood pressure"}
MODIFIED = {"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}


def panel(**changed: Any) -> Json:
    parts = [
        {"code": codings(code), "valueQuantity": quantity(value, "mm[Hg]")}
        for code, value in (("8480-6", 118), ("8462-4", 61))
    ]
    return observation("85354-9", 0, None, valueQuantity=..., component=parts) | changed


def with_local_code(code: str) -> Json:
    return {"coding": [*codings(code)["coding"], LOCAL], "text": "of the hospital"}


HEART_RATE = observation("8867-4", 88, "/min")
USUAL = {
    "one code": HEART_RATE,
    "a further local code": HEART_RATE | {"code": with_local_code("8867-4")},
    "two LOINC codes of one variable": observation(("8867-4", "8889-8"), 88, "/min"),
    "a printed unit": HEART_RATE
    | {"valueQuantity": {"value": 88, "unit": "bpm", "system": UCUM, "code": "/min"}},
    "a site": observation("8480-6", 118, "mm[Hg]", bodySite={"text": "Left arm"}),
    "a coded site": observation("8480-6", 118, "mm[Hg]", bodySite={"coding": [LOCAL]}),
    "a panel": panel(),
    "a panel with local codes": panel(code=with_local_code("85354-9")),
    "a profile": HEART_RATE | {"meta": {"profile": ["http://hl7.org/fhir/heartrate"]}},
}
UNUSUAL = {
    "a pulmonary artery": panel(bodySite={"text": "Pulmonary artery"}),
    "a pulmonary panel": panel(code=codings("85354-9") | {"text": "PAP"}),
    "a modifier": HEART_RATE | MODIFIED,
    "a modifier of a code": HEART_RATE | {"code": codings("8867-4") | MODIFIED},
    "a modifier of a site": HEART_RATE | {"bodySite": {"text": "Left arm"} | MODIFIED},
    "a modifier of a component": panel(component=[panel()["component"][0] | MODIFIED]),
    "an unknown LOINC code in a component": panel(
        component=[panel()["component"][0] | {"code": codings("99999-9")}]
    ),
    "a value beside components": panel(valueQuantity=quantity(80, "mm[Hg]")),
    "an own variable with components": panel(code=codings("8478-0")),
    "two variables": observation(("8867-4", "9279-1"), 88, "/min"),
    "a comparator": observation(
        "2524-7", 0, None, valueQuantity=quantity(1, "mmol/L", comparator="<")
    ),
    "a preliminary result": HEART_RATE | {"status": "preliminary"},
    "a component without a value": panel(component=[{"code": codings("8480-6")}]),
    "components that are no list": panel(component={"code": codings("8480-6")}),
    "no component": panel(component=[]),
    "venous pH": observation("2744-1", 7.3, "[pH]", bodySite={"text": "Venous blood"}),
}


def at_once(resource: Json) -> int:
    entry = Entry(resource, "Bundle.entry[0].resource", "", "Observation", "")
    return len(UsualObservations(datetime(2026, 12, 31, tzinfo=UTC)).read(entry))


@pytest.mark.parametrize("name", USUAL)
def test_a_usual_observation_is_read_at_once_as_it_is_read_element_by_element(name: str) -> None:
    resource = USUAL[name]
    assert at_once(resource) == len(resource.get("component", [0]))
    focus = {"focus": [{"reference": "Patient/p1"}]}  # the patient: it changes nothing
    assert at_once(resource | focus) == 0
    one, other = read(a_bundle(resource)), read(a_bundle(resource | focus))
    assert one.stay is not None
    assert other.stay is not None
    np.testing.assert_array_equal(one.stay.values, other.stay.values)
    assert noted(one) == noted(other)
    measured = np.argwhere(~np.isnan(one.stay.values[:, :N_CLINICAL])).tolist()
    assert [one.locate(*at) for at in measured] == [other.locate(*at) for at in measured]


@pytest.mark.parametrize("name", UNUSUAL)
def test_another_observation_is_left_to_be_read_element_by_element(name: str) -> None:
    assert at_once(UNUSUAL[name]) == 0


@pytest.mark.parametrize("variable", CODES)
def test_the_vital_signs_of_monitors_are_usual(variable: str) -> None:
    code, unit = CODES[variable]
    assert at_once(observation(code, 1, unit)) == 1
