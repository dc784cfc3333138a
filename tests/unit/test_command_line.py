"""The command line explains itself with examples that work as written."""

import re
import shlex

import pytest

from sepsis_detect.__main__ import main, parser

COMMANDS = ["", "serve", "score", "audit", "audit report", "model", "key"]
EXAMPLE = re.compile(r"^  (?:[A-Z_]+=\S+ )?sepsis-detect (.+?)(?: {3,}.*)?$", re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_of_the_help_is_accepted(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    examples = EXAMPLE.findall(text)
    assert examples
    assert all(example.startswith(command) for example in examples)
    for example in examples:
        assert callable(parser().parse_args(shlex.split(example)).run)
    assert max(map(len, text.splitlines())) <= 100
