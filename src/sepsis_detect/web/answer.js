// An answer of the service with its stay: values, effects and scores in words.

import { courseInWords } from "./course.js";
import { ago, local, number, pointsInWords, readNumber, riskAndThreshold, t } from "./i18n.js";
import { expectedOfPoint } from "./operating_point.js";
import { CONSTANTS, HOUR, WORDS } from "./stay.js";
import { between, fromCanonical, referenceIn, toCanonical, withUnit } from "./units.js";

export const MAX_REASONS = 8;

/** An answer of the service, with its stay and the time of the request. */
export class Answer {
  /** @param context `model`, as `GET /model` describes it, and `before`, the content of the answer before about this stay. */
  constructor(content, stay, askedAt, { model = null, before = null } = {}) {
    Object.assign(this, { content, stay, askedAt, before });
    this.model = model?.version === content.model.version && model.name === content.model.name ? model : null;
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
    const [probability, threshold] = riskAndThreshold(this.content.probability, this.content.threshold);
    return { probability, threshold };
  }

  get course() {
    const { trend, threshold } = this.content;
    const isCourse = trend.length > 1 && !this.hours.some(Number.isNaN);
    return isCourse ? { hours: this.hours, trend, threshold, hasData: this.hasData, stay: this.stay, lateAfter: this.late?.ctx.after ?? null } : null;
  }

  /** The last value of each clinical variable: `{variable, text, age}`, `age` in hours or null. */
  lastValues() {
    const found = this.clinical.map((variable) => {
      const at = this.stay.hours.findLastIndex((hour) => hour[variable.name] !== undefined && !this.isDropped(variable.name, hour));
      if (at < 0) return null;
      // The hour of a single one need not be known.
      const age = at === this.stay.hours.length - 1 ? 0 : this.hours.at(-1) - this.hours[at];
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

  /** The warning that the stay is so long that alerts are mostly false; undefined before. */
  get late() {
    return this.content.warnings.find(({ rule }) => rule === "stay.late");
  }

  /** The warnings, each sentence once: of two values that contradict each other, both are left out. */
  get warnings() {
    const { warnings } = this.content;
    const isSame = (one) => (other) => one.type === other.type && one.msg === other.msg && one.ctx.icu_hour === other.ctx.icu_hour;
    return warnings.filter((warning, at) => warnings.findIndex(isSame(warning)) === at);
  }

  /** The measured variables that moved the answer most, by at least so many points, those that raised it for an alert, as `reason`. */
  reasons(n, minPoints = 0) {
    const isReason = ({ value, effect }) => value !== null && (effect > 0 || !this.isPositive) && Math.abs(this.share(effect)) >= minPoints;
    return this.content.contributions.filter(isReason).slice(0, n).map((contribution) => this.reason(contribution));
  }

  /** The measurements that would help most, by label. */
  missing(n = Infinity) {
    return this.content.data_sufficiency.missing.slice(0, n).map((name) => this.stay.label(name));
  }

  /** How sure and how often wrong, in sentences: septic hours of so many like this one, change, what alerts are worth. */
  certainty() {
    const { content, before } = this;
    const total = content.probability < 0.01 ? 1000 : 100;
    const n = Math.round(total * content.probability);
    const some = t(n ? "certainty.such" : "certainty.such_none", { n, total });
    const such = this.late ? `${some} ${t("certainty.such_late")}` : some;
    const points = before && pointsInWords(100 * (content.probability - before.probability));
    const change = points && t(before.icu_hour === null ? "certainty.change" : "certainty.change_hour", { points, hour: before.icu_hour });
    return { such, change, served: this.model ? expectedOfPoint(this.model) : [] };
  }

  /** `positive`, `negative`, or `insufficient`: negative from too little data, which is no all-clear. */
  get state() {
    if (this.isPositive) return "positive";
    return this.content.data_sufficiency.level === "insufficient" ? "insufficient" : "negative";
  }

  /** The word of the answer, as it is shown. */
  get word() {
    return t(this.state === "insufficient" ? "verdict.word" : this.content.prediction);
  }

  verdictInWords() {
    const { probability, threshold } = this.risk;
    const hour = this.content.icu_hour;
    const words = t("verdict.sentence", { verdict: this.word, probability, threshold });
    return hour === null ? words : `${words} ${t("verdict.hour", { hour })}`;
  }

  ageOf(icuHour) {
    return icuHour === null || this.content.icu_hour === null ? null : this.content.icu_hour - icuHour;
  }

  /** Points of percent that an effect adds to the risk: its share of the difference to a typical hour. */
  share(effect) {
    const { contributions, typical_probability: typical, probability } = this.content;
    const total = contributions.reduce((sum, each) => sum + each.effect, 0);
    const slope = Math.abs(total) < 0.01 ? probability * (1 - probability) : (probability - typical) / total;
    return 100 * slope * effect;
  }

  /** The texts of a contribution: value in the unit of the request, reference interval, age. */
  reason({ variable: name, value, measured_at_icu_hour: hour, effect }) {
    const variable = this.stay.variables.get(name);
    const unit = this.stay.unit(name);
    const isWord = WORDS.includes(name);
    const text = value === null ? t(variable.kind === "demographic" ? "choice.unknown" : "not_measured") : isWord ? t(`choice.${value}`) : withUnit(number(fromCanonical(variable, unit, value)), variable, unit);
    const interval = value === null || isWord ? null : referenceIn(variable, unit);
    const age = variable.kind === "demographic" || value === null ? null : this.ageOf(hour);
    return {
      label: this.stay.label(name),
      text,
      reference: interval ? t("reasons.reference", { interval: between(interval) }) : "",
      age: age === null ? "" : ago(age),
      points: pointsInWords(this.share(effect)),
      effect,
    };
  }
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

/** What a score misses, in words; empty if nothing. */
export function missingOf({ items, missing }) {
  const labels = items.filter(({ item }) => missing.includes(item)).map((item) => local(item, "label"));
  return labels.length ? t("scores.missing", { n: labels.length, items: labels.join(", ") }) : "";
}

/** The answer as one or two sentences, for screen readers and exports. */
export const answerInWords = (answer) => [answer.verdictInWords(), answer.course ? courseInWords(answer.course) : null].filter(Boolean).join(" ");
