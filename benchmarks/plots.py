"""Draw what `make bench` found, and write its tables into docs/performance.md.

`.venv/bin/python -m benchmarks.plots build/bench.json`
"""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

DOCUMENT, FOLDER = Path("docs/performance.md"), Path("docs/performance")
# Okabe and Ito's colours, which the colour-blind tell apart; marks differ too.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
MILLISECONDS, CLIENTS = "milliseconds", "clients, each one request at a time"
Line = tuple[str, Sequence[float], str, str]


def _draw(
    name: str, x: Sequence[float], lines: Iterable[Line], labels: tuple[str, str], title: str
) -> None:
    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    for label, y, colour, mark in lines:
        axes.plot(x, y, color=colour, marker=mark, markersize=4, label=label)
    axes.set(xscale="log", yscale="log", xlabel=labels[0], ylabel=labels[1], title=title)
    axes.set_xticks(x, [f"{each:,}" for each in x])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)


def draw(found: dict[str, Any]) -> None:
    """Write the plots of the phases that were measured."""
    FOLDER.mkdir(exist_ok=True)
    mpl.rcParams["svg.hashsalt"] = "sepsis-detect"
    if latency := found.get("latency"):
        hours = latency["over_hours"]
        lines: list[Line] = [
            ("last hour", [run["last"]["p50_ms"] for run in hours], BLUE, "o"),
            ("every hour (include=trend)", [run["trend"]["p50_ms"] for run in hours], ORANGE, "s"),
        ]
        labels = ("hours in the stay", MILLISECONDS)
        _draw("hours", [run["hours"] for run in hours], lines, labels, "Median answer, one client")
        runs = latency["over_clients"]["flat"]
        clients = [run["clients"] for run in runs]
        lines = [
            ("median", [run["p50_ms"] for run in runs], BLUE, "o"),
            ("99th percentile", [run["p99_ms"] for run in runs], ORANGE, "s"),
        ]
        _draw("clients", clients, lines, (CLIENTS, MILLISECONDS), "One hour, one worker")
        lines = [
            (name, [run["per_second"] for run in runs], colour, mark)
            for (name, runs), colour, mark in zip(
                latency["over_clients"].items(), (BLUE, GREEN), "o^", strict=True
            )
        ]
        labels = (CLIENTS, "answers per second")
        _draw("saturation", clients, lines, labels, "Answers, one worker")
    if score := found.get("score"):
        runs = score["runs"]
        lines = [("seconds", [run["seconds"] for run in runs], BLUE, "o")]
        labels = ("hours in the file", "seconds")
        _draw("score", [run["hours"] for run in runs], lines, labels, "sepsis-detect score")


def tables(found: dict[str, Any]) -> dict[str, str]:
    """A table in Markdown for each phase that was measured."""
    written = {}
    if run := found.get("throughput"):
        lines = [
            "| | requests/s | of the floor | processor us, of the floor "
            "| p50 / p99 ms, 64 clients | p99 over the floor's | server ms "
            "| USD per million predictions |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for name, row in run["rows"].items():
            server_ms = f"{row['server_ms']:.2f}" if row["server_ms"] else ""
            lines.append(
                f"| {name} | {row['per_second']:,.0f} | {row['of_floor']:.3f} "
                f"| {row['cpu_us']:,.0f}, {row['cpu_of_floor']:.3f} "
                f"| {row['p50_ms']:.1f} / {row['p99_ms']:.1f} | {row['p99_over_floor']:.1f} "
                f"| {server_ms} | {row['usd_per_million']:.3f} |"
            )
        times = run["rows"]["flat"]["times_the_usual_way"]
        lines += ["", f"One hour: {times:.0f} times the usual way. {_machine(run)}"]
        written["throughput"] = "\n".join(lines)
    if run := found.get("start"):
        seconds = run["seconds"]
        written["start"] = (
            f"Start to first answer: {seconds['ours']:.2f} s (floor {seconds['floor']:.2f} s); "
            f"then {run['megabytes']:.0f} MB resident. {_machine(run)}"
        )
    if run := found.get("score"):
        lines = ["| hours | seconds | hours/s | MB |", "|---|---|---|---|"]
        lines += [
            f"| {each['hours']:,} | {each['seconds']:.1f} | {each['per_second']:,.0f} "
            f"| {each['megabytes']:.0f} |"
            for each in run["runs"]
        ]
        rate = f"Once it runs: {run['hours_per_second']:,.0f} hours/s. {_machine(run)}"
        written["score"] = "\n".join([*lines, "", rate])
    return written


def _machine(run: dict[str, Any]) -> str:
    machine = run["machine"]
    return (
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, "
        f"load before {machine['load_before']:.1f}, {machine['at'][:10]}."
    )


def main() -> None:
    """Read what was found, draw and write."""
    found = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    draw(found)
    text = DOCUMENT.read_text("utf-8")
    for name, table in tables(found).items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        pattern = re.compile(f"{begin}.*?{end}", re.DOTALL)
        whole = f"{begin}\n{table}\n{end}"
        text = pattern.sub(lambda _, whole=whole: whole, text)  # type: ignore[misc]
    DOCUMENT.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
