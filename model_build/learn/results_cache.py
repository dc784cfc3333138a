"""Results cache on disk, so that an interrupted training resumes where it stopped."""

import hashlib
import json
import logging
import pickle
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sklearn

from model_build.config import Recipe
from model_build.data import split
from model_build.data.dataset import Dataset
from model_build.learn import bins, ensemble

log = logging.getLogger(__name__)


class ResultsCache:
    """Pickled results by name in one folder; the folder's name is a hash of what decides them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @classmethod
    def open(cls, work: Path, recipe: Recipe, data: Dataset) -> "ResultsCache":
        """The cache for a recipe, a dataset and the present code of the learner."""
        code = [
            Path(module.__file__ or "").read_text("utf-8") for module in (bins, ensemble, split)
        ]
        parts = [json.dumps(asdict(recipe)), data.digest, sklearn.__version__, *code]
        folder = work / hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        log.info("intermediate results in %s", folder)
        return cls(folder)

    def get_or_compute(self, name: str, compute: Callable[[], Any]) -> Any:
        """The result stored under a name; computed and stored first if there is none."""
        path = self._path(name)
        if not path.exists():
            partial = path.with_suffix(".partial")
            partial.write_bytes(pickle.dumps(compute()))
            partial.replace(path)
        return self.get(name)

    def get(self, name: str) -> Any:
        """The result stored under a name."""
        return pickle.loads(self._path(name).read_bytes())  # noqa: S301 - we wrote it ourselves

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.pickle"
