"""Markdown documents: links to files resolve, and decision records have a status and a date."""

import re
from pathlib import Path

import pytest

from tests.paths import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
RECORDS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADER = re.compile(
    r"# \d+\. .+\n\nStatus: (accepted|superseded by \[\d{4}\]).*\nDate: \d{4}-\d{2}-\d{2}\b"
)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_to_a_file_resolves(document: Path) -> None:
    for target in LINK.findall(CODE.sub("", document.read_text("utf-8"))):
        path = target.partition("#")[0]
        if path and "://" not in target:
            assert (document.parent / path).exists(), target


@pytest.mark.parametrize("record", RECORDS, ids=named)
def test_a_decision_record_has_a_status_and_a_date_and_is_in_the_index(record: Path) -> None:
    assert HEADER.match(record.read_text("utf-8"))
    assert f"]({record.name})" in (record.parent / "README.md").read_text("utf-8")
