"""Hours laid out so that a window over the past is an operation on two slices.

Time goes down the first axis. Above every hour that is wanted lie the hours its windows look at;
where there were none, lie rows of nothing. Combining each row with those before it, over 6, 12, 24
and 36 hours, then takes six operations whatever the number of hours and stays, always in the same
order: a stay gives the same bits alone and among others.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sepsis_detect.clinical.stay import Float32Array, IntArray, Stay

WINDOWS_HOURS = (6, 12, 24, 36)
WIDTHS_HOURS = {1: (), 2: (1, 1), 3: (2, 1), 6: (3, 3), 12: (6, 6), 24: (12, 12), 36: (24, 12)}
"""Widths of windows, and the two that each is made of."""
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

    def wanted(self, table: Float32Array) -> Float32Array:
        """Rows of the wanted hours: of a table of shape (n_times, n_columns, k), (n_wanted, k)."""
        return self._wanted(table[self.n_above :])

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
        windows = np.empty((len(self.first_rows), len(WINDOWS_HOURS), table.shape[-1]), np.float32)
        # By width, the window that ends in each row; the first rows have no whole window.
        ending = {1: table}
        for hours, (late, early) in list(WIDTHS_HOURS.items())[1:]:
            if self.longest >= late:
                n_rows = len(table) - hours + 1
                ending[hours] = combine(ending[late][early:], ending[early][:n_rows])
            else:  # no stay is longer: the window is as good as the one before
                ending[hours] = ending[late]
            if hours in WINDOWS_HOURS:
                window = self._wanted(ending[hours][self.n_above - len(table) :])
                windows[:, WINDOWS_HOURS.index(hours)] = window
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
    widest = max(WIDTHS_HOURS)
    return next((width for width in WIDTHS_HOURS if width > longest), widest) - 1
