// Units of measure: names, conversions of the service, and parsing.

import { lang, number, t } from "./i18n.js";

const NAMES = {
  "[degF]": "°F", "cm[Hg]": "cmHg", "[pH]": "", "nmol/L": "nmol/L (H⁺)",
  "umol/L": "µmol/L", "ug/L": "µg/L", "ukat/L": "µkat/L", "10*9/L": "G/L", "10*3/uL": "10³/µL", "/uL": "/µL",
  "meq/L": "mEq/L", "mo": "months", "d": "days",
};
const NAMES_FR = {
  "U/L": "UI/L", "10*9/L": "G/L", "/uL": "/mm³", "mo": "mois", "d": "jours",
  "g/L (urea)": "g/L", "mmol/L (urea)": "mmol/L", "mg/dL (urea)": "mg/dL", // its label is urea
};

/** The name of a unit; a fraction has one only in a choice. */
export function unitName(variable, unit, { inChoice = false } = {}) {
  if (unit === "1") return inChoice ? "fraction" : "";
  if (unit === "[pH]" && inChoice) return "pH";
  const own = unit === variable.unit ? (lang() === "fr" ? variable.unit_label_fr : variable.unit_label_en) : "";
  const name = (lang() === "fr" ? NAMES_FR[unit] : undefined) ?? NAMES[unit] ?? (own || unit);
  if (variable.name !== "bun" || unit !== "mg/dL") return name;
  if (lang() === "fr") return "mg/dL (azote)";
  return inChoice ? "mg/dL (nitrogen)" : name;
}

/** A formatted number with its unit, joined by a no-break space. */
export function withUnit(text, variable, unit) {
  const name = unitName(variable, unit);
  return text + (name && !(name === "%" && lang() === "en") ? "\u00a0" : "") + name;
}

const conversion = (variable, unit) => variable.conversions.find((each) => each.unit === unit) ?? { factor: 1, offset: 0 };

// Hours in hospital before intensive care: positive on the page, negative in the API.
const sign = ({ name }) => (name === "hospital_admission_hour" ? -1 : 1);

export function toCanonical(variable, unit, value) {
  const { factor, offset, scale } = conversion(variable, unit);
  return sign(variable) * (factor * (scale === "log10" ? Math.log10(value) : value) + offset);
}

export function fromCanonical(variable, unit, value) {
  const { factor, offset, scale } = conversion(variable, unit);
  const linear = (sign(variable) * value - offset) / factor;
  return scale === "log10" ? 10 ** linear : linear;
}

/** The number that the API expects for a number of a field, in the same unit. */
export const toSend = (variable, value) => (value === 0 ? 0 : sign(variable) * value);

/** Whether two units convert every value alike, such as U/L and UI/L. */
export const isSameUnit = (variable, one, other) => one === other || [1, 2].every((value) => toCanonical(variable, one, value) === toCanonical(variable, other, value));

/**
 * Both readings of a number with one sign before exactly three digits: `{sign, decimal, grouped}`. Null if
 * the number with thousands is possible in no unit of the variable, as 7,385 of pH.
 */
export function readings(variable, text) {
  const [, whole, mark, end] = /^([+-]?[1-9]\d{0,2})([.,])(\d{3})$/.exec(text.trim()) ?? [];
  if (!mark) return null;
  const grouped = whole + end;
  const isPossible = (unit) => toCanonical(variable, unit, Number(grouped)) >= variable.hard_low && toCanonical(variable, unit, Number(grouped)) <= variable.hard_high;
  // The zero at the end keeps the decimals from being read as thousands later.
  return variable.units.some(isPossible) ? { sign: mark, decimal: `${text.trim()}0`, grouped } : null;
}

/** An interval in words, rounded to what its width needs: 62 to 115, 3.9 to 5.6, 7.35 to 7.45. */
export function between([low, high]) {
  if (low === high) return number(low, 3);
  const decimals = Math.max(0, 1 - Math.floor(Math.log10(high - low) + 1e-9));
  const [from, to] = [low, high].map((end) => number(Number(end.toFixed(decimals))));
  return t("field.reference", { low: from, high: to });
}

/** The reference interval in a unit, lower bound first; null if there is none. */
export function referenceIn(variable, unit) {
  if (variable.reference_low === null || variable.reference_high === null) return null;
  const ends = [variable.reference_low, variable.reference_high].map((end) => fromCanonical(variable, unit, end));
  return ends.sort((a, b) => a - b);
}

// Usual laboratory units in countries with SI units, such as France.
const SI = {
  bilirubin_direct: "umol/L", bilirubin_total: "umol/L", bun: "mmol/L (urea)", calcium: "mmol/L", creatinine: "umol/L",
  fibrinogen: "g/L", fio2: "%", glucose: "mmol/L", magnesium: "mmol/L", phosphate: "mmol/L", platelets: "10*9/L",
  troponin_i: "ng/L", wbc: "10*9/L",
};
const CONVENTIONAL = { fio2: "%" };

/** The usual unit of a variable in a system of units, `si` or `conventional`; `isUrea`: of urea, not of its nitrogen. */
export function usualUnit(variable, system, isUrea = false) {
  if (isUrea && system !== "si") return "mg/dL (urea)";
  const usual = (system === "si" ? SI : CONVENTIONAL)[variable.name];
  return variable.units.includes(usual) ? usual : variable.unit;
}

const UNUSED = /^(\{|\[IU\]|Hz)/;

/** The units of a choice: of those that convert alike, its own one or the first. */
export function choices(variable, own) {
  const named = [own, variable.unit, ...variable.conversions.map(({ unit }) => unit).filter((unit) => !UNUSED.test(unit))];
  const isFirst = (unit, at) => named.findIndex((each) => isSameUnit(variable, each, unit)) === at;
  return named.filter(isFirst);
}

let spellings = [];

/** Set the spellings of units, `unit_spellings` of `GET /variables`. */
export function setSpellings(listed) {
  spellings = listed.map(({ pattern, replacement, ignores_case: ignoresCase }) => ({
    pattern: new RegExp(pattern, ignoresCase ? "giu" : "gu"),
    replacement: replacement.replace(/\\(\d)/g, "$$$1"),
  }));
}

/** The accepted unit in a header such as `creatinine (µmol/L)`, read as the service does; null if there is none. */
export function readUnit(variable, text) {
  let unit = text.trim();
  if (unit === "") return null;
  for (const { pattern, replacement } of spellings) {
    if (variable.units.includes(unit)) break;
    unit = unit.replace(pattern, replacement);
  }
  return variable.units.includes(unit) ? unit : null;
}

const WITH_UNIT = /^([+\-−]?(?:\d{1,3}(?: \d{3})+|\d[\d.,]*))(?: (?=.*[^\d., ])|(?=[^\d., ]))(.+)$/;

/** The digits and the unit of a text such as `37.2 °C`, read for a field with its own unit; null if there is no unit. */
export function withStatedUnit(variable, text, own) {
  const [, digits, stated] = WITH_UNIT.exec(text.trim().replace(/\s+/g, " ")) ?? [];
  if (!stated) return null;
  const unit = (own.endsWith("(urea)") && readUnit(variable, `${stated} (urea)`)) || readUnit(variable, stated);
  return unit && { digits, unit };
}
