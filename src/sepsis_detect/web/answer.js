// The answer: one word first, then how it came about and how far it can be trusted.

import { $, h, heads, icon, svg } from "./dom.js";
import { courseInWords, courseTable, drawCourse } from "./charts.js";
import { ago, dateTime, local, number, percent, readNumber, said, t } from "./i18n.js";
import { CONSTANTS, HOUR, WORDS } from "./stay.js";
import { fromCanonical, referenceIn, toCanonical, withUnit } from "./units.js";

export const MOST_REASONS = 8;
const MOST_PRINTED = 5; // warnings, as print.css has it
const STALE_HOURS = 24;

/** What is shown, said, copied and printed: the answer, the stay it is about and when it was asked. */
export class Answer {
  constructor(answer, stay, askedAt) {
    Object.assign(this, { answer, stay, askedAt });
    this.clinical = [...stay.variables.values()].filter(({ kind }) => kind !== "demographic");
    this.hours = stay.hours.map((hour) => toCanonical(stay.variables.get(HOUR), stay.unit(HOUR), readNumber(hour[HOUR] ?? "")));
    this.hasData = stay.hours.map((hour) => Object.keys(hour).some((name) => name !== HOUR && !this.isDropped(name, hour)));
  }

  isDropped(name, hour) {
    const dropped = ({ type, ctx }) => type === "dropped" && ctx.dropped === name && String(ctx.icu_hour) === String(readNumber(hour[HOUR] ?? ""));
    return this.answer.warnings.some(dropped);
  }

  get isPositive() {
    return this.answer.prediction === "Positive";
  }

  /** Probability and threshold, with digits enough to tell them apart. */
  get risk() {
    const { probability, threshold } = this.answer;
    const digits = percent(probability) === percent(threshold) ? 4 : undefined;
    return { probability: percent(probability, digits), threshold: percent(threshold, digits) };
  }

  get course() {
    const { trend, threshold } = this.answer;
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

  /** Who it is about, without a name: `Age 71 years`. */
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
    const hour = this.answer.icu_hour;
    const words = t("verdict.sentence", { verdict: t(this.answer.prediction), probability, threshold });
    return hour === null ? words : `${words} ${t("verdict.hour", { hour })}`;
  }

  ageOf(icuHour) {
    return icuHour === null || this.answer.icu_hour === null ? null : this.answer.icu_hour - icuHour;
  }

  /** A contribution in words: value in the unit it was sent in, reference, age. */
  reason({ variable: name, value, measured_at_icu_hour: hour, effect }) {
    const variable = this.stay.variables.get(name);
    const unit = this.stay.unit(name);
    const isWord = WORDS.includes(name);
    const shown = value === null ? t("not_measured") : isWord ? t(`choice.${value}`) : withUnit(number(fromCanonical(variable, unit, value)), variable, unit);
    const interval = value === null || isWord ? null : referenceIn(variable, unit);
    const age = variable.kind === "demographic" || value === null ? null : this.ageOf(hour);
    return {
      label: this.stay.label(name),
      shown,
      reference: interval ? t("reasons.reference", { interval: between(interval) }) : "",
      age: age === null ? "" : ago(age),
      direction: t(effect > 0 ? "reasons.raises" : "reasons.lowers"),
      effect,
    };
  }
}

const section = (name, ...content) => h("section", { class: `part ${name}`, "aria-labelledby": `part-${name}` }, h("h3", { id: `part-${name}` }, t(`part.${name}`)), content);

const between = ([low, high]) => (low === high ? number(low) : t("field.reference", { low, high }));

/** Show an answer; `actions` are the buttons below it. */
export function showAnswer(shown, actions) {
  const { course } = shown;
  const figure = h("figure", { class: "course" });
  const parts = [
    verdict(shown),
    warnings(shown),
    section("course", course ? [figure, h("details", {}, h("summary", {}, t("chart.table")), courseTable(course))] : h("p", {}, t("course.one_hour"))),
    reasons(shown),
    scores(shown),
    quality(shown),
    h("div", { class: "buttons actions" }, actions),
    h("p", { class: "print-only notice" }, t("notice")),
  ];
  $("answer-content").replaceChildren(...parts.filter(Boolean));
  if (course) drawCourse(figure, course);
  return course ? (size) => drawCourse(figure, course, size) : () => {};
}

function verdict(shown) {
  const { answer, isPositive } = shown;
  const { probability, threshold } = shown.risk;
  const kind = isPositive ? "positive" : "negative";
  const fact = (words, ...value) => h("div", {}, h("dt", {}, words), h("dd", {}, value));
  const latest = ["vital", "lab"].map((each) => ({ each, ages: shown.lastValues().filter(({ variable, age }) => variable.kind === each && age !== null).map(({ age }) => age) }));
  const last = latest.map(({ each, ages }) => `${t(`last.${each}`)} ${ages.length ? ago(Math.min(...ages)) : t("not_measured")}`);
  return h(
    "div",
    { class: `verdict ${kind}` },
    h("p", { class: "word" }, icon(isPositive ? "alert" : "calm"), h("strong", {}, t(answer.prediction))),
    h("p", { class: "figures" }, h("span", { class: "probability" }, probability), " ", h("span", {}, t(isPositive ? "verdict.above" : "verdict.below", { threshold }))),
    h("p", { class: "meaning" }, t(`verdict.${kind}`)),
    h(
      "dl",
      {},
      fact(t("verdict.time"), answer.icu_hour === null ? t("unknown") : t("chart.hour", { hour: answer.icu_hour }), h("small", {}, last.join(" · "))),
      fact(t("verdict.model"), `${answer.model.name} ${answer.model.version}`, h("small", {}, dateTime(shown.askedAt))),
    ),
  );
}

function warnings({ answer }) {
  if (answer.warnings.length === 0) return null;
  const more = answer.warnings.length - MOST_PRINTED;
  const item = (warning) => {
    const hour = warning.ctx.icu_hour;
    const hint = said(warning, "hint");
    return h(
      "li",
      { class: warning.type },
      warning.type === "dropped" ? h("strong", {}, t("warnings.dropped"), " ") : null,
      hour === null || hour === undefined ? null : h("span", { class: "at" }, t("problem.hour", { hour }), " "),
      said(warning, "msg"),
      hint && warning.type !== "dropped" ? h("span", { class: "hint" }, ` ${hint}`) : null,
    );
  };
  return section("warnings", h("ul", {}, answer.warnings.map(item), more > 0 ? h("li", { class: "print-only" }, t("problem.more", { n: more })) : null));
}

function reasons(shown) {
  const { contributions, typical_probability: typical } = shown.answer;
  const most = Math.max(...contributions.map(({ effect }) => Math.abs(effect)), 0.001);
  const row = (contribution) => {
    const { label, shown: value, reference, age, direction, effect } = shown.reason(contribution);
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
      h("td", { class: "effect" }, h("div", {}, h("span", { class: effect > 0 ? "raises" : "lowers" }, icon(effect > 0 ? "up" : "down"), direction), bar)),
    );
  };
  const table = (of) => h("table", { class: "reasons" }, heads([t("reasons.variable"), t("reasons.value"), t("reasons.effect")]), h("tbody", {}, of.map(row)));
  const rest = contributions.slice(MOST_REASONS);
  return section(
    "reasons",
    h("p", { class: "hint" }, t("reasons.explained", { typical: percent(typical) })),
    table(contributions.slice(0, MOST_REASONS)),
    rest.length ? h("details", {}, h("summary", {}, t("reasons.more", { n: rest.length })), table(rest)) : null,
  );
}

/** The points of a score in words: a range where something is missing. */
export function pointsOf({ value, minimum, maximum, out_of: most, unit }) {
  if (value === null) return t("unknown");
  if (unit !== "{score}") return number(value, 3);
  const points = minimum === maximum ? number(minimum) : t("scores.range", { low: minimum, high: maximum });
  return t("scores.of", { points, most });
}

export const reachedOf = ({ is_reached: reached, threshold, threshold_is: is, value }) =>
  value === null ? t("scores.no_value") : t(reached === null ? "scores.open" : reached ? "scores.reached" : "scores.not_reached", { threshold, is: is === ">=" ? "≥" : ">" });

export const missingOf = (score) => score.items.filter(({ item }) => score.missing.includes(item)).map((item) => local(item, "label"));

function scores({ answer }) {
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
  const notes = answer.scores.map((score) => [h("dt", {}, local(score, "label")), h("dd", {}, local(score, "note"))]);
  return section(
    "scores",
    h("p", { class: "hint" }, t("scores.explained")),
    h("table", { class: "scores" }, heads([t("scores.score"), t("scores.points"), t("scores.available")]), h("tbody", {}, answer.scores.map(row))),
    h("details", {}, h("summary", {}, t("scores.notes")), h("dl", { class: "notes" }, notes)),
  );
}

function quality(shown) {
  const values = shown.lastValues();
  const known = new Set(values.map(({ variable }) => variable.name));
  const missing = shown.clinical.filter(({ name }) => !known.has(name)).map(({ name }) => shown.stay.label(name));
  const stale = values.filter(({ age }) => age !== null && age > STALE_HOURS).map(({ variable }) => shown.stay.label(variable.name));
  const value = ({ variable, text, age }) =>
    h("li", {}, `${shown.stay.label(variable.name)} `, h("strong", {}, text), age ? h("small", {}, ` ${ago(age)}`) : null);
  return section(
    "quality",
    h("p", {}, t("quality.measured", { n: values.length, total: shown.clinical.length }), " ", t("quality.hours", { n: shown.hasData.filter(Boolean).length, total: shown.hours.length })),
    stale.length ? h("p", {}, t("quality.stale", { items: stale.join(", ") })) : null,
    missing.length ? h("details", {}, h("summary", {}, t("quality.missing", { n: missing.length })), h("p", {}, missing.join(", "))) : null,
    h("div", { class: "print-only" }, h("h4", {}, t("part.values")), h("ul", { class: "values" }, shown.patient().map(([label, text]) => h("li", {}, `${label} `, h("strong", {}, text))), values.map(value))),
  );
}

/** The answer as one or two sentences, for who cannot see the charts. */
export const answerInWords = (shown) => [shown.verdictInWords(), shown.course ? courseInWords(shown.course) : null].filter(Boolean).join(" ");
