"""Plain words in docstrings, comments and Markdown: `python -m tools.check_prose [FILE...]`.

Finds personification and figures of speech that a reader whose first language is not English may
not know, and suppressed checks (`noqa`, `type: ignore`) without a reason. Code, French, generated
documents and superseded decision records are not checked.
"""

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
AVOIDED = re.compile(
    r"\b(nobody|whoever|everybody|somebody|for ever|(?:takes?|took) its place|at a glance)\b", re.I
)
UNEXPLAINED = re.compile(r"# (?:noqa(?:: [A-Z0-9, ]+)?|type: ignore(?:\[[a-z, -]+\])?)\s*$")
SKIPPED = re.compile(r"^(docs/model/|model_build/report/templates/|MODEL_CARD|CHANGELOG)|\.fr\.")
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def main(names: list[str]) -> int:
    """Check the given files, or all that git knows; 1 if there is a finding."""
    if not names:
        listed = ["git", "ls-files", "*.py", "*.md"]
        names = subprocess.check_output(listed, cwd=ROOT, text=True).split()
    found = [line for name in names if not SKIPPED.search(name) for line in _findings(name)]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return int(bool(found))


def _findings(name: str) -> Iterator[str]:
    text = (ROOT / name).read_text("utf-8")
    if "\nStatus: superseded" in text:
        return
    prose = _comments(text) if name.endswith(".py") else text
    prose = CODE.sub(lambda code: "\n" * code[0].count("\n"), prose)
    for number, line in enumerate(prose.splitlines(), 1):
        for word in AVOIDED.findall(line):
            yield f"{name}:{number}: avoid {word!r}"
        if name.endswith(".py") and UNEXPLAINED.search(line):
            yield f"{name}:{number}: say why the check does not apply"


def _comments(text: str) -> str:
    """The comments and docstrings of a module, each on its line."""
    lines = [""] * (text.count("\n") + 1)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or token.string.startswith('"""'):
            for number, line in enumerate(token.string.splitlines(), token.start[0]):
                lines[number - 1] += line
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
