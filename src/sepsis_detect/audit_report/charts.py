"""The report's plots as SVG: figures by week, and calibration."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isnan, log10
from xml.sax.saxutils import escape

from sepsis_detect.audit_report.report import SERVED, SERVED_BESIDE_SHADOW, SHADOW, Report

Point = tuple[float, float]

WIDTH, PANEL_HEIGHT = 720, 150
LEFT, RIGHT, TOP, BOTTOM = 60, 44, 34, 30  # margins of a panel
LEGEND_HEIGHT = 26
SQUARE = 420  # height of the calibration's panel
MAX_WEEKS_NAMED = 10
N_STEPS = 4  # about so many on an axis

INPUTS = "inputs"
# Colour, dashes and mark of each series: told apart without colours too.
STYLES = {
    SERVED: ("#0b3c5d", "", "circle"),
    SERVED_BESIDE_SHADOW: ("#4d7ea8", "2 3", "circle"),
    SHADOW: ("#a33c00", "7 4", "square"),
    INPUTS: ("#17232d", "", "circle"),
}


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes.

    Attributes:
        title: With what stands on the vertical axis.
        series: Points of each series, a key of `STYLES`; a NaN breaks the line.
        x_ticks: Position and words.
        height: Of the panel.
        reference: A line to compare with, from its first point to its last.
    """

    title: str
    series: Mapping[str, Sequence[Point]]
    x_ticks: Sequence[tuple[float, str]]
    height: int = PANEL_HEIGHT
    reference: Sequence[Point] = ()


def svg_files(report: Report) -> dict[str, str]:
    """The content of each plot, by name; none without points."""
    found = {
        "weeks.svg": _svg("Figures by week", _week_panels(report)),
        "calibration.svg": _svg("Calibration", _calibration_panels(report)),
    }
    return {name: content for name, content in found.items() if content}


def _week_panels(report: Report) -> list[Panel]:
    weeks = sorted({each.period for each in report.by_week} | {each.week for each in report.drift})
    at = {week: float(number) for number, week in enumerate(weeks)}
    every = ceil(len(weeks) / MAX_WEEKS_NAMED)
    ticks = [(at[week], week) for week in weeks[::every]]
    ends = (0.0, float(len(weeks) - 1))
    rows = report.by_week

    def of_models(title: str, name: str, reference: float | None = None) -> Panel:
        series: dict[str, list[Point]] = {}
        for row in rows:
            point = at[row.period], float(getattr(row.figures, name))
            series.setdefault(row.role, []).append(point)
        line = [] if reference is None else [(x, reference) for x in ends]
        return Panel(title, series, ticks, reference=line)

    panels = [
        of_models("PPV", "ppv"),
        of_models("Sensitivity", "sensitivity"),
        of_models("Alerts per patient-day", "alerts_per_patient_day"),
        of_models("Predicted / observed", "predicted_over_observed", 1.0),
    ]
    drifts = [(at[each.week], each.largest_drift) for each in report.drift]
    if any(not isnan(drift) for _, drift in drifts):
        title = "Largest drift of an input (stability index)"
        panels.append(Panel(title, {INPUTS: drifts}, ticks))
    return panels


def _calibration_panels(report: Report) -> list[Panel]:
    series = {
        role: [(each.predicted, each.observed) for each in bins]
        for role, bins in report.calibration.items()
        if bins
    }
    if not series:
        return []
    top = max(value for points in series.values() for point in points for value in point)
    steps = _steps(top)
    title = "Observed share against mean probability, tenths of the answers"
    ticks = [(step, f"{step:g}") for step in steps]
    return [Panel(title, series, ticks, SQUARE, [(0.0, 0.0), (steps[-1], steps[-1])])]


def _svg(title: str, panels: Sequence[Panel]) -> str:
    if not panels:
        return ""
    height = LEGEND_HEIGHT + sum(each.height for each in panels)
    names = list(dict.fromkeys(name for each in panels for name in each.series))
    names = [name for name in names if name != INPUTS]  # its panel says what it is
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" font-family="sans-serif" font-size="12" fill="#17232d" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        *_legend(names),
    ]
    y = LEGEND_HEIGHT
    for panel in panels:
        parts += [f'<g transform="translate(0 {y})">', *_panel(panel), "</g>"]
        y += panel.height
    return "\n".join([*parts, "</svg>", ""])


def _legend(names: Iterable[str]) -> Iterator[str]:
    for number, name in enumerate(names):
        x = LEFT + 170 * number
        yield _line([(x, 16), (x + 28, 16)], *STYLES[name][:2])
        yield _mark(x + 14, 16, name)
        yield f'<text x="{x + 34}" y="20">{escape(name)}</text>'


def _panel(panel: Panel) -> Iterator[str]:
    points = [each for given in (*panel.series.values(), panel.reference) for each in given]
    steps = _steps(max((y for _, y in points if not isnan(y)), default=1.0))
    left, right = _ends([*(x for x, _ in points), *(x for x, _ in panel.x_ticks)])
    bottom = panel.height - BOTTOM

    def place(point: Point) -> Point:
        x = LEFT + (point[0] - left) / (right - left) * (WIDTH - LEFT - RIGHT)
        return x, bottom - point[1] / steps[-1] * (bottom - TOP)

    yield f'<text x="{LEFT}" y="{TOP - 12}" font-weight="bold">{escape(panel.title)}</text>'
    for step in steps:
        y = place((left, step))[1]
        yield _line([(LEFT, y), (WIDTH - RIGHT, y)], "#dce3e8", "")
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{step:g}</text>'
    for x, words in panel.x_ticks:
        x = place((x, 0.0))[0]
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{escape(words)}</text>'
    if panel.reference:
        yield _line([place(each) for each in panel.reference], "#8494a1", "1 4")
    for name, given in panel.series.items():
        for run in _runs(given):
            yield _line([place(each) for each in run], *STYLES[name][:2])
            yield from (_mark(*place(each), name, each[1]) for each in run)


def _runs(points: Sequence[Point]) -> Iterator[list[Point]]:
    """The points between unknown ones."""
    run: list[Point] = []
    for point in points:
        if isnan(point[1]):
            yield run
            run = []
        else:
            run.append(point)
    yield run


def _ends(values: Sequence[float]) -> Point:
    """The horizontal axis; a single position stands in the middle."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 1, high + 1)


def _steps(highest: float) -> list[float]:
    """Round values from 0 to at least the highest."""
    highest = highest if highest > 0 else 1.0
    rough = highest / N_STEPS
    power = 10.0 ** floor(log10(rough))
    step = next(power * each for each in (1, 2, 2.5, 5, 10) if power * each >= rough * 0.999)
    return [round(step * number, 10) for number in range(ceil(highest / step * 0.999) + 1)]


def _line(points: Sequence[Point], colour: str, dashes: str) -> str:
    if not points:
        return ""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"{dashed}/>'


def _mark(x: float, y: float, name: str, value: float | None = None) -> str:
    colour, _, shape = STYLES[name]
    words = "" if value is None else f"<title>{escape(name)}: {value:.4g}</title>"
    if shape == "square":
        return (
            f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6" fill="{colour}">'
            f"{words}</rect>"
        )
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}">{words}</circle>'
