"""Bounds of the benchmarks: a measured value, its limit, and the exit code."""

from typing import NamedTuple


class Bound(NamedTuple):
    """A measured value and its limits."""

    name: str
    value: float
    max: float | None = None
    min: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the value is within its limits."""
        is_small = self.max is None or self.value <= self.max
        return is_small and (self.min is None or self.value >= self.min)

    @property
    def verdict(self) -> str:
        """`ok` or `MISSED`."""
        return "ok" if self.holds else "MISSED"

    @property
    def limit(self) -> str:
        """The limits in words."""
        limits = (("at most", self.max), ("at least", self.min))
        return ", ".join(f"{word} {limit:,.6g}" for word, limit in limits if limit is not None)


def report(bounds: list[Bound]) -> int:
    """Print every bound; exit code 1 if one is missed, else 0."""
    for bound in bounds:
        print(f"{bound.verdict:<7}{bound.name}: {bound.value:,.4g} ({bound.limit})")
    return int(not all(bound.holds for bound in bounds))
