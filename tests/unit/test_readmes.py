"""The French README keeps step with the English one."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
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
    """Code blocks, without what is prose in them."""
    return [
        (kind, COMMENT.sub("", TREE_NOTE.sub(r"\1", body))) for kind, body in BLOCK.findall(text)
    ]


def test_both_readmes_hold_the_same_commands() -> None:
    assert blocks(readme("README.fr.md")) == blocks(readme("README.md"))


def test_both_readmes_have_the_same_parts_routes_and_settings() -> None:
    english, french = BLOCK.sub("", readme("README.md")), BLOCK.sub("", readme("README.fr.md"))
    assert HEADING.findall(english) == HEADING.findall(french)
    assert SETTING_OR_COMMAND.findall(english) == SETTING_OR_COMMAND.findall(french)


def test_links_of_both_readmes_lead_somewhere() -> None:
    for name in ("README.md", "README.fr.md"):
        for target in LINK.findall(readme(name)):
            assert target.startswith("http") or (ROOT / target).exists(), (name, target)
