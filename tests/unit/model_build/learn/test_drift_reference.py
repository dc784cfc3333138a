"""The drift reference: deciles and missing shares of the features, as the service reads them."""

import json

import numpy as np

from model_build.data.dataset import Dataset
from model_build.learn.drift_reference import drift_reference
from sepsis_detect.prediction.drift import bins_of


def test_the_drift_reference_finds_the_deciles_and_what_is_missing() -> None:
    known = np.arange(1, 101, dtype=np.float32)
    X = np.column_stack([known, np.where(known <= 25, np.nan, 7), np.full(100, np.nan)])
    found = drift_reference(X.astype(np.float32))
    assert found["hours"] == 100
    assert found["missing"] == [0, 0.25, 1]
    assert found["edges"] == [[10, 20, 30, 40, 50, 60, 70, 80, 90], [7], []]
    assert found["shares"] == [[0.1] * 10, [1, 0], []]


def test_the_drift_reference_is_small_and_reads_back_to_the_same_bins(data: Dataset) -> None:
    written = json.dumps(drift_reference(data.X), allow_nan=False)
    assert len(written) < 60_000
    read = json.loads(written)
    for column, edges, shares in zip(data.X.T, read["edges"], read["shares"], strict=True):
        known = column[~np.isnan(column)]
        if len(known):
            bins = bins_of(known, np.array(edges, dtype=np.float32))
            counts = np.bincount(bins, minlength=len(edges) + 1)
            np.testing.assert_allclose(counts / len(known), shares, atol=6e-4)
