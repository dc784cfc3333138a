"""`make bench-spark`: hours a second of `score`, and of Spark with one and with two executors.

Each executor is a process of its own with one core (`local-cluster`). The data are made of hospital
B of the challenge, repeated with other identifiers; a first run warms each session up. The scores
of Spark are compared with those of `score`, bit by bit.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
from pyspark.sql import SparkSession

from benchmarks.bounds import Bound, report
from benchmarks.local_server import machine
from sepsis_detect.batch_scoring.spark import score

DATA = Path("../shared/data/physionet2019/setB.parquet")
MIN_SCALING = 1.5
ORDER = [("patient_id", "ascending"), ("icu_hour", "ascending")]
EXECUTOR_MEMORY_MB = 2_048
# List prices an hour of EMR Serverless on x86 in us-east-1, from memory and not looked up: check
# them at https://aws.amazon.com/emr/pricing.
VCPU_DOLLARS, GB_DOLLARS = 0.052624, 0.0057785
GB_AN_EXECUTOR = 4  # of one vCPU


def repeated(path: Path, folder: Path, n_times: int) -> Path:
    """A file with the stays `n_times`, each time with other identifiers."""
    table = pa.parquet.read_table(path)
    ids = table.column("patient_id").cast(pa.string())
    out = folder / "stays.parquet"
    with pa.parquet.ParquetWriter(out, table.schema) as writer:
        for number in range(n_times):
            renamed = pa.compute.binary_join_element_wise(ids, str(number), "-")
            at = table.schema.get_field_index("patient_id")
            writer.write_table(
                table.set_column(
                    at, table.schema.field(at), renamed.cast(table.schema.field(at).type)
                )
            )
    return out


def seconds_of_score(path: Path, out: Path, n_threads: int) -> float:
    """Time of the command, start included."""
    command = [sys.executable, "-m", "sepsis_detect", "score", str(path), "-o", str(out), "--quiet"]
    if n_threads == 1 and hasattr(os, "sched_setaffinity"):
        command = ["taskset", "--cpu-list", "0", *command]
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


def seconds_of_spark(path: Path, out: Path, n_executors: int, n_rounds: int) -> float:
    """Best time of a job in a warm session; the session's start does not count.

    The first job writes the scores to `out`.
    """
    session = (
        SparkSession.builder.master(f"local-cluster[{n_executors},1,{EXECUTOR_MEMORY_MB}]")
        .config("spark.executor.memory", f"{EXECUTOR_MEMORY_MB // 2}m")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    try:
        score(session.read.parquet(str(path))).write.parquet(str(out))
        times = []
        for _ in range(n_rounds):
            begin = time.perf_counter()
            scores = score(session.read.parquet(str(path)))
            scores.write.format("noop").mode("overwrite").save()
            times.append(time.perf_counter() - begin)
        return min(times)
    finally:
        session.stop()


def are_same(found: Path, expected: Path) -> bool:
    """Whether two outputs have the same rows, in any order, to the bit."""
    first, second = (pa.parquet.read_table(path).sort_by(ORDER) for path in (found, expected))
    return bool(first.combine_chunks().equals(second.combine_chunks()))


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--times", type=int, default=1, help="how often the stays are repeated")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = repeated(options.data, folder, options.times)
        n_hours = pa.parquet.read_metadata(path).num_rows
        print(f"{machine()}; {n_hours:,} hours", flush=True)
        seconds = {
            "score, one core": seconds_of_score(path, folder / "one.parquet", 1),
            "score, all cores": seconds_of_score(path, folder / "all.parquet", 0),
            "Spark, one executor": seconds_of_spark(path, folder / "1", 1, options.rounds),
            "Spark, two executors": seconds_of_spark(path, folder / "2", 2, options.rounds),
        }
        is_same = are_same(folder / "2", folder / "all.parquet")
    for name, taken in seconds.items():
        print(f"{name:22} {n_hours / taken:10,.0f} hours a second  ({taken:.1f} s)")
    scaling = seconds["Spark, one executor"] / seconds["Spark, two executors"]
    taken = max(seconds["Spark, one executor"], 2 * seconds["Spark, two executors"])
    dollars = taken / n_hours * 1e6 / 3600 * (VCPU_DOLLARS + GB_AN_EXECUTOR * GB_DOLLARS)
    print(f"a million hours: ${dollars:.4f} of executors on EMR Serverless")
    return report(
        [
            Bound("the bits of score (1: yes)", float(is_same), min=1),
            Bound("two executors, times one", scaling, min=MIN_SCALING),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
