// The answer: verdict, warnings, course, contributions, scores and data quality.

import { $, h, heads, icon, stacked, svg } from "./dom.js";
import { courseTable, drawCourse } from "./charts.js";
import { courseInWords } from "./course.js";
import { ago, dateTime, local, number, percent, readNumber, serviceText, signed, t } from "./i18n.js";
import { inTypedUnits } from "./problems.js";
import { CONSTANTS, HOUR, WORDS } from "./stay.js";
import { between, fromCanonical, referenceIn, toCanonical, withUnit } from "./units.js";

export const MAX_REASONS = 8;
const MAX_PRINTED = 5; // warnings, as in print.css
const STALE_HOURS = 24;

/** An answer of the service, with its stay and the time of the request. */
export class Answer {
  constructor(content, stay, askedAt) {
    Object.assign(this, { content, stay, askedAt });
    this.clinical = [...stay.variables.values()].filter(({ kind }) => kind !== "demographic");
    this.hours = stay.hours.map((hour) => toCanonical(stay.variables.get(HOUR), stay.unit(HOUR), readNumber(hour[HOUR] ?? "")));
    this.hasData = stay.hours.map((hour) => Object.keys(hour).some((name) => name !== HOUR && !this.isDropped(name, hour)));
  }

  isDropped(name, hour) {
    const dropped = ({ type, ctx }) => type === "dropped" && ctx.dropped === name && String(ctx.icu_hour) === String(readNumber(hour[HOUR] ?? ""));
    return this.content.warnings.some(dropped);
  }

  get isPositive() {
    return this.content.prediction === "Positive";
  }

  /** Probability and threshold in percent, with enough digits to tell them apart. */
  get risk() {
    const { probability, threshold } = this.content;
    const digits = percent(probability) === percent(threshold) ? 4 : undefined;
    return { probability: percent(probability, digits), threshold: percent(threshold, digits) };
  }

  get course() {
    const { trend, threshold } = this.content;
    const isCourse = trend.length > 1 && !this.hours.some(Number.isNaN);
    return isCourse ? { hours: this.hours, trend, threshold, hasData: this.hasData, stay: this.stay } : null;
  }

  /** The last value of each clinical variable: `{variable, text, age}`, `age` in hours or null. */
  lastValues() {
    const found = this.clinical.map((variable) => {
      const at = this.stay.hours.findLastIndex((hour) => hour[variable.name] !== undefined && !this.isDropped(variable.name, hour));
      if (at < 0) return null;
      const age = this.hours.at(-1) - this.hours[at];
      const text = number(readNumber(this.stay.hours[at][variable.name]));
      return { variable, text: withUnit(text, variable, this.stay.unit(variable.name)), age: Number.isNaN(age) ? null : age };
    });
    return found.filter(Boolean);
  }

  /** Labels and texts of the demographic values. */
  patient() {
    const known = CONSTANTS.filter((name) => this.stay.text(name));
    return known.map((name) => {
      const variable = this.stay.variables.get(name);
      const text = this.stay.text(name);
      return [this.stay.label(name), WORDS.includes(name) ? t(`choice.${text}`) : withUnit(text, variable, this.stay.unit(name))];
    });
  }

  verdictInWords() {
    const { probability, threshold } = this.risk;
    const hour = this.content.icu_hour;
    const words = t("verdict.sentence", { verdict: t(this.content.prediction), probability, threshold });
    return hour === null ? words : `${words} ${t("verdict.hour", { hour })}`;
  }

  ageOf(icuHour) {
    return icuHour === null || this.content.icu_hour === null ? null : this.content.icu_hour - icuHour;
  }

  /** Points of percent that an effect adds to the risk: its share of the difference to a typical hour. */
  points(effect) {
    const { contributions, typical_probability: typical, probability } = this.content;
    const total = contributions.reduce((sum, each) => sum + each.effect, 0);
    const slope = Math.abs(total) < 0.01 ? probability * (1 - probability) : (probability - typical) / total;
    return t("reasons.points", { points: signed(100 * slope * effect) });
  }

  /** The texts of a contribution: value in the unit of the request, reference interval, age. */
  reason({ variable: name, value, measured_at_icu_hour: hour, effect }) {
    const variable = this.stay.variables.get(name);
    const unit = this.stay.unit(name);
    const isWord = WORDS.includes(name);
    const text = value === null ? t("not_measured") : isWord ? t(`choice.${value}`) : withUnit(number(fromCanonical(variable, unit, value)), variable, unit);
    const interval = value === null || isWord ? null : referenceIn(variable, unit);
    const age = variable.kind === "demographic" || value === null ? null : this.ageOf(hour);
    return {
      label: this.stay.label(name),
      text,
      reference: interval ? t("reasons.reference", { interval: between(interval) }) : "",
      age: age === null ? "" : ago(age),
      points: this.points(effect),
      effect,
    };
  }
}

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
    section("course", course ? [figure, h("details", {}, h("summary", {}, t("chart.table")), courseTable(course))] : h("p", {}, t("course.one_hour"))),
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
  const kind = isPositive ? "positive" : "negative";
  const fact = (words, ...value) => h("div", {}, h("dt", {}, words), h("dd", {}, value));
  const latest = ["vital", "lab"].map((each) => ({ each, ages: answer.lastValues().filter(({ variable, age }) => variable.kind === each && age !== null).map(({ age }) => age) }));
  const last = latest.map(({ each, ages }) => `${t(`last.${each}`)} ${ages.length ? ago(Math.min(...ages)) : t("not_measured")}`);
  return h(
    "div",
    { class: `verdict ${kind}` },
    h("p", { class: "word" }, icon(isPositive ? "alert" : "calm"), h("strong", {}, t(content.prediction))),
    h("p", { class: "figures" }, h("span", { class: "probability" }, probability), " ", h("span", {}, t(isPositive ? "verdict.above" : "verdict.below", { threshold }))),
    h("p", { class: "meaning" }, t(`verdict.${kind}`)),
    h(
      "dl",
      {},
      fact(t("verdict.time"), content.icu_hour === null ? t("unknown") : t("chart.hour", { hour: content.icu_hour }), h("small", {}, last.join(" · "))),
      fact(t("verdict.model"), `${content.model.name} ${content.model.version}`, h("small", {}, dateTime(answer.askedAt))),
    ),
  );
}

function warnings({ content, stay }, repairsOf) {
  if (content.warnings.length === 0) return null;
  const more = content.warnings.length - MAX_PRINTED;
  const item = (warning) => {
    const hour = warning.ctx.icu_hour;
    const repairs = warning.type === "dropped" ? [] : repairsOf(warning);
    const hint = repairs.length ? null : serviceText(warning, "hint");
    return h(
      "li",
      { class: warning.type },
      warning.type === "dropped" ? h("strong", {}, t("warnings.dropped"), " ") : null,
      hour === null || hour === undefined ? null : h("span", { class: "at" }, t("problem.hour", { hour }), " "),
      inTypedUnits(warning, stay, serviceText(warning, "msg")),
      hint && warning.type !== "dropped" ? h("span", { class: "hint" }, ` ${hint}`) : null,
      repairs.length ? h("span", { class: "repairs" }, repairs) : null,
    );
  };
  return section("warnings", h("ul", {}, content.warnings.map(item), more > 0 ? h("li", { class: "print-only" }, t("problem.more", { n: more })) : null));
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

/** The points of a score; a range if items are missing. */
export function pointsOf({ value, minimum, maximum, out_of: most, unit }) {
  if (value === null) return t("unknown");
  if (unit !== "{score}") return number(value, 3);
  const points = minimum === maximum ? number(minimum) : t("scores.range", { low: minimum, high: maximum });
  return t("scores.of", { points, most });
}

export const reachedOf = ({ is_reached: reached, threshold, threshold_is: is, value }) =>
  value === null ? t("scores.no_value") : t(reached === null ? "scores.open" : reached ? "scores.reached" : "scores.not_reached", { threshold, is: is === ">=" ? "≥" : ">" });

export const missingOf = (score) => score.items.filter(({ item }) => score.missing.includes(item)).map((item) => local(item, "label"));

function scores({ content }) {
  const row = (score) => {
    const missing = missingOf(score);
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, local(score, "label")),
      h("td", {}, h("strong", {}, pointsOf(score)), h("small", { class: score.is_reached ? "raises" : "" }, reachedOf(score))),
      h("td", {}, t("scores.items", { n: score.available, total: score.total }), missing.length ? h("small", {}, t("scores.missing", { items: missing.join(", ") })) : null),
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
    h("p", {}, t("quality.measured", { n: values.length, total: answer.clinical.length }), " ", t("quality.hours", { n: answer.hasData.filter(Boolean).length, total: answer.hours.length })),
    stale.length ? h("p", {}, t("quality.stale", { items: stale.join(", ") })) : null,
    missing.length ? h("details", {}, h("summary", {}, t("quality.missing", { n: missing.length })), h("p", {}, missing.join(", "))) : null,
    h("div", { class: "print-only" }, h("h4", {}, t("part.values")), h("ul", { class: "values" }, answer.patient().map(([label, text]) => h("li", {}, `${label} `, h("strong", {}, text))), values.map(value))),
  );
}

/** The answer as one or two sentences, for screen readers and exports. */
export const answerInWords = (answer) => [answer.verdictInWords(), answer.course ? courseInWords(answer.course) : null].filter(Boolean).join(" ");
