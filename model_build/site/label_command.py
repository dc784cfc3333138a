"""The command `python -m model_build label`: options, and what is said of the labels."""

import argparse
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model_build.data.labels import Labels, septic_stays
from model_build.site import column_options, label, label_hours
from model_build.site.label import MIN_ANTIBIOTIC_HOURS, SuspicionRule, suspicion_hours
from model_build.site.label_files import write_labelled
from model_build.site.label_hours import LabelHours, Matched
from model_build.site.label_sofa import NOT_SEEN, VARIABLES_USED
from model_build.site.orders import Orders, read_orders
from sepsis_detect.clinical.stay import FloatArray
from sepsis_detect.clinical.variables import BY_CHALLENGE
from sepsis_detect.errors import BadFileError

log = logging.getLogger(__name__)

CHALLENGE_EARLIEST_ONSET = 4  # hours after admission; the challenge has no earlier onset
SHORT_ROW_HOURS = 24  # most rows shorter than this are doses rather than orders

DESCRIPTION = """\
Label hours by Sepsis-3 as the PhysioNet/CinC Challenge 2019 does: infection is suspected
(cultures and intravenous antibiotics within 24 h or 72 h of each other, antibiotics for 72 h),
SOFA rises by two points from 24 h before to 12 h after; SepsisLabel is 1 from six hours before
the earlier of both.

HOURS: one row an hour, as for `sepsis-detect score`. ORDERS: one row an order, with the id of the
stay, kind (antibiotic or culture), time (hours since admission to intensive care as ICULOS, or a
date with time of day and icu_admission_time in HOURS); end and route where they are known.
"""
EXAMPLE = """\
example:
  python -m model_build label --hours hours.csv --orders orders.csv -o labelled.parquet
"""


def add_to(stages: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = stages.add_parser(
        "label",
        help="label your own hours by Sepsis-3 from orders",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--hours", required=True, type=Path, nargs="+", metavar="FILE", help="hours of stays"
    )
    parser.add_argument("--orders", required=True, type=Path, metavar="FILE", help="orders")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="FILE", help=".csv or .parquet"
    )
    parser.add_argument(
        "--without-cultures",
        action="store_true",
        help="antibiotics for 72 h alone are suspicion: where cultures are not recorded",
    )
    parser.add_argument(
        "--doses", action="store_true", help="an antibiotic row is one dose, not an order"
    )
    column_options.add_to(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Label, write, and say what the labels rest on.

    Raises:
        SepsisDetectError: Options or files cannot be used; nothing is written.
    """
    rule = SuspicionRule(needs_culture=not options.without_cultures, rows_are_doses=options.doses)
    reading = column_options.reading(options, options.hours)
    orders = read_orders(options.orders)
    hours = label_hours.read_hours(options.hours, reading)
    matched = label_hours.match(hours, orders)
    _require_kinds(orders, matched, rule)
    onsets = label.onsets(hours.stay, matched.orders, rule)
    labels = label.labels(hours.stay, onsets)
    write_labelled(options.hours, reading, hours.n_rows, labels, options.output)
    found = Labelled(hours, orders, matched, rule, onsets, labels)
    for line in lines(found, options.output):
        log.info("%s", line)


def _require_kinds(orders: Orders, matched: Matched, rule: SuspicionRule) -> None:
    if not matched.n_antibiotics:
        raise BadFileError(
            f"{orders.path}: no intravenous antibiotic belongs to a stay of the hours"
        )
    if rule.needs_culture and not matched.n_cultures:
        raise BadFileError(
            f"{orders.path}: no culture belongs to a stay of the hours; where cultures are not "
            "recorded, --without-cultures takes antibiotics for 72 h as suspicion"
        )


# --- What is said -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Labelled:
    """All that a labelling used and found; `onsets` is infinite for stays without sepsis."""

    hours: LabelHours
    orders: Orders
    matched: Matched
    rule: SuspicionRule
    onsets: FloatArray
    labels: Labels


def lines(found: Labelled, output: Path) -> Iterator[str]:
    """What the labels are, what they rest on and what could not be seen, in sentences."""
    stay = found.hours.stay
    is_septic = septic_stays(found.labels, stay.starts)
    n_suspected = sum(len(suspicion_hours(of, found.rule)) > 0 for of in found.matched.orders)
    yield (
        f"{output} written. Stays: {stay.n_stays:,}, septic {int(is_septic.sum()):,}; "
        f"hours: {stay.n_hours:,}, septic {int(found.labels.sum()):,}"
    )
    yield _suspicion(found.rule, n_suspected)
    yield from _about_onsets(found)
    yield from _about_orders(found)
    yield from _about_sofa(found)


def _suspicion(rule: SuspicionRule, n_suspected: int) -> str:
    what = "cultures and antibiotics"
    if not rule.needs_culture:
        what = (
            f"antibiotics for {MIN_ANTIBIOTIC_HOURS} h without cultures, which is not the "
            "challenge's definition"
        )
    rows = "; antibiotic rows taken as doses" if rule.rows_are_doses else ""
    return f"Stays with suspicion of infection: {n_suspected:,}, from {what}{rows}"


def _about_onsets(found: Labelled) -> Iterator[str]:
    last = found.hours.stay.icu_hours[found.hours.stay.last_rows]
    is_known = np.isfinite(found.onsets)
    if n_early := int((found.onsets < CHALLENGE_EARLIEST_ONSET).sum()):
        yield (
            f"Stays with an onset before hour {CHALLENGE_EARLIEST_ONSET}, of which the challenge "
            f"has none: {n_early:,}"
        )
    if n_after := int((is_known & (found.onsets > last)).sum()):
        yield f"Stays with an onset after their last hour: {n_after:,}"


def _about_orders(found: Labelled) -> Iterator[str]:
    orders, matched = found.orders, found.matched
    if matched.n_unmatched:
        yield f"Orders of stays that are not among the hours, not used: {matched.n_unmatched:,}"
    if n_other := orders.other_routes.total():
        routes = ", ".join(f"{route} {n:,}" for route, n in orders.other_routes.most_common(8))
        yield f"Antibiotic orders that are not intravenous, not used: {n_other:,} ({routes})"
    if orders.n_without_route:
        yield (
            f"Antibiotic orders without a route, taken as intravenous: {orders.n_without_route:,}"
        )
    if matched.n_without_end and not found.rule.rows_are_doses:
        yield (
            f"Antibiotic orders without an end, taken as {MIN_ANTIBIOTIC_HOURS} h long: "
            f"{matched.n_without_end:,}; if each row is one dose, say --doses"
        )
    if matched.median_duration_hours < SHORT_ROW_HOURS and not found.rule.rows_are_doses:
        yield (
            f"Half of the antibiotic orders last less than {SHORT_ROW_HOURS} h: "
            "if each row is one dose, say --doses"
        )


def _about_sofa(found: Labelled) -> Iterator[str]:
    yield f"Not seen of SOFA: {'; '.join(NOT_SEEN)}"
    values = found.hours.stay.values
    columns = {name: BY_CHALLENGE[name] for name in VARIABLES_USED}
    absent = [each.name for each in columns.values() if np.isnan(values[:, each.column]).all()]
    if absent:
        yield f"Without any value, so that their part of SOFA is not seen: {', '.join(absent)}"
