from pathlib import Path

import pytest

from tools.write_docs import documents


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_a_generated_document_is_what_the_code_says_now(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == documents()[path], "run `make docs`"
