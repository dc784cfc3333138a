// The served operating point: how often alerts are wrong, and how many cases are missed, in the evaluation.

import { number, percent, t } from "./i18n.js";

/** The figures of the served threshold in `GET /model`; null if it does not state them. */
export function servedPoint({ threshold, operating_points: points }) {
  return points?.find((point) => point.threshold === threshold) ?? null;
}

/** What to expect of the served threshold, in sentences; empty without figures. */
export function expectedOfPoint(model) {
  const point = servedPoint(model);
  if (!point) return [];
  const { ppv, sensitivity, alerts_per_patient_day: alerts } = point;
  return [
    ppv === null ? null : t("point.ppv", { ppv: percent(ppv) }),
    t("point.sensitivity", { sensitivity: percent(sensitivity), missed: percent(1 - sensitivity) }),
    t("point.alerts", { alerts: number(alerts, 2) }),
  ].filter(Boolean);
}
