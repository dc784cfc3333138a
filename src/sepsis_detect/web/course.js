// The course of the risk: since when it is above the threshold. Chart, sentence, print and copy use this alone.

import { percent, t } from "./i18n.js";

/**
 * @param trend the answer of each hour, the last one last.
 * @returns `{state, at}`: `always`, `since`, `again` (below, after it was above) or `never`; `at` is the index
 *   of the first hour of the alert that lasts to the end, null where there is none or it lasted always.
 */
export function alertOf(trend) {
  const isAlert = trend.map(({ prediction }) => prediction === "Positive");
  const at = isAlert.lastIndexOf(false) + 1;
  if (at === 0) return { state: "always", at: null };
  if (at < trend.length) return { state: "since", at };
  return { state: isAlert.includes(true) ? "again" : "never", at: null };
}

/** The upper end of an axis of the risk, which begins at zero: the threshold lies at half its height or below. */
export const topOf = (trend, threshold) => Math.max(2 * threshold, ...trend.map(({ probability }) => probability));

/** The course in one sentence, for the chart, screen readers and exports. */
export function courseInWords({ hours, trend, threshold }) {
  const [first, last] = [trend[0], trend.at(-1)].map(({ probability }) => percent(probability));
  const { state, at } = alertOf(trend);
  const course = t("course.from_to", { from: first, begin: hours[0], to: last, end: hours.at(-1) });
  return `${course} ${t(`course.${state}`, { threshold: percent(threshold), hour: hours[at ?? 0] })}`;
}
