"""`make bench`: speed of the service beside the same HTTP server answering a constant.

It measures in turn, round by round, and compares medians: only ratios of one run carry over to
another machine. It writes the tables and plots of docs/performance.md and ends with exit code 1
where a bound is missed. It needs wrk and uses the loopback address only.
"""

import argparse
import sys
import time
from statistics import median

from benchmarks import growth, performance_report, request_bodies, throughput
from benchmarks.bounds import Bound, report
from benchmarks.local_server import local_server, machine
from benchmarks.performance_report import Growth, StartUp

FILE_HOURS = (10_000, 100_000, 1_000_000)


def main() -> int:
    """Measure, print, write the document, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each run of wrk")
    parser.add_argument("--file-hours", type=int, nargs="+", default=FILE_HOURS)
    parser.add_argument("--print-only", action="store_true", help="do not write the document")
    options = parser.parse_args()
    about = machine()
    print(about, flush=True)
    start_up = measure_start_up(options.rounds)
    speed = throughput.measure(options.rounds, options.seconds)
    files = [growth.score_file(n_hours) for n_hours in options.file_hours]
    tables = {
        "throughput": performance_report.throughput_table(speed),
        "start": performance_report.start_line(start_up, speed),
        "score": performance_report.score_table(files),
    }
    print("\n\n".join(tables.values()), flush=True)
    judged = bounds(speed, start_up)
    if not options.print_only:
        grown = measure_growth(max(options.seconds // 2, 1))
        performance_report.draw(grown, files)
        tables |= {
            "bounds": performance_report.bounds_table(judged),
            "machine": f"{about}; {options.rounds} rounds of {options.seconds} s, one worker.",
        }
        performance_report.write(tables)
    return report(judged)


def measure_start_up(n_rounds: int) -> StartUp:
    """Median time from the start of the process to the first prediction, and memory after it."""
    body = request_bodies.flat()[0]
    seconds, megabytes = [], 0.0
    for _ in range(n_rounds + 1):  # the first one fills the disk cache
        with local_server() as server:
            if server.ask(throughput.PATIENT, body)[0] != 200:
                raise RuntimeError("the first prediction failed")
            seconds.append(time.monotonic() - server.started_at)
            megabytes = server.megabytes()
    return StartUp(median(seconds[1:]), megabytes)


def measure_growth(seconds: int) -> Growth:
    """The curves over hours and clients."""
    with local_server() as server:
        return Growth(
            last_ms=growth.over_hours(server, seconds),
            trend_ms=growth.over_hours(server, seconds, "?include=trend"),
            flat=growth.over_clients(server, seconds, request_bodies.flat()),
            day=growth.over_clients(server, seconds, request_bodies.stays(24)),
        )


def bounds(speed: throughput.Throughput, start_up: StartUp) -> list[Bound]:
    """The bounds of the service's speed."""
    flat, day = speed.rows["flat"], speed.rows["24 hours"]
    return [
        Bound("flat, 16 clients, of the floor", flat.ratio_16, min=0.30),
        Bound("flat, 64 clients, of the floor", flat.ratio_64, min=0.45),
        Bound("24 hours, 16 clients, of the floor", day.ratio_16, min=0.16),
        Bound("flat, p99 at 64 clients, times the floor's", flat.p99_ratio, max=3),
        Bound("start to first answer, s", start_up.seconds, max=1.2),
        Bound("resident memory of the worker, MB", speed.megabytes, max=130),
        Bound("flat and 24 hours, answers other than 200", flat.n_odd + day.n_odd, max=0),
    ]


if __name__ == "__main__":
    sys.exit(main())
