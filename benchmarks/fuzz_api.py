"""`make fuzz-api`: the running service against its own OpenAPI document, by schemathesis.

Every check of schemathesis is on. The server requires keys, so that requests without one are
checked, too. Exit code 1 where a check fails, or where fewer cases were generated than required.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.bounds import Bound, report
from benchmarks.local_server import local_server, machine
from sepsis_detect.auth.api_keys import entry, new_key

HERE = Path(__file__).parent


def main(arguments: list[str] | None = None) -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--examples", type=int, default=300, help="of each operation")
    parser.add_argument("--least", type=int, default=2_000, help="cases that are required")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    parser.add_argument("--seed", type=int, default=2019)
    parser.add_argument("--open", action="store_true", help="a server that requires no keys")
    options = parser.parse_args(arguments)
    print(machine(), flush=True)
    key = new_key()
    access = {"SEPSIS_AUTH": "off"} if options.open else {"SEPSIS_API_KEYS": entry("fuzz", key)}
    with (
        local_server(access | {"SEPSIS_LOG_LEVEL": "WARNING"}) as server,
        tempfile.TemporaryDirectory() as folder,  # schemathesis writes caches where it runs
    ):
        done = subprocess.run(
            command(options, f"http://127.0.0.1:{server.port}/openapi.json", key),
            env=os.environ
            | {"SCHEMATHESIS_HOOKS": "benchmarks.schema_checks", "PYTHONPATH": str(HERE.parent)},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        events = [json.loads(line)["event"] for line in server.log.read_text("utf-8").splitlines()]
    print(done.stdout.replace(key, "KEY"))
    n_cases = re.search(r"(\d+) generated", done.stdout)
    return report(
        [
            Bound("cases", int(n_cases[1]) if n_cases else 0, min=options.least),
            Bound("exit code of schemathesis", done.returncode, max=0),
            Bound("errors in the server's log", events.count("failed"), max=0),
        ]
    )


def command(options: argparse.Namespace, url: str, key: str) -> list[str]:
    """The command line of schemathesis."""
    return [
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(HERE / "schemathesis.toml"), "run", url),
        *("--header", f"Authorization: Bearer {key}", "--checks", "all", "--no-color"),
        *("--max-examples", str(options.examples), "--phases", options.phases),
        *("--seed", str(options.seed), "--continue-on-failure", "--generation-database", "none"),
        *("--workers", "1"),  # hypothesis parses source code, which is not thread-safe on 3.11
    ]


if __name__ == "__main__":
    sys.exit(main())
