"""Options of every command that reads files of hours: `--unit` and `--partial`."""

import argparse


def add_unit_to(parser: argparse.ArgumentParser) -> None:
    """Add `--unit`, which may be repeated: `options.units`."""
    parser.add_argument(
        "--unit",
        dest="units",
        action="append",
        default=[],
        metavar="VARIABLE=UNIT",
        help="unit of a column that is not in the canonical one, such as creatinine=umol/L",
    )


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add `--unit` and `--partial`."""
    add_unit_to(parser)
    parser.add_argument(
        "--partial", action="store_true", help="accept files that lack columns: all missing"
    )
