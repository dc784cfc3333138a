"""Results kept between runs, so that an interrupted training goes on where it stopped."""

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


class Store:
    """Results by name in one folder; whatever decides them decides the folder's name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @classmethod
    def open(cls, work: Path, recipe: Recipe, data: Dataset) -> "Store":
        """The folder of this recipe on these hours and features by this learner."""
        code = [
            Path(module.__file__ or "").read_text("utf-8") for module in (bins, ensemble, split)
        ]
        parts = [json.dumps(asdict(recipe)), data.digest, sklearn.__version__, *code]
        folder = work / hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        log.info("intermediate results in %s", folder)
        return cls(folder)

    def keep(self, name: str, compute: Callable[[], Any]) -> Any:
        """What is stored under a name, computed and stored first if it is not there."""
        path = self._path(name)
        if not path.exists():
            partial = path.with_suffix(".partial")
            partial.write_bytes(pickle.dumps(compute()))
            partial.replace(path)
        return self.get(name)

    def get(self, name: str) -> Any:
        """What is stored under a name."""
        return pickle.loads(self._path(name).read_bytes())  # noqa: S301 - we wrote it ourselves

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.pickle"
