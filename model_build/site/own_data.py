"""A hospital's own stays, read and checked: what `validate`, `adapt` and `describe` begin with.

Reading stops with one sentence where the data cannot be what they claim: no labels or one kind of
them, a label of the stay instead of the hour, values in another unit, stays of several patients.
What is only unlikely is a warning.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model_build.data import stay_files
from model_build.data.cohort import LABEL, Cohort
from model_build.data.labels import septic_stays
from model_build.data.stay_files import HOSPITAL
from model_build.site import known_stays
from model_build.site.known_stays import Overlap
from model_build.site.unit_suspicions import UnitSuspicion, suspicions, training_ranges
from sepsis_detect.batch_scoring.hour_columns import HourColumns, said
from sepsis_detect.batch_scoring.hour_rows import HourReader, Reading
from sepsis_detect.batch_scoring.hour_tables import readable
from sepsis_detect.clinical import rules
from sepsis_detect.clinical.coherence import RuleViolation, scan
from sepsis_detect.clinical.stay import BoolArray
from sepsis_detect.clinical.variables import CLINICAL, CLINICAL_COLUMNS, VARIABLES
from sepsis_detect.errors import BadFileError
from sepsis_detect.prediction.model import ModelMetadata

MAX_MIXED_SHARE = 0.05  # of stays whose age, sex, unit or admission changes
MIN_SEPTIC_FOR_SHARE = 10  # septic stays
MAX_LABELLED_FROM_FIRST = 0.9  # of septic stays; 15 % in the challenge's data
MAX_DOUBTFUL = 0.1  # of a variable's values that are refused or look like another unit

Unread = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnData:
    """Stays of one or more files.

    Attributes:
        cohort: The stays; labels are 0 where the files have none.
        is_labelled: Whether the files have labels.
        unread: Headers of columns that are not read, each with the name it resembles.
        violations: Of the coherence rules, as of `coherence.scan`.
        units: Variables whose unit is doubtful, though possible.
        overlap: With the challenge's data.
        n_duplicates: Stays that begin exactly like another one.
    """

    cohort: Cohort
    is_labelled: bool
    unread: Unread
    violations: list[RuleViolation]
    units: list[UnitSuspicion]
    overlap: Overlap
    n_duplicates: int

    @property
    def warnings(self) -> list[str]:
        """What is unlikely or likely to mislead, in sentences without values of patients."""
        found = [f"unit: {each.sentence}" for each in self.units]
        if share := self.overlap.share:
            found.append(
                f"training data: about {share:.0%} of the stays are of the PhysioNet/CinC "
                "Challenge 2019, on which the embedded model was trained: its figures on them "
                "are too good"
            )
        if self.n_duplicates:
            found.append(f"duplicates: {self.n_duplicates:,} stays begin exactly like another")
        found += _doubtful(self)
        if likely := [each for each in self.unread if each[1]]:
            found.append(f"columns that are not read: {said(likely)}; --map COLUMN=VARIABLE")
        return found


def read(
    files: Sequence[Path], reading: Reading, metadata: ModelMetadata, *, is_labelled: bool = True
) -> OwnData:
    """Read and check stays.

    Args:
        files: As for `sepsis-detect score`, with SepsisLabel if `is_labelled`.
        reading: How to read them (`column_options.reading`).
        metadata: Of the model whose training the values are compared with.
        is_labelled: Whether labels are needed.

    Raises:
        BadFileError: They cannot be read, or cannot be what they claim; one sentence.
    """
    of = stay_files.read_labelled if is_labelled else stay_files.read_unlabelled
    cohort = of(files, reading)
    columns = [_columns(path, reading) for path in files]
    conversions = {k: v for each in columns for k, v in each.conversions.items()}
    units = suspicions(cohort.stay, conversions, training_ranges(metadata))
    violations = scan(cohort.stay)
    _require_possible(cohort, units, violations)
    if is_labelled:
        _require_labels_of_hours(cohort)
    digests = known_stays.digests(cohort.stay)
    return OwnData(
        cohort=cohort,
        is_labelled=is_labelled,
        unread=tuple(dict.fromkeys(each for of in columns for each in of.unread)),
        violations=violations,
        units=[each for each in units if not each.is_impossible],
        overlap=known_stays.overlap(digests),
        n_duplicates=known_stays.n_duplicates(digests),
    )


def _doubtful(own: OwnData) -> list[str]:
    """Variables of whose values many are refused, or look like another unit by a rule of their own.

    Ionised calcium among total calcium, for instance: the median shows nothing.
    """
    values = own.cohort.stay.values
    named = {each.column for each in own.units}
    found = []
    for variable in (each for each in CLINICAL if each.column not in named):
        n_known = np.count_nonzero(~np.isnan(values[:, variable.column]))
        about = [each for each in own.violations if variable.column in each.columns]
        groups = {
            "are impossible or incoherent": [each for each in about if each.is_refusal],
            "look like another unit or analyte": [
                each for each in about if each.rule.id.endswith(".unit")
            ],
        }
        for what, violations in groups.items():
            rows = {row for each in violations for row in each.rows.tolist()}
            if len(rows) > MAX_DOUBTFUL * n_known:
                rules_broken = ", ".join(dict.fromkeys(each.rule.id for each in violations))
                found.append(
                    f"values: {len(rows) / n_known:.0%} of the values of {variable.name} {what} "
                    f"({rules_broken})"
                )
    return found


def _columns(path: Path, reading: Reading) -> HourColumns:
    with readable(path):
        reading = replace(reading, is_partial_allowed=True, others=(LABEL, HOSPITAL))
        return HourReader(path, reading, path.stem).columns


def _require_possible(
    cohort: Cohort, units: Sequence[UnitSuspicion], violations: Sequence[RuleViolation]
) -> None:
    if np.isnan(cohort.stay.values[:, CLINICAL_COLUMNS]).all():
        raise BadFileError("the files have no vital sign and no laboratory value: check --map")
    impossible = [each for each in units if each.is_impossible]
    if impossible:
        raise BadFileError("; ".join(each.sentence for each in impossible))
    mixed = [each for each in violations if each.rule == rules.CONSTANT]
    is_mixed = stays_with(cohort, mixed)
    if is_mixed.mean() > MAX_MIXED_SHARE:
        names = dict.fromkeys(VARIABLES[column].name for each in mixed for column in each.columns)
        raise BadFileError(
            f"{', '.join(names)} changes within {int(is_mixed.sum()):,} of {len(is_mixed):,} "
            "stays: do several patients share an identifier?"
        )


def stays_with(cohort: Cohort, violations: Sequence[RuleViolation]) -> BoolArray:
    """Shape (n_stays,): which stays have one of these violations."""
    has = np.zeros(cohort.stay.n_stays, dtype=bool)
    for each in violations:
        has[cohort.stay_of_hour[each.rows]] = True
    return has


def _require_labels_of_hours(cohort: Cohort) -> None:
    n_septic = int(septic_stays(cohort.labels, cohort.stay.starts).sum())
    n_from_first = int(cohort.labels[cohort.stay.starts].sum())
    if n_septic >= MIN_SEPTIC_FOR_SHARE and n_from_first > MAX_LABELLED_FROM_FIRST * n_septic:
        raise BadFileError(
            f"{LABEL} is 1 from the first row on in {n_from_first:,} of {n_septic:,} septic stays: "
            "it must say when sepsis begins, not which stays are septic"
        )
