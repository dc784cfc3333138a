// A small chart of the risk with the threshold, for one row of the board.

import { topOf } from "./course.js";
import { svg } from "./dom.js";

const WIDTH = 120;
const HEIGHT = 32;
const MARGIN = 3; // room for the last point

/**
 * @param course `{hours, trend, threshold}` of an answer.
 * @param words the same as a sentence.
 */
export function sparkline({ hours, trend, threshold }, words) {
  const most = topOf(trend, threshold);
  const span = Math.max(1, hours.at(-1) - hours[0]);
  const x = (hour) => MARGIN + ((hour - hours[0]) / span) * (WIDTH - 2 * MARGIN);
  const y = (risk) => HEIGHT - MARGIN - (risk / most) * (HEIGHT - 2 * MARGIN);
  const points = trend.map(({ probability }, at) => `${at ? "L" : "M"}${x(hours[at]).toFixed(1)} ${y(probability).toFixed(1)}`);
  const last = trend.at(-1);
  return svg(
    "svg",
    { class: "sparkline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words },
    svg("rect", { class: "alert-zone", x: 0, y: 0, width: WIDTH, height: y(threshold) }),
    svg("line", { class: "threshold", x1: 0, x2: WIDTH, y1: y(threshold), y2: y(threshold) }),
    svg("path", { class: "line", d: points.join("") }),
    svg("circle", { class: `dot ${last.prediction === "Positive" ? "positive" : ""}`, cx: x(hours.at(-1)), cy: y(last.probability), r: 3 }),
  );
}
