// The cells of a table: numbers with units, limits such as `<20`, and words.

import { readNumber } from "./i18n.js";
import { WORDS } from "./stay.js";
import { plain } from "./table_columns.js";
import { isSameUnit, readings, toCanonical } from "./units.js";

const MISSING = /^(|#?n\/?a|nan|null|none|n\.?[df]\.?|-+|–|—|\.|\/|\?)$/i;
const NUMBER = /^([<>≤≥]=?)? ?([+\-−]?[\d.,'’\s]*\d[.,]?(?:e[+-]?\d+)?) ?(.*)$/i;
const FLAG = /^(\*+|[↑↓!+]+|\(?[HL]{1,2}\)?)$/; // of laboratories: abnormal, high, low
const PAIR = /^(\d{2,3}) ?\/ ?(\d{2,3})(?: ?\(?(\d{2,3})\)?)?$/;

export const isMissing = (text) => MISSING.test(text ?? "");

/** A number without the signs of its thousands, where they are clear: `1,234.5`, `1.234.567`. */
function withoutGroups(text) {
  const digits = text.replace(/['’]/g, " ").replace("−", "-");
  const [, group] = /^[+-]?\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*[.,]\d*$/.exec(digits) ?? [];
  return group && digits.split(group).length + digits.split(group === "." ? "," : ".").length > 3 ? digits.replaceAll(group, "") : digits;
}

/** Number, limit sign and unit of a cell; null if it is no number. */
function parts(text) {
  const [, limit = "", digits, rest] = NUMBER.exec(text) ?? [];
  return digits === undefined ? null : { limit, digits: withoutGroups(digits.trim()), unit: FLAG.test(rest) ? "" : rest };
}

/**
 * Read a cell: `{text}`, with `limit` if it was below or above a limit; `{error}` if it cannot be read.
 * @param decimals how a sign before three digits is meant: `{",": "decimal" | "grouped"}`.
 */
export function readCell(column, text, headers, decimals) {
  const { variable } = column;
  if (WORDS.includes(variable.name)) return readWord(variable, text, headers);
  const found = parts(text);
  if (!found) return { error: "table.cell" };
  if (found.unit) {
    const stated = headers.unit(variable, found.unit, column.isUrea);
    if (!stated) return { error: "table.cell" };
    if (!isSameUnit(variable, stated, column.unit)) return { error: "table.cell_unit" };
  }
  const both = readings(variable, found.digits);
  const meant = both ? both[decimals[both.sign]] : found.digits;
  if (!meant) return { error: "table.ambiguous", ...both };
  if (Number.isNaN(readNumber(meant))) return { error: "table.cell" };
  return { text: meant, limit: found.limit };
}

function readWord(variable, text, headers) {
  const isIcuUnit = variable.name === "icu_unit";
  const flag = readNumber(text);
  if (isIcuUnit && flag === 0) return null;
  if (isIcuUnit && flag === 1) return { text: variable.challenge_name === "Unit1" ? "medical" : "surgical" };
  const word = headers.values.get(plain(Number.isNaN(flag) ? text : String(flag)));
  return variable.values.includes(word) ? { text: word } : { error: "table.cell" };
}

/** The unit that all cells of a column state; null if they state none, or several. */
export function unitOfCells(column, texts, headers) {
  const found = texts.filter((text) => !isMissing(text)).map(parts);
  const units = new Set(found.map((each) => (each?.unit ? headers.unit(column.variable, each.unit, column.isUrea) : null)));
  return units.size === 1 ? [...units][0] : null;
}

/** Whether some numbers of a column are impossible in its unit, and all are usual in another one. */
export function isInAnotherUnit({ variable, unit }, texts, units) {
  const values = texts.map((text) => readNumber(parts(text)?.digits ?? "")).filter((value) => !Number.isNaN(value));
  const within = (each, low, high) => (value) => toCanonical(variable, each, value) >= low && toCanonical(variable, each, value) <= high;
  const { hard_low: low, hard_high: high, warn_low: usualLow, warn_high: usualHigh } = variable;
  return !values.every(within(unit, low, high)) && units.some((each) => values.every(within(each, usualLow ?? low, usualHigh ?? high)));
}

/** Replace columns of `120/80` or `120/80 (93)` by systolic, diastolic and mean pressures. */
export function splitPressures(columns, rows, headers) {
  const isPair = (column, at) => {
    const texts = rows.map(({ cells }) => cells[at]).filter((text) => !isMissing(text));
    return column.variables?.some(({ name }) => name === "systolic_bp") && texts.length > 0 && texts.every((text) => PAIR.test(text));
  };
  columns.map(isPair).forEach((is, at) => {
    if (!is) return;
    const { text } = columns[at];
    ["SBP", "DBP", "MAP"].forEach((name, part) => {
      const values = rows.map(({ cells }) => PAIR.exec(cells[at] ?? "")?.[part + 1] ?? "");
      if (!values.some(Boolean)) return;
      columns.push({ ...headers.column(name), text: `${text} → ${name}` });
      rows.forEach(({ cells }, row) => (cells[columns.length - 1] = values[row]));
    });
    columns[at] = { text, role: "split" };
  });
}
