"""README in English and French: the same commands and parts, and the current figures."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from model_build.evaluate import EXTERNAL
from model_build.report import readme as readme_figures
from tests.paths import ROOT

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ ", re.MULTILINE)
TREE_NOTE = re.compile(r"^(\S+/) .*$", re.MULTILINE)
COMMENT = re.compile(r" +#.*$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")
SETTING_OR_COMMAND = re.compile(
    r"`(SEPSIS_\w+|make [\w-]+|sepsis-detect [\w ]+|GET /\S*|POST /\S*)`"
)


def readme(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def blocks(text: str) -> list[tuple[str, str]]:
    """Code blocks without comments, which differ by language."""
    return [
        (kind, COMMENT.sub("", TREE_NOTE.sub(r"\1", body))) for kind, body in BLOCK.findall(text)
    ]


def test_both_readmes_hold_the_same_commands() -> None:
    assert blocks(readme("README.fr.md")) == blocks(readme("README.md"))


def test_both_readmes_have_the_same_parts_routes_and_settings() -> None:
    english, french = BLOCK.sub("", readme("README.md")), BLOCK.sub("", readme("README.fr.md"))
    assert HEADING.findall(english) == HEADING.findall(french)
    assert SETTING_OR_COMMAND.findall(english) == SETTING_OR_COMMAND.findall(french)


def test_links_of_both_readmes_have_a_target() -> None:
    for name in ("README.md", "README.fr.md"):
        for target in LINK.findall(readme(name)):
            assert target.startswith("http") or (ROOT / target).exists(), (name, target)


def committed(name: str) -> Any:
    path = ROOT / "docs" / "model" / name
    return json.loads(path.read_text("utf-8")) if path.exists() else None


@pytest.mark.parametrize("name", readme_figures.TEMPLATES)
def test_the_first_screen_shows_the_committed_figures(name: str) -> None:
    text = readme(name)
    before, after = readme_figures.around(text)
    block = readme_figures.block(name, committed("metrics.json"), committed(EXTERNAL))
    assert text == before + block + after, "run `python -m model_build evaluate`"


def figure(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


MEASURED = {
    "overall": {
        "auroc": figure(0.801),
        "alerts_per_patient_day": figure(2.41),
        "ppv": figure(0.048),
    }
}
OUTSIDE = {"overall": {"auroc": figure(0.77), "patients": 1303.0, "septic_patients": 99.0}}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("README.md", ("0.80 (0.79 to 0.81)", "2.4 flagged", "4.8 %", "0.77", "1,303 stays, 99")),
        (
            "README.fr.md",
            ("0,80 (0,79 à 0,81)", "2,4 heures", "4,8 %", "0,77", "1\u202f303 séjours, dont 99"),
        ),
    ],
)
def test_figures_have_the_number_format_of_the_language(name: str, shown: tuple[str, ...]) -> None:
    block = readme_figures.block(name, MEASURED, OUTSIDE)
    assert all(text in block for text in shown)


@pytest.mark.parametrize(
    ("alerts", "shown"),
    [
        (1.04, "1,0 heure signalée par"),
        (1.94, "1,9 heure signalée"),
        (1.96, "2,0 heures signalées"),
    ],
)
def test_in_french_the_plural_begins_at_two(alerts: float, shown: str) -> None:
    overall = MEASURED["overall"] | {"alerts_per_patient_day": {"value": alerts}}
    assert shown in readme_figures.block("README.fr.md", {"overall": overall}, OUTSIDE)


def test_the_figures_stand_on_the_first_screen() -> None:
    for name in readme_figures.TEMPLATES:
        before, _ = readme_figures.around(readme(name))
        shown = before + readme_figures.block(name, MEASURED, OUTSIDE)
        lines = shown.splitlines()
        table = next(at for at, line in enumerate(lines) if line.startswith("|---"))
        assert table < 20, "the first screen"
        assert len([line for line in lines[table + 1 :] if line.startswith("|")]) == 3


def test_a_readme_without_external_validation_has_no_line_about_it() -> None:
    assert "eICU" in readme_figures.block("README.md", MEASURED, OUTSIDE)
    assert "eICU" not in readme_figures.block("README.md", MEASURED, None)


def test_writing_replaces_only_the_figures_of_a_readme(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(
        f"above\n{readme_figures.BEGIN}former figures\n{readme_figures.END}below\n", "utf-8"
    )
    readme_figures.write(MEASURED, None, tmp_path)
    text = path.read_text("utf-8")
    assert text.startswith(f"above\n{readme_figures.BEGIN}| how good the model is")
    assert text.endswith(f"{readme_figures.END}below\n")
    assert "former figures" not in text


def test_a_readme_without_markers_for_figures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("words\n", "utf-8")
    with pytest.raises(ValueError, match="no place for figures"):
        readme_figures.write(MEASURED, None, tmp_path)
