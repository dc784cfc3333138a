"""The folder of a command's results: all files or none."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from sepsis_detect.errors import BadFileError


@contextmanager
def results_folder(out: Path, names: Sequence[str]) -> Iterator[Path]:
    """Open a temporary folder beside `out`; its files move to `out` when all are written.

    Args:
        out: Where the results go.
        names: Of all files that such results may have; those of earlier results are removed.

    Raises:
        BadFileError: The folder cannot be written; what was there before is left.
    """
    part = out.resolve().with_name(f".model_build-{token_hex(8)}.part")
    try:
        part.mkdir(parents=True)
        yield part
        out.mkdir(exist_ok=True)
        for name in names:
            (out / name).unlink(missing_ok=True)
        for path in part.iterdir():
            path.replace(out / path.name)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise BadFileError(f"{out} cannot be written: {reason}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
