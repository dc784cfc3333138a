// The board: one row a bed, the most urgent first, with what to expect above it.

import { $, h } from "./dom.js";
import { ago, dateTime, t } from "./i18n.js";
import { answerInWords } from "./answer.js";
import { STATES, byUrgency, thresholdInWords } from "./ward_bed.js";
import { decisionControl } from "./ward_decision.js";
import { expectedInWords } from "./ward_expected.js";
import { sparkline } from "./ward_sparkline.js";

const MAX_REASONS = { positive: 3, negative: 2, insufficient: 3 };
const MAX_FAILURES = 2;
const MARKS = { positive: "▲", failed: "✕", insufficient: "?", negative: "●" };
/** Warnings that limit an answer as a whole, in short; the opened patient has the sentences. */
const LIMITS = { "stay.late": "late", "stay.too_short": "short", "stay.no_vitals_24h": "no_vitals" };
const COLUMNS = ["bed", "state", "risk", "change", "course", "reasons", "data", "decision"];

/**
 * Render the board. Returns its beds as shown.
 * @param beds as `Bed`.
 * @param actions `{open, drop, decide, before}`: of a bed; `before` gives its decision on an earlier board.
 */
export function showBoard(beds, model, actions) {
  const shown = beds.toSorted(byUrgency);
  const answered = shown.find(({ answer }) => answer);
  $("board-content").replaceChildren(
    h("p", { class: "expected" }, h("strong", {}, expectedInWords(model, shown.length)[0]), " ", expectedInWords(model, shown.length).slice(1).join(" ")),
    h("p", { id: "counts" }, countsInWords(shown)),
    answered ? h("p", { class: "hint" }, t("ward.estimated", { at: dateTime(answered.answer.askedAt), name: answered.answer.content.model.name, version: answered.answer.content.model.version, threshold: thresholdInWords(answered) })) : "",
    table(shown, actions),
    h("p", { class: "hint" }, t("ward.legend")),
  );
  return shown;
}

/** How many beds are in each state. */
export function countsInWords(beds) {
  const counts = STATES.map((state) => [state, beds.filter((bed) => bed.state === state).length]);
  return counts.filter(([, n]) => n > 0).map(([state, n]) => t(`ward.count.${state}`, { n })).join(" · ");
}

// Roles are stated because on a narrow screen the rows are no table for the style sheet.
function table(beds, actions) {
  const head = h("tr", { role: "row" }, COLUMNS.map((name) => h("th", { scope: "col", role: "columnheader" }, t(`ward.column.${name}`))));
  return h(
    "table",
    { class: "board", role: "table", "aria-labelledby": "board-title" },
    h("thead", { role: "rowgroup" }, head),
    h("tbody", { role: "rowgroup" }, beds.map((bed) => rowOf(bed, actions))),
  );
}

/** The row of a bed. */
export function rowOf(bed, actions) {
  const cell = (name, ...content) => h("td", { role: "cell", class: name, "data-label": t(`ward.column.${name}`) }, content);
  const open = h("button", { type: "button", class: "open", "aria-haspopup": "dialog", onclick: () => actions.open(bed) }, bed.label || "–");
  const state = [h("strong", {}, h("span", { class: "mark", "aria-hidden": "true" }, MARKS[bed.state]), ` ${t(`ward.state.${bed.state}`)}`), limitsOf(bed)];
  const cells = bed.answer
    ? [cell("state", state), cell("risk", h("strong", {}, bed.answer.risk.probability)), cell("change", bed.changeInWords), cell("course", courseOf(bed)), cell("reasons", reasonsOf(bed)), cell("data", dataOf(bed)), cell("decision", decisionOf(bed, actions))]
    : [cell("state", state), h("td", { role: "cell", class: "failure", colspan: COLUMNS.length - 2 }, failureOf(bed, actions))];
  return h("tr", { role: "row", class: bed.state }, h("th", { scope: "row", role: "rowheader" }, open), cells);
}

function limitsOf(bed) {
  const names = bed.answer ? bed.rules.map((rule) => LIMITS[rule]).filter(Boolean) : [];
  // That most alerts are false limits an alert.
  const limits = names.map((name) => t(`ward.limit.${name === "late" && bed.state === "positive" ? "late_alert" : name}`));
  if (bed.nLeftOut) limits.push(t("ward.left_out", { n: bed.nLeftOut }));
  return limits.length ? h("small", { class: "limits" }, limits.join(" · ")) : null;
}

function courseOf({ answer }) {
  return answer.course ? sparkline(answer.course, answerInWords(answer)) : h("small", {}, t("ward.one_hour"));
}

function reasonsOf(bed) {
  if (bed.state === "insufficient") return h("span", {}, t("ward.missing", { items: bed.answer.missing(MAX_REASONS.insufficient).join(", ") }));
  const reason = ({ label, text, effect }) => {
    const word = t(effect > 0 ? "ward.raises" : "ward.lowers");
    return h("li", {}, h("span", { class: effect > 0 ? "raises" : "lowers", "aria-hidden": "true" }, effect > 0 ? "↑ " : "↓ "), `${label} ${text}`, h("span", { class: "visually-hidden" }, `, ${word}`));
  };
  return h("ul", {}, bed.answer.reasons(MAX_REASONS[bed.state]).map(reason));
}

function dataOf(bed) {
  const { icu_hour: hour, warnings } = bed.answer.content;
  const n = warnings.filter(({ rule, type }) => type !== "dropped" && !(rule in LIMITS) && rule !== "data.insufficient").length;
  const vital = bed.vitalAge === null ? t("ward.no_vital") : ago(bed.vitalAge);
  const parts = [hour === null ? null : t("chart.hour", { hour }), n ? t("ward.warnings", { n }) : null];
  return [vital, h("small", {}, parts.filter(Boolean).join(" · "))];
}

function decisionOf(bed, actions) {
  const before = actions.before(bed);
  const earlier = before && h("small", {}, t("ward.before", { decision: t(`ward.decision.${before.kind}`), reason: before.reason || "–", at: dateTime(before.at) }));
  return bed.needsDecision ? [decisionControl(bed, actions.decide), earlier || null] : [earlier || null];
}

function failureOf(bed, actions) {
  const reasons = bed.reasonsOfFailure();
  const items = reasons.slice(0, MAX_FAILURES).map((words) => h("li", {}, words));
  if (reasons.length > MAX_FAILURES) items.push(h("li", {}, t("problem.more", { n: reasons.length - MAX_FAILURES })));
  const drop = h("button", { type: "button", class: "small", "aria-label": `${bed.label}: ${t("problem.drop")}`, onclick: () => actions.drop(bed) }, t("problem.drop"));
  return [h("ul", {}, items), bed.canDrop ? drop : null];
}
