"""Binning of features before the trees are fitted.

A `HistGradientBoostingClassifier` bins its inputs itself, but with sample weights scikit-learn 1.9
sorts every column once for each of 254 percentiles: half the time of a fit. Here each column is
sorted once for all members. The cuts are float32, so a served float32 never falls between a cut and
its rounding.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sepsis_detect.clinical.stay import Float32Array, FloatArray

MAX_BINS = 255  # scikit-learn's limit


@dataclass(frozen=True, slots=True)
class Bins:
    """The cuts of every feature.

    Attributes:
        cuts: For each feature the cuts, ascending; a value x lies in bin k when k cuts are below
            it, so `x <= cuts[k]` exactly when its bin is k or less.
    """

    cuts: list[Float32Array]

    @classmethod
    def of(cls, X: Float32Array, weight: FloatArray, *, max_bins: int = MAX_BINS) -> Self:
        """Cut at weighted quantiles, or between all values where they are few.

        Args:
            X: Shape (n_hours, n_features), NaN where missing.
            weight: Shape (n_hours,), positive.
            max_bins: Of one feature, without the one of missing values.
        """
        return cls([_cuts(column, weight, max_bins) for column in X.T])

    def encode(self, X: Float32Array) -> Float32Array:
        """Shape (n_hours, n_features): the bin of each value, NaN where missing."""
        codes = np.empty_like(X)
        for feature, cuts in enumerate(self.cuts):
            column = X[:, feature]
            codes[:, feature] = np.searchsorted(cuts, column)
            codes[np.isnan(column), feature] = np.nan
        return codes

    def thresholds(self, features: NDArray[np.integer], codes: FloatArray) -> FloatArray:
        """Thresholds on bins, as thresholds on values.

        Args:
            features: Shape (n,), which feature each is about.
            codes: Shape (n,), the trees' thresholds; infinite where only missing is split off.

        Returns:
            Shape (n,): a value is at most this exactly when its bin is at most that.
        """
        return np.array(
            [
                self.cuts[feature][int(code)] if np.isfinite(code) else code
                for feature, code in zip(features.tolist(), codes.tolist(), strict=True)
            ],
            dtype=np.float64,
        )


def _cuts(column: Float32Array, weight: FloatArray, max_bins: int) -> Float32Array:
    known = ~np.isnan(column)
    order = np.argsort(column[known], kind="stable")
    values = column[known][order]
    distinct = np.unique(values)
    if len(distinct) <= max_bins:
        return _between(distinct)
    reached = np.cumsum(weight[known][order])
    shares = np.arange(1, max_bins) / max_bins
    at_quantiles = np.unique(values[np.searchsorted(reached, shares * reached[-1])])
    cuts: Float32Array = at_quantiles[at_quantiles < values[-1]]
    return cuts


def _between(distinct: Float32Array) -> Float32Array:
    """Middles of neighbours, rounded down: never up to the larger neighbour."""
    middles = (distinct[:-1].astype(np.float64) + distinct[1:]) / 2
    rounded = middles.astype(np.float32)
    rounded[rounded > middles] = np.nextafter(rounded, np.float32(-np.inf))[rounded > middles]
    return rounded
