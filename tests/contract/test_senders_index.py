"""Every input of the senders' index is named in a test module."""

import json
from pathlib import Path

import pytest

from tests.paths import ROOT, SHARED

INDEX = SHARED / "reference" / "senders" / "index.json"


@pytest.mark.skipif(not INDEX.exists(), reason="the senders' inputs do not lie beside the checkout")
def test_every_input_of_senders_has_a_test() -> None:
    listed = {Path(each["name"]) for each in json.loads(INDEX.read_text(encoding="utf-8"))}
    modules = (ROOT / "tests").rglob("test_*.py")
    text = "\n".join(each.read_text(encoding="utf-8") for each in modules)
    named = {each for each in listed if f'"{each.stem}"' in text or f'"{each.name}"' in text}
    assert listed
    assert listed - named == set()
