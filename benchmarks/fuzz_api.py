"""The real server against its own OpenAPI document, by schemathesis: every check, no failure.

    make fuzz-api                   or        make fuzz-api FUZZ_ARGS='--examples 20 --seed 7'

Bodies, queries and headers of the documented form must be answered as documented, others refused
as documented. The server asks for keys, so that a call without one is checked, too. Exit code 1
where something fails, or where there were fewer cases than asked for. Loopback only.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.load import Bound, judge
from benchmarks.local_server import local_server, machine
from sepsis_detect.auth.api_keys import entry, new_key

HERE = Path(__file__).parent
EXAMPLES = 300  # of each operation, beside those that follow from the document alone
MIN_CASES = 2_000
COUNTED = re.compile(r"(\d+) generated")


def main(arguments: list[str] | None = None) -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="of each operation")
    parser.add_argument("--least", type=int, default=MIN_CASES, help="cases there must be")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    parser.add_argument("--seed", type=int, default=2019)
    parser.add_argument("--open", action="store_true", help="ask for no key: wrong ones wait")
    options = parser.parse_args(arguments)
    print(machine(), flush=True)
    key = new_key()
    access = {"AUTH": "off"} if options.open else {"API_KEYS": entry("fuzz", key)}
    with (
        local_server(**access, LOG_LEVEL="WARNING") as server,
        tempfile.TemporaryDirectory() as folder,  # schemathesis leaves caches where it runs
    ):
        done = subprocess.run(  # noqa: S603 - our own command
            _command(options, f"http://127.0.0.1:{server.port}/openapi.json", key),
            env=os.environ | {"SCHEMATHESIS_HOOKS": "benchmarks.schema_checks"} | _path(),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        n_failed = sum(line["event"] == "failed" for line in _log(server.log))
    print(done.stdout.replace(key, "KEY"))
    found = COUNTED.search(done.stdout)
    return judge(
        [
            Bound("cases", int(found[1]) if found else 0, least=options.least),
            Bound("exit code of schemathesis", done.returncode, most=0),
            Bound("failures in the server's log", n_failed, most=0),
        ]
    )


def _command(options: argparse.Namespace, url: str, key: str) -> list[str]:
    return [
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(HERE / "schemathesis.toml"), "run", url),
        *("--header", f"Authorization: Bearer {key}", "--checks", "all", "--no-color"),
        *("--max-examples", str(options.examples), "--phases", options.phases),
        *("--seed", str(options.seed), "--continue-on-failure", "--generation-database", "none"),
        *("--workers", "1"),  # hypothesis parses its own lambdas: not safe in threads (Python 3.11)
    ]


def _path() -> dict[str, str]:
    return {"PYTHONPATH": str(HERE.parent)}


def _log(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(main())
