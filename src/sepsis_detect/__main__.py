"""The command line: `sepsis-detect serve`, `score`, `model`, `key`."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sepsis_detect import __version__
from sepsis_detect.audit_report import command as audit_command
from sepsis_detect.batch_scoring import reading_options
from sepsis_detect.errors import SepsisDetectError, SettingsError
from sepsis_detect.model_delivery import commands as model_commands
from sepsis_detect.settings import API_KEY

USAGE_ERROR = 2

EXAMPLES = """examples:
  sepsis-detect serve                                      http://127.0.0.1:8000
  sepsis-detect score stays.parquet -o scored.csv          a probability for every hour
  sepsis-detect audit report --log service.log --outcomes outcomes.csv
                                                           alerts against what really happened
  sepsis-detect model show                                 the model that would be served
  sepsis-detect key new ward-7                             a key for a caller

sepsis-detect COMMAND --help describes a command."""

SERVE_EXAMPLES = """examples:
  sepsis-detect serve
  sepsis-detect serve --host 0.0.0.0 --port 8080 --workers 2   needs SEPSIS_API_KEYS
  SEPSIS_MODEL_URI=s3://bucket/model.onnx sepsis-detect serve"""

SCORE_EXAMPLES = """One row is one hour; the rows of a stay stand together, in order.
Columns: stay_id, patient_id, ...; icu_hour; heart_rate, temperature, ... (or HR, Temp, ...).
A name may have a unit: "lactate (mg/dL)". Short and French names (FC, PAS, T°, Hb) are read too.
OUT has a row for every row read: patient_id, icu_hour, probability, prediction, data_sufficiency.
What was dropped, left out or not read is said at the end, on standard error.

examples:
  sepsis-detect score stays.parquet -o scored.csv
  sepsis-detect score training/*.psv -o scored.parquet     the challenge's records, a file a stay
  sepsis-detect score ward.csv --partial -o scored.csv     a file that lacks some columns
  sepsis-detect score us.csv --unit 'temperature=[degF]' --unit lactate=mg/dL -o scored.csv

exit status: 0, also if single stays could not be scored; 2 if a file cannot be read, nothing is
written then; 3 if no stay could be scored."""

AUDIT_EXAMPLES = """OUTCOMES has a row for each request:
  request_id    of the answer; or input_hmac, of the audit line
  septic_at     when sepsis began, such as 2026-11-23T08:00:00+01:00; empty: it did not
  stay_id, patient_id, ...   the stay, if known: for alerts per patient-day, and alerts in time
  patient_index   of /predict/patients: which of its results, from 0
An answer without a row is left out. Nothing about a single patient is written.

examples:
  sepsis-detect audit report --log service.log --outcomes outcomes.csv
  sepsis-detect audit report --log export/*.gz --outcomes outcomes.parquet -o november

exit status: 0, also if single lines cannot be read, which are named; 2 if a file cannot be read,
or no outcome belongs to an answer."""

MODEL_EXAMPLES = """examples:
  sepsis-detect model show
  sepsis-detect model verify model.onnx
  sepsis-detect model publish model.onnx --to s3://bucket/model.onnx
  sepsis-detect model rollback"""

KEY_EXAMPLES = """examples:
  sepsis-detect key new ward-7"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, or 2 after an error, which is one sentence."""
    options = parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except SepsisDetectError as error:
        print(f"sepsis-detect: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return 130
    return status


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    program = argparse.ArgumentParser(
        prog="sepsis-detect",
        description="Early warning of sepsis in adult intensive care. Research software, "
        "not a medical device.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    program.add_argument("--version", action="version", version=__version__)
    commands = program.add_subparsers(required=True, metavar="COMMAND")

    serve = _command(commands, "serve", "serve the HTTP API", SERVE_EXAMPLES)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serve.add_argument("--port", type=int, default=8000, help="port to listen on (%(default)s)")
    serve.add_argument("--workers", type=int, default=1, help="processes (%(default)s)")
    serve.set_defaults(run=_serve)

    score = _command(commands, "score", "score files of hours", SCORE_EXAMPLES)
    score.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="parquet, or text (.csv, .psv, .tsv, .txt) with any usual separator",
    )
    score.add_argument(
        "-o", "--output", required=True, type=Path, metavar="OUT", help="csv or parquet"
    )
    reading_options.add_to(score)
    score.add_argument("--quiet", action="store_true", help="no progress bar")
    score.set_defaults(run=_score)

    audit = _command(commands, "audit", "compare answers with what happened", AUDIT_EXAMPLES)
    audit_command.add_to(audit, AUDIT_EXAMPLES)

    model = _command(commands, "model", "look at, publish and take back models", MODEL_EXAMPLES)
    model_commands.add_to(model)

    key = _command(commands, "key", "make keys for callers", KEY_EXAMPLES)
    actions = key.add_subparsers(required=True, metavar="ACTION")
    new = _command(actions, "new", "make a key and what the service is told of it", KEY_EXAMPLES)
    new.add_argument("name", nargs="?", default="caller", help="who will use it (%(default)s)")
    new.set_defaults(run=_new_key)
    return program


def _command(commands: Any, name: str, what: str, examples: str) -> argparse.ArgumentParser:
    """The parser of a command; its help begins with what it does and ends with examples."""
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return command


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
        stated_units=options.units,
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
