"""How far the inputs of a running service lie from those its model learnt from.

The distance is the population stability index of each input over the bins that the artifact
carries, with what is missing as a bin of its own: the sum of (p - q) ln(p / q). By custom, .1 is
slight and .2 is worth a look; it tells that patients, units or devices differ, not that the model
is wrong.

Source: Siddiqi, Credit Risk Scorecards, Wiley 2006.
"""

from collections.abc import Sequence

import numpy as np

from sepsis_detect.clinical.stay import FloatArray, IntArray
from sepsis_detect.prediction.features import Float32Array
from sepsis_detect.prediction.model import ModelMetadata

NOTABLE = 0.2
MIN_SHARE = 0.001  # of a bin: shares in the artifact have three decimals


def distances(card: ModelMetadata, names: Sequence[str], rows: Float32Array) -> dict[str, float]:
    """Population stability index of each feature that the model uses.

    Args:
        card: With its `drift`.
        names: Of the features in `rows`.
        rows: Shape (n_rows, n_names), NaN where missing.
    """
    reference = card.drift
    assert reference is not None  # noqa: S101 - the caller looked
    place = {name: at for at, name in enumerate(card.features)}
    found = {}
    for name, column in zip(names, rows.T, strict=True):
        at = place.get(name)
        if at is not None:
            expected = _with_missing(reference.missing[at], reference.shares[at])
            edges = np.array(reference.edges[at], dtype=np.float32)
            known = column[~np.isnan(column)]
            counts = np.bincount(bins_of(known, edges), minlength=len(edges) + 1)
            seen = np.concatenate([[len(column) - len(known)], counts]) / len(column)
            if len(seen) == len(expected):  # not for a feature that training never knew
                found[name] = _stability_index(seen, expected)
    return found


def bins_of(known: Float32Array, edges: Float32Array) -> IntArray:
    """Shape (n,): the bin of each known value of one feature: how many edges are below it."""
    return np.searchsorted(edges, known)


def _with_missing(missing: float, shares: Sequence[float]) -> FloatArray:
    return np.concatenate([[missing], (1 - missing) * np.array(shares)])


def _stability_index(seen: FloatArray, expected: FloatArray) -> float:
    p, q = np.maximum(seen, MIN_SHARE), np.maximum(expected, MIN_SHARE)
    return float(np.sum((p - q) * np.log(p / q)))
