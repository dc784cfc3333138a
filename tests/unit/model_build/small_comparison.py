"""Settings and learners of a comparison that takes seconds on a synthetic cohort."""

from dataclasses import replace

from model_build.config import Comparison
from model_build.learn.learners import learners
from tests.unit.model_build.small_recipe import RECIPE

SETTINGS = Comparison(
    rbf_svm_hours=200,
    forest_trees=4,
    forest_leaf_hours=5,
    keep_negatives=0.5,
    draws=40,
    parity_hours=50,
    single_calls=3,
)
LEARNERS = learners(RECIPE, SETTINGS)
FEWER = replace(RECIPE, left_out=("heart_rate", "icu_unit"))
