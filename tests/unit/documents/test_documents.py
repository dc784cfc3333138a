"""Generated documents: equal to what `make docs` writes."""

from pathlib import Path

import pytest

from tools.write_docs import documents


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_a_generated_document_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == documents()[path], "run `make docs`"
