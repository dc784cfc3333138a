"""Hours laid out so that a window over the past is an operation on two slices.

Time goes down the first axis. Above every hour that is wanted lie the hours its windows look at;
where there were none, lie rows of nothing. Combining each row with those before it, over 6, 12, 24
and 48 hours, then takes six operations whatever the number of hours and stays, always in the same
order: a stay gives the same bits alone and among others.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sepsis_detect.stay import Float32Array, IntArray, Stay

WINDOWS_HOURS = (6, 12, 24, 48)
WIDTHS_HOURS = (1, 2, 3, 6, 12, 24, 48)  # each made of two of those before it
NOTHING = -1  # the row before a stay


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the rows of a stay lie.

    Attributes:
        rows: Shape (n_times, n_columns): rows of the stay, `NOTHING` where there is none.
        wanted_rows: Shape (n_wanted,): the rows wanted.
        first_rows: Shape (n_wanted,): the first row of the stay of each of them.
        longest: Hours before the latest row that is wanted, in its stay.
        n_above: Rows at the top that are there for the windows alone.
        chosen: Shape (n_wanted,), those wanted among the others; None: all of them.
    """

    rows: IntArray
    wanted_rows: IntArray
    first_rows: IntArray
    longest: int
    n_above: int
    chosen: IntArray | None

    def wanted(self, table: Float32Array, hours_before: int = 0) -> Float32Array:
        """What each wanted hour has, or had some hours before.

        Args:
            table: Shape (n_times, n_columns, k).
            hours_before: At most 24; NaN where the stay is not that long.

        Returns:
            Shape (n_wanted, k).
        """
        if hours_before > self.n_above:
            return np.full((len(self.first_rows), table.shape[-1]), np.nan, np.float32)
        return self._wanted(table[self.n_above - hours_before : len(table) - hours_before])

    def over_windows(
        self, table: Float32Array, combine: Callable[..., Float32Array]
    ) -> Float32Array:
        """Combine each wanted hour with those before it, over each of `WINDOWS_HOURS`.

        Args:
            table: Shape (n_times, n_columns, k); `NOTHING` holds what changes nothing.
            combine: An elementwise function of two arrays.

        Returns:
            Shape (n_wanted, n_windows, k).
        """
        if self.longest == 0:
            return self._wanted(table)[:, None].repeat(len(WINDOWS_HOURS), axis=1)
        window = combine(table[1:], table[:-1])
        if self.longest >= 2:
            window = combine(window[1:], table[:-2])
        windows = np.empty((len(self.first_rows), len(WINDOWS_HOURS), table.shape[-1]), np.float32)
        for at, hours in enumerate(WINDOWS_HOURS):
            if self.longest >= (half := hours // 2):
                window = combine(window[half:], window[:-half])
            windows[:, at] = self._wanted(window[self.n_above - len(table) :])
        return windows

    def _wanted(self, table: Float32Array) -> Float32Array:
        table = table.reshape(-1, table.shape[-1])
        return table if self.chosen is None else table[self.chosen]


def layout(stay: Stay, wanted: IntArray | None) -> Layout:
    """Lay out a stay for some of its rows, or for all (None).

    Some rows are looked at one beside the other, each under the hours before it; all rows are one
    column of stays, each under as many rows of nothing.
    """
    first_rows = stay.first_rows
    if wanted is not None:
        first_rows = first_rows[wanted]
        longest = int((wanted - first_rows).max())
        n_above = _n_above(longest)
        rows = wanted - np.arange(n_above, -1, -1)[:, None]
        if n_above:
            rows[rows < first_rows] = NOTHING
        return Layout(rows, wanted, first_rows, longest, n_above, None)
    longest = int(np.diff(stay.starts, append=stay.n_hours).max()) - 1
    n_above = _n_above(longest)
    here = np.arange(stay.n_hours)
    chosen = None
    if n_above and stay.n_stays > 1:
        chosen = here + n_above * (np.searchsorted(stay.starts, here, side="right") - 1)
    rows = np.full((stay.n_hours + n_above * stay.n_stays, 1), NOTHING)
    rows[n_above + (here if chosen is None else chosen), 0] = here
    if not n_above:
        rows = here[:, None]
    return Layout(rows, here, first_rows, longest, n_above, chosen)


def _n_above(longest: int) -> int:
    widest = WIDTHS_HOURS[-1]
    return next((width for width in WIDTHS_HOURS if width > longest), widest) - 1
