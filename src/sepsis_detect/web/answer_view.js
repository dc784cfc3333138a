// The answer on the page: verdict, warnings, course, contributions, scores and data quality.

import { MAX_REASONS, missingOf, pointsOf, reachedOf } from "./answer.js";
import { courseTable, drawCourse, zoomButtons } from "./charts.js";
import { $, h, heads, icon, stacked, svg } from "./dom.js";
import { ago, colon, dateTime, local, serviceText, t } from "./i18n.js";
import { hintOf, inTypedUnits } from "./problems.js";

const MAX_PRINTED = 5; // warnings, as in print.css
const STALE_HOURS = 24;

const section = (name, ...content) => h("section", { class: `part ${name}`, "aria-labelledby": `part-${name}` }, h("h3", { id: `part-${name}` }, t(`part.${name}`)), content);

/**
 * Render an answer. Returns the function that redraws its charts.
 * @param actions the buttons below it.
 * @param repairsOf the buttons of a warning.
 */
export function showAnswer(answer, actions, repairsOf) {
  const { course } = answer;
  const figure = h("figure", { class: "course" });
  const parts = [
    verdict(answer),
    warnings(answer, repairsOf),
    section("course", course ? [zoomButtons(figure, course, () => drawCourse(figure, course)), figure, h("details", {}, h("summary", {}, t("chart.table")), courseTable(course))] : h("p", {}, t("course.one_hour"))),
    reasons(answer),
    scores(answer),
    quality(answer),
    h("div", { class: "buttons actions" }, actions),
    h("p", { class: "print-only notice" }, t("notice")),
  ];
  $("answer-content").replaceChildren(...parts.filter(Boolean));
  if (course) drawCourse(figure, course);
  return course ? (size) => drawCourse(figure, course, size) : () => {};
}

function verdict(answer) {
  const { content, isPositive } = answer;
  const { probability, threshold } = answer.risk;
  const missing = answer.missing().join(", ");
  const fact = (words, ...value) => h("div", {}, h("dt", {}, words), h("dd", {}, value));
  const latest = ["vital", "lab"].map((each) => ({ each, ages: answer.lastValues().filter(({ variable, age }) => variable.kind === each && age !== null).map(({ age }) => age) }));
  const last = latest.map(({ each, ages }) => `${t(`last.${each}`)} ${ages.length ? ago(Math.min(...ages)) : t("not_measured")}`);
  return h(
    "div",
    { class: `verdict ${answer.state}` },
    h("p", { class: "word" }, icon({ positive: "alert", negative: "calm", insufficient: "unknown" }[answer.state]), h("strong", {}, answer.word)),
    h("p", { class: "figures" }, h("span", { class: "probability" }, probability), " ", h("span", {}, t(isPositive ? "verdict.above" : "verdict.below", { threshold }))),
    h("p", { class: "meaning" }, t(`verdict.${answer.state}`, { items: missing })),
    answer.late ? h("p", { class: "meaning late" }, h("strong", {}, serviceText(answer.late, "msg"))) : null,
    certainty(answer, missing),
    h(
      "dl",
      {},
      fact(t("verdict.time"), content.icu_hour === null ? t("choice.unknown") : t("chart.hour", { hour: content.icu_hour }), h("small", {}, last.join(" · "))),
      fact(t("verdict.model"), `${content.model.name} ${content.model.version}`, h("small", {}, dateTime(answer.askedAt))),
    ),
  );
}

const MAX_LEADING = 3;
const MIN_POINTS = 0.05; // less is shown as 0.0

/** Why, how sure, and how often wrong. */
function certainty(answer, missing) {
  const { such, change, served } = answer.certainty();
  const leading = answer.reasons(MAX_LEADING, MIN_POINTS).map(({ label, text, age, points }) => h("li", {}, `${label} `, h("strong", {}, text), age ? ` (${age})` : "", colon() + points));
  return h(
    "div",
    { class: "certainty" },
    h("p", {}, h("span", { class: "such" }, such), change ? h("span", { class: "change" }, ` ${change}`) : null),
    leading.length ? [h("p", { class: "associated" }, t("certainty.associated")), h("ul", { class: "leading" }, leading)] : null,
    missing && answer.state !== "insufficient" ? h("p", { class: "missing" }, t("certainty.missing", { items: missing })) : null,
    served.length ? h("p", { class: "served" }, t(answer.late ? "point.title_late" : "point.title"), " ", served.join(" "), " ", $("model-card") ? h("a", { href: "#model-card", onclick: () => ($("model-card").open = true) }, t("point.card")) : null) : null,
  );
}

function warnings({ warnings: all, stay, state }, repairsOf) {
  // The verdict itself says that there are too few data, or that the stay is long.
  const shown = all.filter(({ rule }) => rule !== "stay.late" && (state !== "insufficient" || rule !== "data.insufficient"));
  if (shown.length === 0) return null;
  const more = shown.length - MAX_PRINTED;
  const item = (warning) => {
    const hour = warning.ctx.icu_hour;
    const repairs = warning.type === "dropped" ? [] : repairsOf(warning);
    const hint = repairs.length ? null : hintOf(warning, stay);
    return h(
      "li",
      { class: warning.type },
      warning.type === "dropped" ? h("strong", {}, t("warnings.dropped"), " ") : null,
      hour === null || hour === undefined ? null : h("span", { class: "at" }, t("problem.hour", { hour }), " "),
      inTypedUnits(warning, stay, serviceText(warning, "msg")),
      hint && warning.type !== "dropped" ? h("span", { class: "hint" }, ` ${hint}`) : null,
      repairs.length ? h("div", { class: "buttons repairs" }, repairs) : null,
    );
  };
  return section("warnings", h("ul", {}, shown.map(item), more > 0 ? h("li", { class: "print-only" }, t("problem.more", { n: more })) : null));
}

function reasons(answer) {
  const { contributions } = answer.content;
  const most = Math.max(...contributions.map(({ effect }) => Math.abs(effect)), 0.001);
  const row = (contribution) => {
    const { label, text: value, reference, age, points, effect } = answer.reason(contribution);
    const width = (Math.abs(effect) / most) * 50;
    const bar = svg(
      "svg",
      { class: "effect-bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("rect", { class: effect > 0 ? "raises" : "lowers", x: effect > 0 ? 50 : 50 - width, y: 1, width, height: 8 }),
      svg("rect", { class: "zero", x: 49.8, y: 0, width: 0.4, height: 10 }),
    );
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, label),
      h("td", { class: "value" }, h("strong", {}, value), h("small", {}, [age, reference].filter(Boolean).join(" · "))),
      h("td", { class: "effect" }, h("div", {}, h("span", { class: effect > 0 ? "raises" : "lowers" }, icon(effect > 0 ? "up" : "down"), points), bar)),
    );
  };
  const table = (of) => stacked(h("table", { class: "reasons" }, heads([t("reasons.variable"), t("reasons.value"), t("reasons.effect")]), h("tbody", {}, of.map(row))));
  const rest = contributions.slice(MAX_REASONS);
  return section(
    "reasons",
    h("p", { class: "hint" }, t("reasons.explained")),
    table(contributions.slice(0, MAX_REASONS)),
    rest.length ? h("details", {}, h("summary", {}, t("reasons.more", { n: rest.length })), table(rest)) : null,
  );
}

function scores({ content }) {
  const row = (score) => {
    const missing = missingOf(score);
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, local(score, "label")),
      h("td", {}, h("strong", {}, pointsOf(score)), h("small", { class: score.is_reached ? "raises" : "" }, reachedOf(score))),
      h("td", {}, t("scores.items", { n: score.available, total: score.total }), missing ? h("small", {}, missing) : null),
    );
  };
  const notes = content.scores.map((score) => [h("dt", {}, local(score, "label")), h("dd", {}, local(score, "note"))]);
  return section(
    "scores",
    h("p", { class: "hint" }, t("scores.explained")),
    stacked(h("table", { class: "scores" }, heads([t("scores.score"), t("scores.points"), t("scores.available")]), h("tbody", {}, content.scores.map(row)))),
    h("details", {}, h("summary", {}, t("scores.notes")), h("dl", { class: "notes" }, notes)),
  );
}

function quality(answer) {
  const values = answer.lastValues();
  const known = new Set(values.map(({ variable }) => variable.name));
  const missing = answer.clinical.filter(({ name }) => !known.has(name)).map(({ name }) => answer.stay.label(name));
  const stale = values.filter(({ age }) => age !== null && age > STALE_HOURS).map(({ variable }) => answer.stay.label(variable.name));
  const value = ({ variable, text, age }) =>
    h("li", {}, `${answer.stay.label(variable.name)} `, h("strong", {}, text), age ? h("small", {}, ` ${ago(age)}`) : null);
  return section(
    "quality",
    h("p", {}, t("quality.measured", { n: values.length, total: answer.clinical.length }), " ", answer.hours.length > 1 ? t("quality.hours", { n: answer.hasData.filter(Boolean).length, total: answer.hours.length }) : null),
    stale.length ? h("p", {}, t("quality.stale", { items: stale.join(", ") })) : null,
    missing.length ? h("details", {}, h("summary", {}, t("quality.missing", { n: missing.length })), h("p", {}, missing.join(", "))) : null,
    h("div", { class: "print-only" }, h("h4", {}, t("part.values")), h("ul", { class: "values" }, answer.patient().map(([label, text]) => h("li", {}, `${label} `, h("strong", {}, text))), values.map(value))),
  );
}
