"""Reference distribution of the features in training, for the service's drift detection.

For each feature: the share of missing values, and the shares of the known values in bins between
their deciles. A value x lies in bin k when k edges are below it, compared as float32. Aggregates of
a million hours, rounded to a few digits: no value of a patient can be read from them.
"""

from typing import Any

import numpy as np

from sepsis_detect.clinical.stay import Float32Array
from sepsis_detect.prediction.drift import bins_of

SHARES = np.arange(1, 10) / 10
EDGE_DIGITS = 3  # significant
SHARE_DECIMALS = 3


def drift_reference(X: Float32Array) -> dict[str, Any]:
    """Describe every feature.

    Args:
        X: Shape (n_hours, n_features), NaN where missing.

    Returns:
        `hours`, and three lists in the order of the features: `missing`, a share; `edges`, at
        most nine, rising; `shares` of the known values, one more than edges. A feature that is
        never known has no edges and no shares.
    """
    edges = [_edges(column[~np.isnan(column)]) for column in X.T]
    return {
        "hours": len(X),
        "missing": [_share(np.isnan(column).mean()) for column in X.T],
        "edges": [[_number(edge) for edge in of] for of in edges],
        "shares": [_spread(column, of) for column, of in zip(X.T, edges, strict=True)],
    }


def _edges(known: Float32Array) -> Float32Array:
    if not len(known):
        return known
    deciles = np.quantile(known, SHARES, method="lower")
    rounded = [float(f"{decile:.{EDGE_DIGITS}g}") for decile in deciles.tolist()]
    return np.unique(np.array(rounded, dtype=np.float32))


def _spread(column: Float32Array, edges: Float32Array) -> list[float]:
    known = column[~np.isnan(column)]
    if not len(known):
        return []
    counts = np.bincount(bins_of(known, edges), minlength=len(edges) + 1)
    return [_share(count) for count in counts / len(known)]


def _share(share: float) -> float:
    return round(float(share), SHARE_DECIMALS)


def _number(edge: np.float32) -> float | int:
    """The shortest spelling that reads back to the same float32."""
    value = float(str(edge))
    return int(value) if value.is_integer() else value
