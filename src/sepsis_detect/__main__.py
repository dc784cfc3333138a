"""The command line: `sepsis-detect serve`, `score`, `model`, `key`."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from sepsis_detect import __version__
from sepsis_detect.errors import SepsisDetectError, SettingsError
from sepsis_detect.model_delivery import commands as model_commands
from sepsis_detect.settings import API_KEY

USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, or 2 after an error, which is one sentence."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except SepsisDetectError as error:
        print(f"sepsis-detect: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sepsis-detect",
        description="Early warning of sepsis in adult intensive care. Research software, "
        "not a medical device.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve the HTTP API")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serve.add_argument("--port", type=int, default=8000, help="port to listen on (%(default)s)")
    serve.add_argument("--workers", type=int, default=1, help="processes (%(default)s)")
    serve.set_defaults(run=_serve)

    score = commands.add_parser("score", help="score files of hours (psv, csv or parquet)")
    score.add_argument("files", nargs="+", type=Path, metavar="FILE", help="psv, csv or parquet")
    score.add_argument(
        "-o", "--output", required=True, type=Path, metavar="OUT", help="csv or parquet"
    )
    score.add_argument(
        "--unit",
        action="append",
        default=[],
        metavar="VARIABLE=UNIT",
        help="unit of a column that is not in the canonical one, such as creatinine=umol/L",
    )
    score.add_argument(
        "--partial", action="store_true", help="accept files that lack columns: all missing"
    )
    score.add_argument("--quiet", action="store_true", help="no progress bar")
    score.set_defaults(run=_score)

    model = commands.add_parser("model", help="look at, publish and take back models")
    model_commands.add_to(model)

    key = commands.add_parser("key", help="make keys for callers")
    actions = key.add_subparsers(required=True, metavar="ACTION")
    new = actions.add_parser("new", help="make a key and what the service is told of it")
    new.add_argument("name", nargs="?", default="caller", help="who will use it (%(default)s)")
    new.set_defaults(run=_new_key)
    return parser


def _serve(options: argparse.Namespace) -> int:
    # Importing takes a second, in which SIGTERM must be heard too; the image blocks it until here.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    from sepsis_detect.server import serve

    serve.serve(host=options.host, port=options.port, n_workers=options.workers)
    return 0


def _score(options: argparse.Namespace) -> int:
    try:
        from sepsis_detect.batch_scoring import score_files
    except ImportError as error:
        raise SettingsError(
            f"scoring files needs {error.name}: pip install 'sepsis-detect[score]'"
        ) from error
    # On SIGTERM the unfinished output file is deleted.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    return score_files.score_files(
        options.files,
        options.output,
        stated_units=options.unit,
        is_partial_allowed=options.partial,
        is_quiet=options.quiet,
    )


def _new_key(options: argparse.Namespace) -> int:
    from sepsis_detect.auth import api_keys

    key = api_keys.new_key()
    entry = api_keys.entry(options.name, key)
    if not API_KEY.fullmatch(entry):
        raise SettingsError("the name of a key has letters, digits, dots, - and _ alone")
    print(f"key, for the caller, shown only now:  {key}")
    print(f"entry, for the service:               {entry}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
