// The card of the served model: what it was trained on, and what its thresholds give.

import { $, h, heads } from "./dom.js";
import { number, percent, t } from "./i18n.js";
import { servedPoint } from "./operating_point.js";

const known = (value, words) => (value === null || value === undefined ? "–" : words(value));

/** @param model as `GET /model` describes it. */
export function showModelCard(model) {
  const { name, version, threshold, training, operating_points: points } = model;
  const served = servedPoint(model);
  const row = (point) => {
    const figures = [known(point.ppv, percent), percent(point.sensitivity), number(point.alerts_per_patient_day, 2), percent(point.in_time)];
    const limit = percent(point.threshold) + (point === served ? ` (${t("card.served")})` : "");
    return h("tr", {}, h("th", { scope: "row" }, limit), figures.map((figure) => h("td", {}, figure)));
  };
  const columns = ["threshold", "ppv", "sensitivity", "alerts", "in_time"].map((each) => t(`card.${each}`));
  const table = points?.length && h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("card.points") }, h("table", {}, h("caption", {}, t("card.points")), heads(columns), h("tbody", {}, points.map(row))));
  const trained = training?.patients && h("p", {}, t("card.trained", { patients: number(training.patients), septic: known(training.septic_patients, number) }));
  $("model-card").replaceChildren(h("summary", {}, t("footer.model", { name, version, threshold: percent(threshold) })), ...[trained, table].filter(Boolean));
}
