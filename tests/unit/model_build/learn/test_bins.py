"""Cuts of features into bins, exact in float32."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model_build.learn.bins import Bins

floats = st.floats(width=32, allow_nan=False, min_value=-1e6, max_value=1e6)


@given(st.lists(floats, min_size=2, max_size=80, unique=True), st.integers(2, 20))
def test_a_value_is_at_most_a_cut_exactly_when_its_bin_is(values: list[float], n: int) -> None:
    column = np.array([*values, np.nan], dtype=np.float32)[:, None]
    bins = Bins.of(column, np.ones(len(column)), max_bins=n)
    (cuts,) = bins.cuts
    assert len(cuts) < n
    assert cuts.dtype == np.float32
    around = np.concatenate([column[:-1, 0], cuts, np.nextafter(cuts, np.float32(np.inf))])
    codes = bins.encode(around[:, None])[:, 0]
    for k, cut in enumerate(cuts):
        np.testing.assert_array_equal(codes <= k, around <= cut)
    assert np.isnan(bins.encode(column)[-1, 0])


def test_neighbouring_float32_values_get_different_bins() -> None:
    low = np.float32(0.1)
    column = np.array([low, np.nextafter(low, np.float32(1))], dtype=np.float32)[:, None]
    assert Bins.of(column, np.ones(2)).encode(column)[:, 0].tolist() == [0, 1]
