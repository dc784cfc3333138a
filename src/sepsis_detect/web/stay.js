// The stay as entered: the texts of the fields by hour, and the request built from them.

import { decimalSign, local, readNumber, t, writeNumber } from "./i18n.js";
import { fromCanonical, isSameUnit, readings, toCanonical, toSend, usualUnit, withStatedUnit } from "./units.js";

export const CONSTANTS = ["age", "sex", "icu_unit", "hospital_admission_hour"];
export const WORDS = ["sex", "icu_unit"];
export const HOUR = "icu_hour";
const OWN_LABELS = ["icu_unit", "hospital_admission_hour", "bun", HOUR]; // the page asks in another way than the API

/** The label of a variable on the page. */
export const labelOf = (variable) => (OWN_LABELS.includes(variable.name) ? t(`field.${variable.name}`) : local(variable, "label"));

export class Stay {
  /** @param variables as `GET /variables` lists them, one for each name. */
  constructor(variables) {
    this.variables = new Map(variables.map((variable) => [variable.name, variable]));
    this.system = "conventional";
    this.clear();
  }

  clear() {
    this.constants = {};
    this.units = {};
    this.chosen = {};
    this.hours = [{}];
    this.at = 0;
  }

  get isEmpty() {
    return Object.keys(this.constants).length === 0 && this.hours.every((hour) => Object.keys(hour).length === 0);
  }

  replace({ constants, units, hours }) {
    this.constants = { ...constants };
    this.units = { ...units };
    this.hours = hours.map((hour) => ({ ...hour }));
    this.at = hours.length - 1;
  }

  /** An independent copy. */
  copy() {
    const copy = new Stay([...this.variables.values()]);
    copy.restore(this.snapshot());
    return copy;
  }

  snapshot() {
    const { constants, units, chosen, hours, at, system } = this;
    return structuredClone({ constants, units, chosen, hours, at, system });
  }

  restore(snapshot) {
    Object.assign(this, structuredClone(snapshot));
  }

  /** A text that is the same for the same data, in any language. */
  fingerprint() {
    const plain = (texts) => Object.entries(texts).map(([name, text]) => [name, text.trim().replace(",", "."), this.unit(name)]).sort();
    return JSON.stringify([plain(this.constants), this.hours.map(plain)]);
  }

  /** Sort the hours, if all of them are known. */
  sortHours() {
    const shown = this.hours[this.at];
    const hourOf = (hour) => readNumber(hour[HOUR] ?? "");
    if (this.hours.some((hour) => Number.isNaN(hourOf(hour)))) return;
    this.hours.sort((a, b) => hourOf(a) - hourOf(b));
    this.at = this.hours.indexOf(shown);
  }

  label(name) {
    return labelOf(this.variables.get(name));
  }

  /** Rewrite every number with the decimal sign of the language. */
  localise() {
    for (const texts of [this.constants, ...this.hours]) {
      for (const [name, text] of Object.entries(texts)) {
        if (!Number.isNaN(readNumber(text))) texts[name] = text.replace(/[.,]/, decimalSign());
      }
    }
  }

  textsOf(name, at = this.at) {
    return CONSTANTS.includes(name) ? this.constants : this.hours[at];
  }

  text(name, at = this.at) {
    return this.textsOf(name, at)[name] ?? "";
  }

  /**
   * Set the text of a field; the unit of the field behind the number is left out. Its unit stays the same
   * if the default unit changes later.
   */
  write(name, text, at = this.at) {
    const stated = this.stated(name, text);
    const isOwn = stated && isSameUnit(this.variables.get(name), stated.unit, this.unit(name));
    if (text.trim() === "") delete this.textsOf(name, at)[name];
    else this.textsOf(name, at)[name] = isOwn ? stated.digits : text;
    if (this.hours.some((_, each) => this.text(name, each))) this.units[name] ??= this.unit(name);
    else delete this.units[name];
  }

  unit(name) {
    return this.units[name] ?? this.chosen[name] ?? usualUnit(this.variables.get(name), this.system);
  }

  /** Set the unit of a field; the text stays and has the new unit. */
  setUnit(name, unit) {
    this.chosen[name] = unit;
    if (name in this.units) this.units[name] = unit;
  }

  /** The digits and the unit of a text with a unit; null if it has none. */
  stated(name, text) {
    return WORDS.includes(name) ? null : withStatedUnit(this.variables.get(name), text, this.unit(name));
  }

  /** The number of a field in the canonical unit; NaN if there is none. */
  canonical(name, at = this.at) {
    return toCanonical(this.variables.get(name), this.unit(name), readNumber(this.text(name, at)));
  }

  /** The text of a value in the canonical unit, in the unit of its field, rounded. */
  textOf(name, value) {
    return writeNumber(fromCanonical(this.variables.get(name), this.unit(name), value), name === "ph" ? 4 : 3);
  }

  writeCanonical(name, value, at = this.at) {
    this.write(name, this.textOf(name, value), at);
  }

  /** Convert the numbers of a field, of every hour, from another unit to its own. */
  convert(name, from) {
    for (const texts of CONSTANTS.includes(name) ? [this.constants] : this.hours) {
      const value = toCanonical(this.variables.get(name), from, readNumber(texts[name] ?? ""));
      if (!Number.isNaN(value)) texts[name] = this.textOf(name, value);
    }
  }

  /** How many hours have a text of a variable. */
  count(name) {
    return (CONSTANTS.includes(name) ? [this.constants] : this.hours).filter((texts) => texts[name]).length;
  }

  addHour() {
    const last = readNumber(this.hours.at(-1)[HOUR] ?? "");
    this.hours.push(Number.isNaN(last) ? {} : { [HOUR]: String(last + 1) });
    this.at = this.hours.length - 1;
  }

  removeHour() {
    this.hours.splice(this.at, 1);
    if (this.hours.length === 0) this.hours.push({});
    this.at = Math.min(this.at, this.hours.length - 1);
  }

  /** The values of a variable in its canonical unit: `{hour, value}` for each hour with one. */
  series(name) {
    const points = this.hours.map((hour, at) => ({ hour: readNumber(hour[HOUR] ?? ""), value: this.canonical(name, at) }));
    return points.filter(({ value }) => !Number.isNaN(value));
  }

  /** Why a text is not sent as the number of its field: `{key, fixes}`, with the texts that may be meant; null if it is. */
  fault(name, text) {
    const variable = this.variables.get(name);
    const stated = this.stated(name, text);
    const digits = stated ? stated.digits : text.trim();
    const both = readings(variable, digits);
    const fixes = both ? [both.grouped, both.decimal] : [digits];
    if (Number.isNaN(readNumber(digits))) return { key: "problem.number", fixes: [] };
    if (stated) return { key: "problem.unit", fixes: fixes.map((each) => this.textOf(name, toCanonical(variable, stated.unit, readNumber(each)))) };
    if (both) return { key: "problem.ambiguous", fixes };
    return name === "hospital_admission_hour" && readNumber(text) < 0 ? { key: "problem.negative", fixes: [digits.slice(1)] } : null;
  }

  /**
   * The body of the request, and unreadable texts as problems in the form of the service.
   * @param drop leave out unreadable texts.
   */
  request({ drop = false } = {}) {
    const problems = [];
    const read = (name, text, loc) => {
      if (WORDS.includes(name)) return text;
      const fault = this.fault(name, text);
      if (!fault) return toSend(this.variables.get(name), readNumber(text));
      if (!drop) problems.push({ rule: "page", loc, text, ...fault });
      return null;
    };
    const readAll = (texts, loc) =>
      Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, read(name, text, [...loc, name])]).filter(([, value]) => value !== null));
    const body = readAll(this.constants, ["body"]);
    const names = new Set([...Object.keys(this.constants), ...this.hours.flatMap(Object.keys)]);
    const units = [...names].filter((name) => !WORDS.includes(name)).map((name) => [name, this.unit(name)]);
    const stated = units.filter(([name, unit]) => unit !== this.variables.get(name).unit);
    if (stated.length) body.units = Object.fromEntries(stated);
    body.hours = this.hours.map((hour, at) => readAll(hour, ["body", "hours", at]));
    // A single hour is sent flat: then the service does not require its icu_hour.
    if (body.hours.length === 1) {
      const [hour] = body.hours;
      delete body.hours;
      Object.assign(body, hour);
    }
    return { body, problems };
  }
}
