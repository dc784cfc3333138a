"""Configuration of training and comparison.

A recipe is part of the name under which results are cached: change a number here and exactly what
depends on it is computed again.
"""

from dataclasses import dataclass, replace
from typing import Literal

from sepsis_detect.clinical.variables import VARIABLES
from sepsis_detect.prediction import features

NAME = "sepsis-hgb"
VERSION = "2026.11.28.2"

Objective = Literal["label", "utility"]

# What gains in the hospital it was learnt in and loses in the other one (`tune` shows it), or is
# hardly ever sent: how a hospital measures and admits, not how ill a patient is.
LEFT_OUT = (
    "etco2",
    "hospital_admission_hour",
    "calcium",
    "sao2",
    "troponin_i",
    "bilirubin_direct",
    "fibrinogen",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How the model is fitted and evaluated.

    Attributes:
        objective: The class of an hour: `label` is the challenge's label, with equal weights;
            `utility` is whether a flag gains utility, weighted by the gain or loss.
        folds: Parts of the patients for out-of-fold scores.
        seed: Decides folds, the hours that each member draws and the features it tries.
        members: Fits whose margins are averaged.
        iterations: Trees a member.
        learning_rate: Share of each tree that counts.
        leaves: Maximum of a tree.
        min_samples_leaf: Minimum number of hours in a leaf.
        l2: Regularisation of leaf values.
        max_features: Share of features tried at a split.
        max_bins: Maximum number of bins of a feature.
        keep_negatives: Share of the hours that should not be flagged each member draws; those
            drawn weigh 1/share, so that the objective stays the same.
        is_monotone: Whether worse values of some variables may never lower the risk (`monotone`).
        left_out: Variables that the model does not see, by canonical name.
        endings_left_out: Features that it does not see either, by the ending of their names.
        max_patients: Size of the sample of patients, chosen by a hash of their id; None: all.
    """

    objective: Objective = "label"
    folds: int = 5
    seed: int = 20190
    members: int = 8
    iterations: int = 150
    learning_rate: float = 0.06
    leaves: int = 16
    min_samples_leaf: int = 200
    l2: float = 50.0
    max_features: float = 0.2
    max_bins: int = 255
    keep_negatives: float = 0.15
    is_monotone: bool = False
    left_out: tuple[str, ...] = LEFT_OUT
    endings_left_out: tuple[str, ...] = ()
    max_patients: int | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """What the model sees: every feature made of none of the variables left out."""
        hidden = {v.challenge for v in VARIABLES if v.name in self.left_out}
        return tuple(
            name
            for name, of in features.SOURCES.items()
            if not hidden & set(of) and not name.endswith(self.endings_left_out)
        )


RECIPE = Recipe()
# Of version 2026.11.26, fitted without undoing the cut: compared with the served recipe.
BEFORE = replace(
    RECIPE,
    members=6,
    iterations=100,
    learning_rate=0.12,
    min_samples_leaf=180,
    max_features=0.15,
    keep_negatives=0.1,
    left_out=(),
)
# Of a hospital's own trees (`adapt`). They see every variable: how a hospital measures and admits
# holds in that hospital. Half as many members, so that a model gets at most half as large again.
LOCAL_RECIPE = replace(RECIPE, members=4, left_out=())
LOCAL_SIZES = (50, 100, 150)  # trees a member that are tried
# To test the pipeline; its models are not for use.
QUICK = replace(
    RECIPE,
    folds=3,
    members=2,
    iterations=20,
    learning_rate=0.2,
    keep_negatives=0.25,
    max_patients=1500,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Settings of the other learners of the comparison, and of its measurements.

    Attributes:
        logistic_c, linear_svm_c, rbf_svm_c: Inverse regularisation, for hours of mean weight 1.
        rbf_svm_gamma: Width of the kernel on standardised features.
        rbf_svm_hours: Hours the RBF SVM is fitted on, half of them to flag: its time grows
            with their square.
        forest_trees: Of the random forest, and of the extra trees.
        forest_leaf_hours: At least so many in a leaf.
        keep_negatives: As `Recipe.keep_negatives`, for all but the boostings.
        extra_trees_features: Share of features tried at a split; the random forest tries the
            square root of their number.
        transfer_members: Of the boosting that is carried from one hospital to the other.
        draws: Of patients, for the intervals.
        parity_hours: Held-out hours of each fold on which ONNX Runtime is held against
            scikit-learn.
        single_calls: Hours answered one by one, to time it.
    """

    logistic_c: float = 0.001
    linear_svm_c: float = 0.001
    rbf_svm_c: float = 1.0
    rbf_svm_gamma: float = 0.001
    rbf_svm_hours: int = 4000
    forest_trees: int = 60
    forest_leaf_hours: int = 20
    keep_negatives: float = 0.05
    extra_trees_features: float = 0.1
    transfer_members: int = 3
    draws: int = 200
    parity_hours: int = 2000
    single_calls: int = 500


COMPARISON = Comparison()
QUICK_COMPARISON = replace(
    COMPARISON,
    rbf_svm_hours=1000,
    forest_trees=10,
    keep_negatives=0.25,
    draws=50,
    parity_hours=200,
    single_calls=50,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurve:
    """Settings of the learning curve of an adaptation.

    Attributes:
        members: Of the given, the native and the local models: fewer than of those served.
        stays: Numbers of local stays, and how many samples of each are adapted to.
        draws: Of patients, for the intervals.
    """

    members: int = 1
    stays: tuple[tuple[int, int], ...] = ((100, 5), (300, 5), (1000, 3), (4000, 2))
    draws: int = 200


LEARNING_CURVE = LearningCurve()
QUICK_LEARNING_CURVE = replace(LEARNING_CURVE, stays=((100, 2), (300, 2)), draws=50)
