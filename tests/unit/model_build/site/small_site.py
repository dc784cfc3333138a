"""A given model of last known values, and made-up stays of a hospital to adapt it to."""

from dataclasses import replace
from pathlib import Path

from model_build.config import Recipe
from model_build.site.adapt import AdaptSettings
from model_build.site.adapt_operating_point import OperatingPointRule
from model_build.train import train
from sepsis_detect.clinical.variables import VARIABLES
from sepsis_detect.prediction import features
from tests.unit.model_build.small_recipe import RECIPE
from tests.unit.model_build.synthetic_cohort import synthetic_cohort

SEEN = ("temperature", "heart_rate", "respiratory_rate", "lactate")
DRAWS = 20
UTILITY = OperatingPointRule()


STATIC = ("age", "sex", "hospital_admission_hour")


def last_values(*also: str) -> Recipe:
    """A recipe that sees last values alone: the risk of an unchanged patient does not change.

    Args:
        also: Variables that do not change within a stay.
    """
    endings = {
        name.removeprefix(variable)
        for variable in SEEN
        for name in features.NAMES
        if name.startswith(variable)
    }
    hidden = tuple(variable.name for variable in VARIABLES if variable.name not in SEEN + also)
    return replace(RECIPE, left_out=hidden, endings_left_out=tuple(sorted(endings - {"_last"})))


LAST_VALUES = last_values()
WITH_STATIC = last_values(*STATIC)
SETTINGS = AdaptSettings(recipe=LAST_VALUES, sizes=(2, 4), draws=DRAWS)


def write_given(folder: Path) -> Path:
    """Train a small model on sixty other stays."""
    out = folder / "given.onnx"
    train(synthetic_cohort(60, seed=5), LAST_VALUES, out=out, work=folder / "work")
    return out
