"""Command line: `python -m model_build fetch|train|compare|evaluate`; `--help` says the rest."""

import argparse
import logging
import sys
from pathlib import Path

from model_build.cohort import CohortError, load
from model_build.compare import compare
from model_build.config import COMPARISON, QUICK, QUICK_COMPARISON, RECIPE
from model_build.evaluate import evaluate
from model_build.fetch import GO_ON, FetchError, fetch
from model_build.train import train

DEFAULT_DATA = Path("../shared/data")
DEFAULT_FETCHED = Path("../data/physionet2019-psv")
DEFAULT_OUT = Path("src/sepsis_detect/model.onnx")
DEFAULT_WORK = Path("build/model")
QUICK_OUT = DEFAULT_WORK / "quick.onnx"
DEFAULT_REPORT = Path("docs/model")


def main(arguments: list[str] | None = None) -> int:
    """Run one stage; 0 if it worked, 2 if the data cannot be used."""
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    options = _parser().parse_args(arguments)
    if options.stage == "fetch":
        return _fetch(options.out)
    if options.stage == "compare":
        return _compare(options)
    if options.stage == "evaluate":
        return _evaluate(options)
    recipe = QUICK if options.quick else RECIPE
    out = options.out or (QUICK_OUT if options.quick else DEFAULT_OUT)
    try:
        train(load(options.data), recipe, out=out, work=options.work)
    except CohortError as error:
        print(f"model_build: {error}", file=sys.stderr)
        return 2
    return 0


def _fetch(out: Path) -> int:
    try:
        fetch(out)
    except FetchError as error:
        print(f"model_build: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"model_build: stopped; {GO_ON}", file=sys.stderr)
        return 130
    return 0


def _compare(options: argparse.Namespace) -> int:
    recipe, settings, out = RECIPE, COMPARISON, DEFAULT_REPORT
    if options.quick:
        recipe, settings, out = QUICK, QUICK_COMPARISON, options.work / "quick-compare"
    try:
        compare(load(options.data), recipe, settings, out=options.out or out, work=options.work)
    except CohortError as error:
        print(f"model_build: {error}", file=sys.stderr)
        return 2
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    recipe, out = (QUICK, options.work / "quick-evaluate") if options.quick else (RECIPE, Path())
    try:
        evaluate(load(options.data), recipe, out=options.out or out, work=options.work)
    except CohortError as error:
        print(f"model_build: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model_build")
    stages = parser.add_subparsers(dest="stage", required=True)
    stage = stages.add_parser("fetch", help="download the challenge's .psv files from PhysioNet")
    stage.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        default=DEFAULT_FETCHED,
        help="outside the project (default: %(default)s)",
    )
    stage = stages.add_parser("train", help="fit, judge out of fold, and export the model")
    stage.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of .psv or parquet")
    stage.add_argument("--out", type=Path, help=f"the artifact (default: {DEFAULT_OUT})")
    stage.add_argument("--work", type=Path, default=DEFAULT_WORK, help="intermediate results")
    stage.add_argument(
        "--quick", action="store_true", help=f"few patients and trees, written to {QUICK_OUT}"
    )
    stage = stages.add_parser("compare", help="judge simpler and other models on the same folds")
    stage.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of .psv or parquet")
    stage.add_argument("--out", type=Path, metavar="DIR", help=f"default: {DEFAULT_REPORT}")
    stage.add_argument("--work", type=Path, default=DEFAULT_WORK, help="intermediate results")
    stage.add_argument(
        "--quick", action="store_true", help="few patients and trees, written under --work"
    )
    stage = stages.add_parser("evaluate", help="write the report, its plots and the model card")
    stage.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of .psv or parquet")
    stage.add_argument(
        "--out", type=Path, metavar="DIR", help="gets MODEL_CARD.md and docs/model/ (default: here)"
    )
    stage.add_argument("--work", type=Path, default=DEFAULT_WORK, help="intermediate results")
    stage.add_argument(
        "--quick", action="store_true", help="few patients and trees, written under --work"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
