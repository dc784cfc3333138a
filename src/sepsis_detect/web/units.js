// Units of measure: names, conversions of the service, and parsing.

import { lang } from "./i18n.js";

const NAMES = {
  "[degF]": "°F", "cm[Hg]": "cmHg", "[pH]": "", "nmol/L": "nmol/L (H⁺)",
  "umol/L": "µmol/L", "ug/L": "µg/L", "ukat/L": "µkat/L", "10*9/L": "G/L", "10*3/uL": "10³/µL", "/uL": "/µL",
  "meq/L": "mEq/L", "mo": "months", "d": "days",
};
const NAMES_FR = {
  "U/L": "UI/L", "10*9/L": "G/L", "/uL": "/mm³", "mo": "mois", "d": "jours",
  "g/L (urea)": "g/L (urée)", "mmol/L (urea)": "mmol/L (urée)", "mg/dL (urea)": "mg/dL (urée)",
};

/** The name of a unit; a fraction has one only in a choice. */
export function unitName(variable, unit, { inChoice = false } = {}) {
  if (unit === "1") return inChoice ? "fraction" : "";
  if (unit === "[pH]" && inChoice) return "pH";
  const own = unit === variable.unit ? (lang() === "fr" ? variable.unit_label_fr : variable.unit_label_en) : "";
  const name = (lang() === "fr" ? NAMES_FR[unit] : undefined) ?? NAMES[unit] ?? (own || unit);
  return variable.name === "bun" && unit === "mg/dL" && inChoice ? `mg/dL (${lang() === "fr" ? "azote" : "nitrogen"})` : name;
}

/** A formatted number with its unit, joined by a no-break space. */
export function withUnit(text, variable, unit) {
  const name = unitName(variable, unit);
  return text + (name && !(name === "%" && lang() === "en") ? "\u00a0" : "") + name;
}

const UNUSED = /^(\{|\[IU\]|Hz)/;

/** The units of a choice, without synonyms of earlier ones. */
export function choices(variable) {
  const seen = new Set();
  const others = variable.conversions.filter(({ unit, scale, factor, offset }) => {
    const key = `${scale} ${factor} ${offset}`;
    const isNew = !seen.has(key) && !UNUSED.test(unit);
    seen.add(key);
    return isNew;
  });
  return [variable.unit, ...others.map(({ unit }) => unit)];
}

const conversion = (variable, unit) => variable.conversions.find((each) => each.unit === unit);

export function toCanonical(variable, unit, value) {
  const found = conversion(variable, unit);
  if (!found) return value;
  return found.factor * (found.scale === "log10" ? Math.log10(value) : value) + found.offset;
}

export function fromCanonical(variable, unit, value) {
  const found = conversion(variable, unit);
  if (!found) return value;
  const linear = (value - found.offset) / found.factor;
  return found.scale === "log10" ? 10 ** linear : linear;
}

/** The reference interval in a unit, lower bound first; null if there is none. */
export function referenceIn(variable, unit) {
  if (variable.reference_low === null || variable.reference_high === null) return null;
  const ends = [variable.reference_low, variable.reference_high].map((end) => fromCanonical(variable, unit, end));
  return ends.sort((a, b) => a - b);
}

// Usual laboratory units in countries with SI units, such as France.
export const SI = {
  bilirubin_direct: "umol/L", bilirubin_total: "umol/L", bun: "mmol/L (urea)", calcium: "mmol/L", creatinine: "umol/L",
  fibrinogen: "g/L", fio2: "%", glucose: "mmol/L", magnesium: "mmol/L", phosphate: "mmol/L", platelets: "10*9/L",
  troponin_i: "ng/L", wbc: "10*9/L",
};
export const CONVENTIONAL = { fio2: "%" };

const SYMBOLS = [
  [/[µμ]/g, "u"], [/³/g, "3"], [/^°c$/i, "Cel"], [/^°f$/i, "[degF]"], [/^mm ?hg$/i, "mm[Hg]"], [/^cm ?hg$/i, "cm[Hg]"],
  [/^g\/l$/i, "g/L"], [/^10[\^*]?3\/ul$/i, "10*3/uL"], [/^10[\^*]?9\/l$/i, "10*9/L"],
];

/** The accepted unit in a header such as `creatinine (µmol/L)`; null if there is none. */
export function readUnit(variable, text) {
  const wanted = SYMBOLS.reduce((unit, [pattern, code]) => unit.replace(pattern, code), text.trim());
  const same = (unit) => unit.toLowerCase() === wanted.toLowerCase();
  if (/^g\/l$/i.test(wanted) && ["wbc", "platelets"].includes(variable.name)) return "10*9/L";
  return variable.units.find(same) ?? variable.units.find((unit) => same(unit.replace(" (urea)", ""))) ?? null;
}
