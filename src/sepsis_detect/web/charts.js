// Charts of the course as SVG: the risk, and measured variables below it, on one time axis.

import { alertOf, courseInWords, topOf } from "./course.js";
import { h, heads, svg } from "./dom.js";
import { ago, number, percent, roundPercent, t } from "./i18n.js";
import { fromCanonical, referenceIn, unitName, withUnit } from "./units.js";

const LEFT = 52; // px; the same in every chart, so that hours are aligned
const RIGHT = 14;
const RISK_HEIGHT = 210;
const SMALL_HEIGHT = 60;
const SMALL = ["heart_rate", "mean_arterial_pressure", "respiratory_rate", "temperature", "spo2", "lactate"];
const LETTER_WIDTH = 6.9; // px, mean of bold letters
const STEPS = [1, 2, 4, 6, 12, 24, 48, 96];
const RISK_STEPS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25];
const MAX_RISK_STEPS = 5;
const ZOOMS = [24, 72]; // hours
const MIN_DOT_GAP = 9; // px between two hours, below which their marks are smaller

const path = (points) => points.map(([x, y], at) => `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

/** A text; class `halo` gives it an outline in the background colour, to be readable over lines. */
const label = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);

class Axis {
  constructor(hours, width) {
    this.first = hours[0];
    this.last = hours.at(-1);
    this.width = width;
    const span = Math.max(1, this.last - this.first);
    this.x = (hour) => LEFT + ((hour - this.first) / span) * (width - LEFT - RIGHT);
    const most = Math.max(2, Math.floor((width - LEFT) / 44));
    this.step = STEPS.find((step) => span / step <= most) ?? span;
  }

  get ticks() {
    const begin = Math.ceil(this.first / this.step) * this.step;
    return Array.from({ length: Math.floor((this.last - begin) / this.step) + 1 }, (_, at) => begin + at * this.step);
  }
}

/** Grey bands over hours without a value or without a row. */
function emptyHours(axis, hours, hasData, height) {
  const half = (axis.x(axis.first + 1) - axis.x(axis.first)) / 2;
  const band = (from, to) => {
    const begin = Math.max(LEFT, from);
    const end = Math.min(axis.width - RIGHT, to);
    return svg("rect", { class: "quiet", x: begin, y: 0, width: Math.max(0, end - begin), height });
  };
  const empty = hours.filter((_, at) => !hasData[at]).map((hour) => band(axis.x(hour) - half, axis.x(hour) + half));
  const gaps = hours.slice(1).map((hour, at) => (hour - hours[at] > 1 ? band(axis.x(hours[at]) + half, axis.x(hour) - half) : null));
  return [...empty, ...gaps.filter(Boolean)];
}

/** The linear axis of the risk: its step, and its upper end, a multiple of the step. */
function riskAxis(trend, threshold) {
  const top = topOf(trend, threshold);
  const step = RISK_STEPS.find((each) => top / each <= MAX_RISK_STEPS) ?? RISK_STEPS.at(-1);
  const n = Math.max(1, Math.ceil(top / step - 1e-9));
  return { top: n * step, ticks: Array.from({ length: n + 1 }, (_, at) => at * step) };
}

/** The hours after which alerts are mostly false, hatched. */
function lateHours(axis, after, height) {
  if (after === null || axis.last <= after) return null;
  const from = Math.max(LEFT, axis.x(after + 0.5));
  const end = axis.width - RIGHT;
  const lines = Array.from({ length: Math.ceil((end - from) / 12) }, (_, at) => svg("line", { x1: from + at * 12, x2: Math.min(end, from + at * 12 + 8), y1: height, y2: height - 8 }));
  return svg("g", { class: "late" }, svg("line", { x1: from, x2: from, y1: 10, y2: height }), lines);
}

function riskChart({ hours, trend, threshold, hasData, lateAfter }, axis, summary) {
  const bottom = RISK_HEIGHT - 34;
  const { top, ticks } = riskAxis(trend, threshold);
  const y = (probability) => 10 + (1 - probability / top) * (bottom - 10);
  const size = (axis.width - LEFT - RIGHT) / Math.max(1, axis.last - axis.first) < MIN_DOT_GAP ? 2 : 3.5;
  const points = trend.map(({ probability }, at) => [axis.x(hours[at]), y(probability)]);
  const end = axis.width - RIGHT;
  const grid = ticks.map((risk) => [
    svg("line", { class: "grid", x1: LEFT, x2: end, y1: y(risk), y2: y(risk) }),
    label(LEFT - 8, y(risk) + 4, roundPercent(risk), { "text-anchor": "end" }),
  ]);
  const days = axis.ticks.map((hour) => [
    svg("line", { class: "tick", x1: axis.x(hour), x2: axis.x(hour), y1: bottom, y2: bottom + 4 }),
    label(axis.x(hour), bottom + 17, String(hour), { "text-anchor": "middle" }),
  ]);
  const { at: since } = alertOf(trend);
  const dots = points.map(([cx, cy], at) => {
    const isPositive = trend[at].prediction === "Positive";
    const kind = `${isPositive ? "positive" : "negative"} ${hasData[at] ? "" : "hollow"}`;
    const title = svg("title", {}, t("chart.point", { hour: hours[at], risk: percent(trend[at].probability) }) + (hasData[at] ? "" : ` (${t("chart.no_data")})`));
    const attributes = { class: `dot ${kind}` };
    // Shape as well as colour: above the threshold a square, below it a circle.
    return isPositive
      ? svg("rect", { ...attributes, x: cx - size, y: cy - size, width: 2 * size, height: 2 * size }, title)
      : svg("circle", { ...attributes, cx, cy, r: size }, title);
  });
  const marker = since === null ? null : crossing(points[since][0], t("chart.crossed", { hour: hours[since] }), end, bottom);
  return svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${axis.width} ${RISK_HEIGHT}`, role: "img", "aria-label": summary },
    svg("rect", { class: "alert-zone", x: LEFT, y: 10, width: end - LEFT, height: y(threshold) - 10 }),
    emptyHours(axis, hours, hasData, bottom),
    lateHours(axis, lateAfter, bottom),
    grid,
    days,
    label((LEFT + end) / 2, RISK_HEIGHT - 2, t("chart.hours"), { "text-anchor": "middle" }),
    svg("line", { class: "threshold", x1: LEFT, x2: end, y1: y(threshold), y2: y(threshold) }),
    svg("path", { class: "line", d: path(points) }),
    marker,
    dots,
    label(LEFT + 6, y(threshold) - 5, t("chart.threshold", { threshold: percent(threshold) }), { class: "halo strong" }),
    svg("line", { class: "cursor", y1: 0, y2: bottom }),
  );
}

/** The marker at which the threshold is crossed; its text stays inside the chart. */
function crossing(x, words, end, bottom) {
  const width = words.length * LETTER_WIDTH;
  const start = x - width - 6 > LEFT ? x - width - 6 : Math.min(x + 6, end - width);
  return [svg("line", { class: "crossing", x1: x, x2: x, y1: 10, y2: bottom }), label(start, 22, words, { class: "halo strong" })];
}

function smallChart({ hours, hasData, stay }, axis, name) {
  const variable = stay.variables.get(name);
  const unit = stay.unit(name);
  const points = stay.series(name).filter(({ hour }) => hour >= axis.first).map(({ hour, value }) => ({ hour, value: fromCanonical(variable, unit, value) }));
  if (points.length === 0) return null;
  const values = points.map(({ value }) => value);
  const reference = referenceIn(variable, unit);
  const low = Math.min(...values, reference[0]);
  const high = Math.max(...values, reference[1]);
  const y = (value) => 6 + (1 - (value - low) / (high - low || 1)) * (SMALL_HEIGHT - 12);
  const places = points.map(({ hour, value }) => [axis.x(hour), y(value)]);
  const words = withUnit(number(values.at(-1)), variable, unit);
  const summary = t("chart.series", { label: stay.label(name), low: Math.min(...values), high: Math.max(...values), unit: unitName(variable, unit), last: values.at(-1), hour: points.at(-1).hour });
  const dots = points.map(({ hour, value }, at) => {
    const isOut = value < reference[0] || value > reference[1];
    const title = svg("title", {}, `${t("chart.hour", { hour })} · ${withUnit(number(value), variable, unit)}`);
    return svg("circle", { class: isOut ? "dot out" : "dot", cx: places[at][0], cy: places[at][1], r: 3 }, title);
  });
  const ends = [reference[0], reference[1]].map((value) => label(LEFT - 8, y(value) + 4, number(value), { "text-anchor": "end" }));
  const age = hours.at(-1) - points.at(-1).hour;
  return h(
    "div",
    { class: "small-chart" },
    h("p", { class: "small-head" }, h("span", {}, stay.label(name)), " ", h("strong", {}, words), age > 0 ? h("span", { class: "hint" }, ` ${ago(age)}`) : null),
    svg(
      "svg",
      { class: "chart", viewBox: `0 0 ${axis.width} ${SMALL_HEIGHT}`, role: "img", "aria-label": summary },
      emptyHours(axis, hours, hasData, SMALL_HEIGHT),
      svg("rect", { class: "reference", x: LEFT, width: axis.width - LEFT - RIGHT, y: y(reference[1]), height: Math.max(1, y(reference[0]) - y(reference[1])) }),
      ends,
      svg("path", { class: "line", d: path(places) }),
      dots,
      svg("line", { class: "cursor", y1: 0, y2: SMALL_HEIGHT }),
    ),
  );
}

/** The part of a course from some hours before its end on; all of it without a number. */
function lastHours(course, nHours) {
  const first = course.hours.at(-1) - (nHours || Infinity);
  const isShown = (_, at) => course.hours[at] > first;
  const [hours, trend, hasData] = [course.hours, course.trend, course.hasData].map((each) => each.filter(isShown));
  return { ...course, hours, trend, hasData };
}

/** Buttons that choose how much of a long stay the charts of a figure show; null where it is short. */
export function zoomButtons(figure, course, draw) {
  const span = course.hours.at(-1) - course.hours[0] + 1;
  const sizes = ZOOMS.filter((each) => span > each);
  if (sizes.length === 0) return null;
  const choose = (button, size) => {
    for (const each of group.children) each.setAttribute("aria-pressed", String(each === button));
    figure.dataset.hours = size;
    draw();
  };
  const button = (size) => h("button", { type: "button", class: "small", "aria-pressed": String(size === ""), onclick: (event) => choose(event.target, size) }, size ? t("chart.last", { hours: size }) : t("chart.all"));
  const group = h("div", { class: "buttons zoom", role: "group", "aria-label": t("chart.zoom") }, [...sizes, ""].map(button));
  return group;
}

/** Draw all charts into a figure; by default they have its width. */
export function drawCourse(figure, whole, { width = Math.max(240, Math.round(figure.clientWidth)), smallWidth = width } = {}) {
  const course = lastHours(whole, Number(figure.dataset.hours));
  const axis = new Axis(course.hours, width);
  const smallAxis = new Axis(course.hours, smallWidth);
  const readout = h("p", { class: "readout", "aria-hidden": "true" });
  const small = SMALL.map((name) => smallChart(course, smallAxis, name)).filter(Boolean);
  const words = [courseInWords(whole)];
  if (course.hours.length < whole.hours.length) words.push(t("chart.shown", { begin: course.hours[0], end: course.hours.at(-1) }));
  if (axis.last > whole.lateAfter && whole.lateAfter !== null) words.push(t("chart.late", { hour: whole.lateAfter }));
  const caption = h("figcaption", {}, words.join(" "), " ", h("span", { class: "hint" }, t("chart.legend")));
  figure.replaceChildren(caption, readout, riskChart(course, axis, words.join(" ")), ...small);
  figure.onpointermove = (event) => showHour(figure, course, axis, readout, event);
  figure.onpointerleave = () => showHour(figure, course, axis, readout, null);
}

/** Show the values of the hour at the pointer, or none. */
function showHour(figure, { hours, trend, stay }, axis, readout, event) {
  let x = null;
  readout.textContent = "";
  if (event) {
    const at = event.clientX - figure.getBoundingClientRect().left;
    const nearest = hours.reduce((best, hour, index) => (Math.abs(axis.x(hour) - at) < Math.abs(axis.x(hours[best]) - at) ? index : best), 0);
    x = axis.x(hours[nearest]);
    const measured = SMALL.filter((name) => stay.text(name, nearest)).map((name) => `${stay.label(name)} ${stay.text(name, nearest)}`);
    readout.textContent = [t("chart.point", { hour: hours[nearest], risk: percent(trend[nearest].probability) }), ...measured].join(" · ");
  }
  for (const line of figure.querySelectorAll(".cursor")) {
    line.classList.toggle("shown", x !== null);
    line.setAttribute("x1", x ?? 0);
    line.setAttribute("x2", x ?? 0);
  }
}

/** The numbers of the charts as a table. */
export function courseTable({ hours, trend, hasData, stay }) {
  const names = SMALL.filter((name) => stay.series(name).length);
  const columns = [t("chart.hours"), t("answer.probability"), ...names.map((name) => `${stay.label(name)} ${unitName(stay.variables.get(name), stay.unit(name))}`)];
  const cells = (hour, at) => [
    h("th", { scope: "row" }, String(hour)),
    h("td", {}, `${percent(trend[at].probability)} ${t(trend[at].prediction)}`, hasData[at] ? null : h("small", {}, t("chart.no_data"))),
    ...names.map((name) => h("td", {}, stay.text(name, at) || "–")),
  ];
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": t("chart.table") },
    h("table", {}, heads(columns), h("tbody", {}, hours.map((hour, at) => h("tr", {}, cells(hour, at))))),
  );
}
