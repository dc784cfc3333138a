"""Every choice of the training in one place.

A recipe is part of the name under which results are cached: change a number here and exactly what
depends on it is computed again.
"""

from dataclasses import dataclass, replace

NAME = "sepsis-hgb"
VERSION = "2026.11.23"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How the model is fitted and judged.

    Attributes:
        folds: Parts of the patients for out-of-fold scores.
        seed: Decides folds, the hours that each member draws and the features it tries.
        members: Fits whose margins are averaged.
        iterations: Trees a member.
        learning_rate: Share of each tree that counts.
        leaves: At most so many a tree.
        min_samples_leaf: Hours, at least, in a leaf.
        l2: Regularisation of leaf values.
        max_features: Share of features tried at a split.
        max_bins: Into how many bins, at most, a feature is cut.
        keep_negatives: Share of the hours that should not be flagged each member draws; those
            drawn weigh 1/share, so that the objective stays the same.
        max_patients: Use only so many patients, chosen by a hash of their id; None: all.
    """

    folds: int = 5
    seed: int = 20190
    members: int = 3
    iterations: int = 400
    learning_rate: float = 0.06
    leaves: int = 15
    min_samples_leaf: int = 60
    l2: float = 10.0
    max_features: float = 0.15
    max_bins: int = 255
    keep_negatives: float = 0.1
    max_patients: int | None = None


RECIPE = Recipe()
# To try the pipeline, not to be served.
QUICK = replace(
    RECIPE,
    folds=3,
    members=2,
    iterations=20,
    learning_rate=0.2,
    keep_negatives=0.25,
    max_patients=1500,
)
