"""Data of training and validation: files, cohort, labels, weights, folds, dataset."""
