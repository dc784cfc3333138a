"""Drift: the distance between recent inputs of a service and the inputs of training.

The distance is the population stability index of each feature, the sum of (p - q) ln(p / q) over
the bins in the artifact and a bin for missing values. By custom .1 is slight and .2 needs a look.
Drift shows that patients, units or devices differ, not that the model is wrong.

Source: Siddiqi, Credit Risk Scorecards, Wiley 2006.
"""

from collections.abc import Sequence

import numpy as np

from sepsis_detect.clinical.stay import FloatArray, IntArray
from sepsis_detect.prediction.features import Float32Array
from sepsis_detect.prediction.model import ModelMetadata

NOTABLE = 0.2
MIN_SHARE = 0.001  # of a bin; shares in the artifact have three decimals


def distances(
    metadata: ModelMetadata, names: Sequence[str], rows: Float32Array
) -> dict[str, float]:
    """Population stability index of each feature that the model uses.

    Args:
        metadata: Of a model with a drift reference.
        names: Names of the features in `rows`.
        rows: Shape (n_rows, n_names), NaN where missing.
    """
    reference = metadata.drift
    assert reference is not None  # noqa: S101 - checked by the caller
    index = {name: at for at, name in enumerate(metadata.features)}
    found = {}
    for name, column in zip(names, rows.T, strict=True):
        at = index.get(name)
        if at is not None:
            expected = _with_missing(reference.missing[at], reference.shares[at])
            observed = _observed_shares(column, np.array(reference.edges[at], dtype=np.float32))
            if len(observed) == len(expected):  # not for a feature always missing in training
                found[name] = _stability_index(observed, expected)
    return found


def _observed_shares(column: Float32Array, edges: Float32Array) -> FloatArray:
    known = column[~np.isnan(column)]
    counts = np.bincount(bins_of(known, edges), minlength=len(edges) + 1)
    return np.concatenate([[len(column) - len(known)], counts]) / len(column)


def bins_of(known: Float32Array, edges: Float32Array) -> IntArray:
    """Shape (n,): the bin of each known value of one feature, the number of edges below it."""
    return np.searchsorted(edges, known)


def _with_missing(missing: float, shares: Sequence[float]) -> FloatArray:
    return np.concatenate([[missing], (1 - missing) * np.array(shares)])


def _stability_index(observed: FloatArray, expected: FloatArray) -> float:
    p, q = np.maximum(observed, MIN_SHARE), np.maximum(expected, MIN_SHARE)
    return float(np.sum((p - q) * np.log(p / q)))
