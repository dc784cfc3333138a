"""From downloaded files to the arrays that learners need: cohort, labels, weights, folds."""
