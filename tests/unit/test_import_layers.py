"""The import rules of pyproject.toml ([tool.importlinter]): layers, no cycles, a small service."""

import os
import subprocess
import sys
from pathlib import Path

from tests.paths import ROOT

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def test_every_import_points_down() -> None:
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])  # this tree, whatever is installed
    done = subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--no-logo", ROOT / "pyproject.toml"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
