"""Look-back windows: minima and sums over the last 6, 12, 24 and 36 hours of many rows at once.

Hours are laid out along the first axis. Before each selected hour are the hours of its windows;
where the stay has none, there are rows of missing values. Each window then combines two slices of
shorter windows, so that all windows take six operations for any number of hours and stays, always
in the same order: a stay has the same results alone and among others, to the last bit.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sepsis_detect.clinical.stay import Float32Array, IntArray, Stay

WINDOWS_HOURS = (6, 12, 24, 36)
WIDTHS_HOURS = {1: (), 2: (1, 1), 3: (2, 1), 6: (3, 3), 12: (6, 6), 24: (12, 12), 36: (24, 12)}
"""Widths of windows, and for each the later and the earlier window it combines."""
NO_ROW = -1  # in place of a row before the stay


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows of a stay, arranged for windows.

    Attributes:
        rows: Shape (n_times, n_columns): rows of the stay, or `NO_ROW`.
        selected_rows: Shape (n_selected,): the rows to compute.
        first_rows: Shape (n_selected,): the first row of the stay of each selected row.
        n_earlier: The largest number of hours before a selected row in its stay.
        n_padding: Rows at the beginning that serve windows alone.
        indices: Shape (n_selected,): indices of the selected rows in the flattened layout without
            padding at the beginning; None: all of them.
    """

    rows: IntArray
    selected_rows: IntArray
    first_rows: IntArray
    n_earlier: int
    n_padding: int
    indices: IntArray | None

    def selected(self, table: Float32Array) -> Float32Array:
        """The selected rows of a table: shape (n_times, n_columns, k) to (n_selected, k)."""
        return self._selected(table[self.n_padding :])

    def over_windows(
        self, table: Float32Array, combine: Callable[..., Float32Array]
    ) -> Float32Array:
        """Combine the hours of each window of `WINDOWS_HOURS`.

        Args:
            table: Shape (n_times, n_columns, k); the neutral element of `combine` at `NO_ROW`.
            combine: An elementwise function of two arrays.

        Returns:
            Shape (n_selected, n_windows, k).
        """
        if self.n_earlier == 0:
            return self._selected(table)[:, None].repeat(len(WINDOWS_HOURS), axis=1)
        windows = np.empty((len(self.first_rows), len(WINDOWS_HOURS), table.shape[-1]), np.float32)
        # By width, the window that ends in each row; the first rows have no complete window.
        ending = {1: table}
        for hours, (late, early) in list(WIDTHS_HOURS.items())[1:]:
            if self.n_earlier >= late:
                n_rows = len(table) - hours + 1
                ending[hours] = combine(ending[late][early:], ending[early][:n_rows])
            else:  # no stay is longer: the shorter window has the same result
                ending[hours] = ending[late]
            if hours in WINDOWS_HOURS:
                window = self._selected(ending[hours][self.n_padding - len(table) :])
                windows[:, WINDOWS_HOURS.index(hours)] = window
        return windows

    def _selected(self, table: Float32Array) -> Float32Array:
        table = table.reshape(-1, table.shape[-1])
        return table if self.indices is None else table[self.indices]


def layout(stay: Stay, selected_rows: IntArray | None) -> Layout:
    """Arrange a stay for some of its rows, or for all (None).

    Some rows have a column each, below the hours before them. All rows share one column, in which
    padding stands before each stay.
    """
    return _all_rows(stay) if selected_rows is None else _some_rows(stay, selected_rows)


def _some_rows(stay: Stay, selected_rows: IntArray) -> Layout:
    first_rows = stay.first_rows[selected_rows]
    n_earlier = int((selected_rows - first_rows).max())
    n_padding = _n_padding(n_earlier)
    rows = selected_rows - np.arange(n_padding, -1, -1)[:, None]
    if n_padding:
        rows[rows < first_rows] = NO_ROW
    return Layout(rows, selected_rows, first_rows, n_earlier, n_padding, None)


def _all_rows(stay: Stay) -> Layout:
    n_earlier = int(np.diff(stay.starts, append=stay.n_hours).max()) - 1
    n_padding = _n_padding(n_earlier)
    here = np.arange(stay.n_hours)
    if not n_padding:
        return Layout(here[:, None], here, stay.first_rows, n_earlier, n_padding, None)
    indices = None
    if stay.n_stays > 1:
        indices = here + n_padding * (np.searchsorted(stay.starts, here, side="right") - 1)
    rows = np.full((stay.n_hours + n_padding * stay.n_stays, 1), NO_ROW)
    rows[n_padding + (here if indices is None else indices), 0] = here
    return Layout(rows, here, stay.first_rows, n_earlier, n_padding, indices)


def _n_padding(n_earlier: int) -> int:
    widest = max(WIDTHS_HOURS)
    return next((width for width in WIDTHS_HOURS if width > n_earlier), widest) - 1
