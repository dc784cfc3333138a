"""Tables and plots of docs/performance.md, written by `make bench`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl

from benchmarks.bounds import Bound
from benchmarks.growth import CLIENTS, HOURS, FileRun
from benchmarks.throughput import Throughput
from benchmarks.wrk import Result

mpl.use("svg")
import matplotlib.pyplot as plt

DOCUMENT, PLOTS = Path("docs/performance.md"), Path("docs/performance")
STYLES = [("#0072B2", "o"), ("#D55E00", "s")]  # Okabe and Ito: safe for colour blindness
ONE_CLIENT_EACH = "clients, each one request at a time"


@dataclass(frozen=True, slots=True)
class StartUp:
    """Seconds from the start of the process to its first prediction, and memory after it."""

    seconds: float
    megabytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Median latencies over the hours of a stay; runs over the number of clients."""

    last_ms: list[float]
    trend_ms: list[float]
    flat: list[Result]
    day: list[Result]


def throughput_table(speed: Throughput) -> str:
    """Markdown table: a row for each kind of request."""
    lines = [
        "| | requests/s, 16 clients | of the floor | requests/s, 64 clients | of the floor "
        "| p50 / p99 ms, 64 clients | p99, times the floor's | refused |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.name} | {row.per_second_16:,.0f} | {row.ratio_16:.3f} "
        f"| {row.per_second_64:,.0f} | {row.ratio_64:.3f} "
        f"| {row.p50_ms:.1f} / {row.p99_ms:.1f} | {row.p99_ratio:.1f} "
        f"| {row.n_odd:,} |"
        for row in speed.rows.values()
    ]
    return "\n".join(lines)


def start_line(start_up: StartUp, speed: Throughput) -> str:
    """Start and memory in one sentence."""
    return (
        f"Start to first prediction: {start_up.seconds:.2f} s. Resident memory of the worker: "
        f"{start_up.megabytes:.0f} MB after it, {speed.megabytes:.0f} MB after all requests above."
    )


def score_table(files: Sequence[FileRun]) -> str:
    """Markdown table: a row for each file size."""
    lines = ["| hours | seconds | hours/s | MB |", "|---|---|---|---|"]
    lines += [
        f"| {each.n_hours:,} | {each.seconds:.1f} | {each.per_second:,.0f} | {each.megabytes:.0f} |"
        for each in files
    ]
    return "\n".join(lines)


def bounds_table(bounds: Sequence[Bound]) -> str:
    """Markdown table: a row for each bound."""
    lines = ["| | bound | measured | |", "|---|---|---|---|"]
    lines += [
        f"| {each.name} | {each.limit} | {each.value:,.3g} | {each.verdict} |" for each in bounds
    ]
    return "\n".join(lines)


def write(tables: dict[str, str]) -> None:
    """Replace the text between the markers of each table in the document."""
    text = DOCUMENT.read_text("utf-8")
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        after = rest.partition(end)[2]
        text = f"{before}{begin}\n{table}\n{end}{after}"
    DOCUMENT.write_text(text, "utf-8")


def draw(grown: Growth, files: Sequence[FileRun]) -> None:
    """Write the plots."""
    PLOTS.mkdir(exist_ok=True)
    mpl.rcParams["svg.hashsalt"] = "sepsis-detect"
    _plot(
        "hours",
        "Median latency, one client",
        ("hours in the stay", "milliseconds"),
        HOURS,
        {"last hour": grown.last_ms, "every hour (include=trend)": grown.trend_ms},
    )
    _plot(
        "clients",
        "Latency, flat, one worker",
        (ONE_CLIENT_EACH, "milliseconds"),
        CLIENTS,
        {
            "median": [run.p50_ms for run in grown.flat],
            "99th percentile": [run.p99_ms for run in grown.flat],
        },
    )
    _plot(
        "saturation",
        "Throughput, one worker",
        (ONE_CLIENT_EACH, "predictions per second"),
        CLIENTS,
        {
            "flat": [run.per_second for run in grown.flat],
            "24 hours": [run.per_second for run in grown.day],
        },
    )
    _plot(
        "score",
        "sepsis-detect score",
        ("hours in the file", "seconds"),
        [each.n_hours for each in files],
        {"seconds": [each.seconds for each in files]},
    )


def _plot(
    name: str,
    title: str,
    labels: tuple[str, str],
    x: Sequence[float],
    lines: dict[str, list[float]],
) -> None:
    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    for (label, y), (colour, marker) in zip(lines.items(), STYLES, strict=False):
        axes.plot(x, y, color=colour, marker=marker, markersize=4, label=label)
    axes.set(xscale="log", yscale="log", xlabel=labels[0], ylabel=labels[1], title=title)
    axes.set_xticks(x, [f"{each:,}" for each in x])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(PLOTS / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)
