"""Stays of the challenge's data, on which the embedded model was trained, recognised by digest.

Figures on them would be too good. The digest of a stay is the first 8 bytes of a SHA-256 of seven
vital signs in its first 8 hours, so that other columns, labels and later hours do not matter. One
in 16 digests is kept, those that end in four zero bits: 17 kB instead of 275, and enough to see an
overlap of a few dozen stays. No value can be read from a digest; the data are public.

`python -m model_build.site.known_stays DATA` writes the list again.
"""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_build.data.cohort import load
from sepsis_detect.clinical.stay import Stay
from sepsis_detect.clinical.variables import BY_CHALLENGE

Digests = NDArray[np.uint64]

LIST = Path(__file__).with_name("known_stays.bin")
VITALS = [BY_CHALLENGE[n].column for n in ("HR", "O2Sat", "Temp", "SBP", "MAP", "DBP", "Resp")]
HOURS = 8  # every stay of the challenge has them
MIN_VALUES = 10  # fewer may be equal by chance
NONE = np.uint64(0)
KEPT_ONE_IN = 16
MIN_FOUND = 3


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many stays are of the challenge's data.

    Attributes:
        n_found: Stays found in the list.
        n_looked_up: Stays that could have been: those whose digest the list would keep.
    """

    n_found: int
    n_looked_up: int

    @property
    def share(self) -> float:
        """The estimated share of the challenge's stays; 0 where too few were found to say."""
        return self.n_found / self.n_looked_up if self.n_found >= MIN_FOUND else 0.0


def digests(stay: Stay) -> Digests:
    """Shape (n_stays,): the digest of each stay, 0 where it has too few values for one."""
    ends = np.append(stay.starts[1:], stay.n_hours)
    vitals = stay.values[:, VITALS]
    return np.array(
        [_digest(vitals[a : min(a + HOURS, b)]) for a, b in zip(stay.starts, ends, strict=True)],
        dtype=np.uint64,
    )


def overlap(of: Digests) -> Overlap:
    """Look digests up in the list of the challenge's stays."""
    looked_up = of[_is_kept(of)]
    return Overlap(int(np.isin(looked_up, _listed()).sum()), len(looked_up))


def n_duplicates(of: Digests) -> int:
    """How many stays begin exactly like another one before them."""
    known = of[of != NONE]
    return len(known) - len(np.unique(known))


def _digest(vitals: NDArray[np.float64]) -> int:
    if np.count_nonzero(~np.isnan(vitals)) < MIN_VALUES:
        return 0
    plain = np.where(np.isnan(vitals), np.nan, vitals) + 0.0  # one NaN, one zero
    return int.from_bytes(hashlib.sha256(plain.astype("<f8").tobytes()).digest()[:8], "little")


def _is_kept(of: Digests) -> NDArray[np.bool_]:
    is_kept: NDArray[np.bool_] = (of != NONE) & (of % np.uint64(KEPT_ONE_IN) == 0)
    return is_kept


def _listed() -> Digests:
    return np.frombuffer(LIST.read_bytes(), dtype="<u8").astype(np.uint64)


def write_list(data: Path, to: Path = LIST) -> None:
    """Write the digests of the stays below a folder, sorted."""
    found = digests(load(data).stay)
    to.write_bytes(np.unique(found[_is_kept(found)]).astype("<u8").tobytes())


if __name__ == "__main__":
    write_list(Path(sys.argv[1]))
