"""A recipe whose fit takes a fraction of a second on a synthetic cohort."""

from model_build.config import Recipe

RECIPE = Recipe(
    folds=2,
    members=2,
    iterations=4,
    learning_rate=0.3,
    leaves=6,
    min_samples_leaf=5,
    l2=10.0,
    keep_negatives=0.5,
    max_features=0.5,
)
