"""Every input of the senders' index is named in a test module about senders."""

import json
from pathlib import Path

import pytest

from tests.paths import SHARED

INDEX = SHARED / "reference" / "senders" / "index.json"
TESTS = Path(__file__).parents[1]


@pytest.mark.skipif(not INDEX.exists(), reason="the senders' inputs are not beside the checkout")
def test_every_input_of_senders_has_a_test() -> None:
    listed = {Path(each["name"]) for each in json.loads(INDEX.read_text(encoding="utf-8"))}
    modules = [each for each in TESTS.rglob("test_senders*.py") if each != Path(__file__)]
    text = "\n".join(each.read_text(encoding="utf-8") for each in modules)
    assert [each.name for each in sorted(listed) if f'"{each.stem}' not in text] == []
