"""Command line: `python -m model_build STAGE`; see `--help`."""

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from model_build import validate_command
from model_build.compare import compare
from model_build.config import (
    COMPARISON,
    LEARNING_CURVE,
    LOCAL_RECIPE,
    QUICK,
    QUICK_COMPARISON,
    QUICK_LEARNING_CURVE,
    RECIPE,
)
from model_build.data.cohort import CohortError, load
from model_build.data.fetch import GO_ON, FetchError, fetch
from model_build.evaluate import evaluate
from model_build.familiarity import familiarity
from model_build.site import adapt_command, describe_command, label_command
from model_build.site.learning_curve import learning_curve
from model_build.train import train
from model_build.tune import tune
from sepsis_detect.errors import SepsisDetectError

DEFAULT_DATA = Path("../shared/data")
DEFAULT_FETCHED = Path("../data/physionet2019-psv")
DEFAULT_OUT = Path("src/sepsis_detect/model.onnx")
DEFAULT_WORK = Path("build/model")
DEFAULT_REPORT = Path("docs/model")


def main(arguments: list[str] | None = None) -> int:
    """Run one stage; 0 if it worked, 2 if the data cannot be used, 3 if a limit is missed."""
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    options = _parser().parse_args(arguments)
    stage: Callable[[argparse.Namespace], int | None] = options.run
    try:
        return stage(options) or 0
    except (CohortError, FetchError, SepsisDetectError) as error:
        print(f"model_build: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"model_build: stopped; {GO_ON}", file=sys.stderr)
        return 130


def _fetch(options: argparse.Namespace) -> None:
    fetch(options.out)


def _tune(options: argparse.Namespace) -> None:
    recipe, out = (
        (QUICK, options.work / "quick-tune") if options.quick else (RECIPE, DEFAULT_REPORT)
    )
    tune(load(options.data), recipe, out=options.out or out, work=options.work)


def _train(options: argparse.Namespace) -> None:
    recipe, out = (QUICK, options.work / "quick.onnx") if options.quick else (RECIPE, DEFAULT_OUT)
    train(load(options.data), recipe, out=options.out or out, work=options.work)


def _compare(options: argparse.Namespace) -> None:
    recipe, settings, out = RECIPE, COMPARISON, DEFAULT_REPORT
    if options.quick:
        recipe, settings, out = QUICK, QUICK_COMPARISON, options.work / "quick-compare"
    compare(load(options.data), recipe, settings, out=options.out or out, work=options.work)


def _evaluate(options: argparse.Namespace) -> None:
    recipe, out = (QUICK, options.work / "quick-evaluate") if options.quick else (RECIPE, Path())
    evaluate(load(options.data), recipe, out=options.out or out, work=options.work)


def _familiarity(options: argparse.Namespace) -> None:
    recipe, settings, out = RECIPE, COMPARISON, DEFAULT_REPORT
    if options.quick:
        recipe, settings, out = QUICK, QUICK_COMPARISON, options.work / "quick-familiarity"
    familiarity(load(options.data), recipe, settings, out=options.out or out, work=options.work)


def _learning_curve(options: argparse.Namespace) -> None:
    recipe, settings, out = RECIPE, LEARNING_CURVE, DEFAULT_REPORT
    if options.quick:
        recipe, settings, out = QUICK, QUICK_LEARNING_CURVE, options.work / "quick-learning-curve"
    cohort, out = load(options.data), options.out or out
    learning_curve(cohort, recipe, LOCAL_RECIPE, settings, out=out, work=options.work)


STAGES = (
    (_tune, "tune", "judge variations of the recipe on folds of their own", str(DEFAULT_REPORT)),
    (_train, "train", "fit, judge out of fold, and export the model", str(DEFAULT_OUT)),
    (_compare, "compare", "judge simpler and other models on the same folds", str(DEFAULT_REPORT)),
    (
        _familiarity,
        "familiarity",
        "judge accuracy where patients are unlike those of training",
        str(DEFAULT_REPORT),
    ),
    (
        _learning_curve,
        "learning-curve",
        "adapt a model of one hospital to more and more stays of the other",
        str(DEFAULT_REPORT),
    ),
    (_evaluate, "evaluate", "write the report, its plots and the model card", "here"),
)


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
    stage.set_defaults(run=_fetch)
    for run, name, what, out in STAGES:
        stage = stages.add_parser(name, help=what)
        stage.add_argument(
            "--data", type=Path, default=DEFAULT_DATA, help="folder of .psv or parquet"
        )
        stage.add_argument("--out", type=Path, help=f"where the results go (default: {out})")
        stage.add_argument("--work", type=Path, default=DEFAULT_WORK, help="intermediate results")
        stage.add_argument(
            "--quick", action="store_true", help="few patients and trees, written under --work"
        )
        stage.set_defaults(run=run)
    for command in (label_command, describe_command, validate_command, adapt_command):
        command.add_to(stages)
    return parser


if __name__ == "__main__":
    sys.exit(main())
