// What to expect of the board: flagged hours a day, and how many of them are septic, at the served threshold.

import { number, percent, t } from "./i18n.js";
import { servedPoint } from "./operating_point.js";

/** A count to two digits, in words below one half. */
const about = (count) => (count < 0.5 ? t("ward.less_than_one") : number(Math.round(count), 2));

/** Sentences for a board of `n` beds; empty without figures. */
export function expectedInWords(model, n) {
  const point = servedPoint(model);
  if (!point) return [];
  const flagged = n * point.alerts_per_patient_day;
  return [
    t("ward.expect", { n, flagged: about(flagged), septic: about(flagged * point.ppv) }),
    t("ward.missed", { sensitivity: percent(point.sensitivity) }),
  ];
}
