"""Safety documents: the tests, packages and settings they name exist."""

import re
import tomllib
from pathlib import Path

import pytest

from sepsis_detect.settings import Settings
from tests.paths import ROOT
from tools.licences import PIN, SHIPPED, licence_of

DOCUMENTS = [ROOT / "SECURITY.md", ROOT / "PRIVACY.md", ROOT / "docs" / "hazard-log.md"]
TESTS = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_test_that_is_named_exists(document: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py|test_\w+)`", document.read_text("utf-8"))
    assert named
    for name in named:
        is_there = (ROOT / name).is_file() if "/" in name else f"def {name}(" in TESTS
        assert is_there, name


def test_every_dependency_is_explained() -> None:
    explained = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    for requirement in (each for group in groups for each in group):
        name = re.split(r"[\[<>=;]", requirement)[0]
        is_explained = name == "sepsis-detect" or re.search(rf"\b{re.escape(name)}\b", explained)
        assert is_explained, name


def test_every_setting_is_explained() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for name in Settings.model_fields:
        assert f"`SEPSIS_{name.upper()}`" in readme, name


def test_every_package_that_is_shipped_declares_its_licence() -> None:
    pins = PIN.findall(SHIPPED.read_text("utf-8"))
    assert len(pins) > 20
    for name, _ in pins:
        assert licence_of(name), name
