// A bed of the board: its data, its answer or why there is none, and what was decided about it.

import { Answer } from "./answer.js";
import { percent, pointsInWords, serviceText, t } from "./i18n.js";
import { hintOf, inTypedUnits, isDroppable } from "./problems.js";
import { errorInWords } from "./table_input.js";

/** States of a bed, the most urgent first. */
export const STATES = ["positive", "failed", "insufficient", "negative"];
const CHANGE_HOURS = 6;
const NEEDS_DECISION = ["positive", "insufficient"];

/** A problem with its place in the body of one patient. */
const ofOnePatient = (problem) => ({ ...problem, loc: ["body", ...problem.loc.slice(3)] });

export class Bed {
  /**
   * @param label stays in the tab; it is never sent.
   * @param stay the data, as `Stay`.
   * @param source `{table, faults, isDroppable}` of `readBeds`.
   */
  constructor(label, stay, { table = null, faults = [], isDroppable = true } = {}) {
    Object.assign(this, { label, stay, table, faults, isDroppable, answer: null, problems: [], decision: null, isDropped: false, nLeftOut: 0 });
  }

  /** Whether its data can be sent; with `drop` without the cells that cannot be read. */
  canBeSent({ drop = false } = {}) {
    return this.faults.length === 0 || (drop && this.isDroppable);
  }

  /** Take the result of the service, a prediction or problems, and the served model. */
  receive(result, askedAt, model) {
    this.problems = (result.detail ?? []).map(ofOnePatient);
    this.answer = result.detail ? null : new Answer({ ...result, warnings: result.warnings.map(ofOnePatient) }, this.stay, askedAt, { model });
    this.decision = null;
    if (!this.answer) return;
    this.nLeftOut = this.faults.length + result.warnings.filter(({ type }) => type === "dropped").length;
    this.faults = [];
  }

  get state() {
    return this.answer?.state ?? "failed";
  }

  get needsDecision() {
    return NEEDS_DECISION.includes(this.state);
  }

  /** Whether an estimate without the doubtful values may help. */
  get canDrop() {
    if (this.state !== "failed" || this.isDropped) return false;
    return this.faults.length ? this.isDroppable : this.problems.every(isDroppable);
  }

  get risk() {
    return this.answer?.content.probability ?? null;
  }

  /** Why there is no answer, in sentences. */
  reasonsOfFailure({ withHints = false } = {}) {
    const service = this.problems.map((problem) => {
      const hour = problem.ctx?.icu_hour;
      const at = hour === null || hour === undefined ? "" : `${t("problem.hour", { hour })} `;
      const hint = withHints && hintOf(problem, this.stay);
      return at + inTypedUnits(problem, this.stay, serviceText(problem, "msg")) + (hint ? ` ${hint}` : "");
    });
    return [...this.faults.map((fault) => errorInWords(fault, this.table)), ...service];
  }

  /** The difference to the last answer that is at least 6 hours old, in points of percent; null without one. */
  get change() {
    const { trend, icu_hour: last } = this.answer.content;
    const before = last === null ? undefined : trend.findLast(({ icu_hour: hour }) => hour !== null && hour <= last - CHANGE_HOURS);
    return before ? 100 * (this.risk - before.probability) : null;
  }

  get changeInWords() {
    return this.change === null ? "–" : pointsInWords(this.change);
  }

  /** Hours from the last vital sign to the last hour; null without one. */
  get vitalAge() {
    const ages = this.answer.lastValues().filter(({ variable, age }) => variable.kind === "vital" && age !== null).map(({ age }) => age);
    return ages.length ? Math.min(...ages) : null;
  }

  /** Rules of warnings of the answer that limit what it says. */
  get rules() {
    return this.answer.content.warnings.map(({ rule }) => rule);
  }
}

/** The most urgent first: by state, then by risk. */
export const byUrgency = (a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state) || (b.risk ?? 0) - (a.risk ?? 0) || a.label.localeCompare(b.label, undefined, { numeric: true });

export const thresholdInWords = (bed) => percent(bed.answer.content.threshold);
