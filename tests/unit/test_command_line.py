"""The command line explains itself with examples that work as written."""

import re
import shlex

import pytest

from sepsis_detect.__main__ import main, parser

GROUPS = ["", "audit", "model", "key"]
ACTIONS = ("show", "verify", "publish", "history", "rollback", "set-threshold", "promote")
COMMANDS = [
    *GROUPS,
    *("serve", "score", "audit report", "key new"),
    *(f"model {action}" for action in ACTIONS),
]
LISTED = re.compile(r"^    ([a-z][a-z-]+)(?: |$)", re.MULTILINE)
EXAMPLE = re.compile(r"^  (?:[A-Z_]+=\S+ )?sepsis-detect (.+?)(?: {3,}.*)?$", re.MULTILINE)


def help_of(capsys: pytest.CaptureFixture[str], command: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("group", GROUPS)
def test_every_command_is_tested_here(capsys: pytest.CaptureFixture[str], group: str) -> None:
    listed = LISTED.findall(help_of(capsys, group).split("\nexamples:")[0])
    assert listed
    assert {f"{group} {name}".strip() for name in listed} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_of_the_help_is_accepted(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    text = help_of(capsys, command)
    examples = EXAMPLE.findall(text)
    assert examples
    assert all(example.startswith(command) for example in examples)
    for example in examples:
        assert callable(parser().parse_args(shlex.split(example)).run)
    assert max(map(len, text.splitlines())) <= 100
