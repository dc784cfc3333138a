"""Command line: `python -m model_build train [--data DIR] [--out FILE] [--work DIR] [--quick]`."""

import argparse
import logging
import sys
from pathlib import Path

from model_build.cohort import CohortError, load
from model_build.config import QUICK, RECIPE
from model_build.train import train

DEFAULT_DATA = Path("../shared/data")
DEFAULT_OUT = Path("src/sepsis_detect/model.onnx")
DEFAULT_WORK = Path("build/model")
QUICK_OUT = DEFAULT_WORK / "quick.onnx"


def main(arguments: list[str] | None = None) -> int:
    """Run one stage; 0 if it worked, 2 if the data cannot be used."""
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    options = _parser().parse_args(arguments)
    recipe = QUICK if options.quick else RECIPE
    out = options.out or (QUICK_OUT if options.quick else DEFAULT_OUT)
    try:
        train(load(options.data), recipe, out=out, work=options.work)
    except CohortError as error:
        print(f"model_build: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model_build")
    stages = parser.add_subparsers(dest="stage", required=True)
    stage = stages.add_parser("train", help="fit, judge out of fold, and export the model")
    stage.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of .psv or parquet")
    stage.add_argument("--out", type=Path, help=f"the artifact (default: {DEFAULT_OUT})")
    stage.add_argument("--work", type=Path, default=DEFAULT_WORK, help="intermediate results")
    stage.add_argument(
        "--quick", action="store_true", help=f"few patients and trees, written to {QUICK_OUT}"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
