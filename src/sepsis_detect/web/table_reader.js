// Reader of tables with several hours: converts text to hours, and collects errors by cell.

import { readNumber } from "./i18n.js";
import { CONSTANTS, HOUR, WORDS } from "./stay.js";
import { readUnit, toCanonical } from "./units.js";

const MISSING = /^(|nan|na|n\/a|null|none|-|–|—|\.)$/i;
const IGNORED = /^(sepsislabel|sepsis_label|label|time|timestamp|datetime|date)$/i;
const PATIENT = /^(patient|patient_id|stay_id|icustay_id|subject_id|hadm_id)$/i;
const SEXES = { 0: "female", 1: "male", f: "female", m: "male", h: "male", female: "female", male: "male", femme: "female", homme: "male" };
const UNITS = { medical: "medical", surgical: "surgical", "médicale": "medical", chirurgicale: "surgical" };

export const MAX_HOURS = 2000;

/** Split a line into cells; cells may be in double quotes. */
function cellsOf(line, delimiter) {
  const cells = [""];
  let isQuoted = false;
  for (const letter of line) {
    if (letter === '"') isQuoted = !isQuoted;
    else if (letter === delimiter && !isQuoted) cells.push("");
    else cells[cells.length - 1] += letter;
  }
  return cells.map((cell) => cell.trim());
}

const delimiterOf = (header) => ["\t", "|", ";", ","].find((each) => header.includes(each)) ?? "\t";

const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, " ").trim();

/** The variable of a header: canonical or challenge name, or its label in either language. */
function variableOf(header, variables) {
  const wanted = plain(header);
  const names = ({ name, challenge_name, label_en, label_fr }) => [name, challenge_name, label_en, label_fr].map(plain);
  return variables.find((variable) => names(variable).includes(wanted)) ?? null;
}

function columnOf(text, variables) {
  const stated = /^(.*?)\s*[([]([^()[\]]*(?:\([^)]*\))?)[)\]]$/.exec(text);
  const whole = variableOf(text, variables);
  const variable = whole ?? (stated && variableOf(stated[1], variables));
  if (!variable) return { text, kind: PATIENT.test(text) ? "patient" : IGNORED.test(text) ? "ignored" : "unknown" };
  const unit = whole || !stated ? variable.unit : readUnit(variable, stated[2]);
  return { text, kind: unit === null ? "unit" : "variable", variable, name: variable.name, unit: unit ?? variable.unit };
}

/**
 * @param text the pasted text or the content of a file.
 * @param variables all entries of `GET /variables`; `Unit1` and `Unit2` share a name.
 * @returns `{columns, rows, errors, notes, isReadable, constants, units, hours}`; an error is
 *   `{row, column, key, text}`; null when there is no text.
 */
export function readTable(text, variables) {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/).filter((line) => line.trim() !== "");
  if (lines.length === 0) return null;
  const delimiter = delimiterOf(lines[0]);
  const columns = cellsOf(lines[0], delimiter).map((header) => columnOf(header, variables));
  const rows = lines.slice(1).map((line) => cellsOf(line, delimiter));
  const table = { columns, rows, errors: [], notes: [], constants: {}, units: {}, hours: rows.map(() => ({})) };
  readHeader(table);
  table.isReadable = table.errors.length === 0;
  if (table.isReadable) {
    rows.forEach((cells, row) => readRow(table, cells, row));
    checkHours(table);
  }
  return table;
}

function readHeader({ columns, rows, errors, notes, units }) {
  const fail = (column, key, text) => errors.push({ row: null, column, key, text });
  const seen = new Set();
  columns.forEach((column, at) => {
    if (column.kind === "unknown" && column.text !== "") notes.push({ key: "table.ignored", text: column.text });
    if (column.kind === "unit") fail(at, "table.unit", column.text);
    if (column.kind !== "variable") return;
    const id = column.variable.challenge_name;
    if (seen.has(id)) fail(at, "table.twice", column.text);
    seen.add(id);
    if (column.name !== "icu_unit" && column.name !== "sex") units[column.name] = column.unit;
  });
  if (seen.size === 0) fail(null, "table.no_header", "");
  else if (rows.length === 0) fail(null, "table.no_rows", "");
  if (rows.length > MAX_HOURS) fail(null, "table.too_long", String(MAX_HOURS));
  if (seen.size > 0 && rows.length > 1 && !seen.has("ICULOS")) fail(null, "table.no_hour", "");
}

function readRow(table, cells, row) {
  const { columns, errors, hours } = table;
  if (cells.length > columns.length) errors.push({ row, column: null, key: "table.cells", text: String(cells.length) });
  columns.forEach((column, at) => {
    const text = cells[at] ?? "";
    if (MISSING.test(text)) return;
    if (column.kind === "patient") keepConstant(table, "patient", text, row, at, "table.patients");
    if (column.kind !== "variable") return;
    const value = readCell(column, text);
    if (value === null) return;
    if (value === undefined) errors.push({ row, column: at, key: "table.cell", text });
    if (CONSTANTS.includes(column.name)) keepConstant(table, column.name, value ?? text, row, at, "table.changes");
    else hours[row][column.name] = value ?? text;
    if (value !== undefined && isImpossible(column, value)) errors.push({ row, column: at, key: "table.range", text });
  });
}

/** The text of a cell; undefined if it cannot be read, null if it has no information. */
function readCell({ variable }, text) {
  if (variable.name === "sex") return SEXES[text.toLowerCase().replace(/[.,]0+$/, "")];
  if (variable.name === "icu_unit") {
    const flag = readNumber(text);
    if (Number.isNaN(flag)) return UNITS[text.toLowerCase()];
    if (flag === 0) return null;
    return variable.challenge_name === "Unit1" ? "medical" : "surgical";
  }
  return Number.isNaN(readNumber(text)) ? undefined : text;
}

function isImpossible({ variable, unit, name }, text) {
  if (WORDS.includes(name)) return false;
  const value = toCanonical(variable, unit, readNumber(text));
  return value < variable.hard_low || value > variable.hard_high;
}

function keepConstant(table, name, value, row, column, key) {
  const known = table.constants[name];
  const isSame = known === undefined || known === value || Math.abs(readNumber(known) - readNumber(value)) <= (name === "age" ? 1 : 0);
  if (isSame) table.constants[name] ??= value;
  else table.errors.push({ row, column, key, text: value });
}

function checkHours({ columns, hours, errors, constants }) {
  delete constants.patient;
  const column = columns.findIndex(({ name }) => name === HOUR);
  if (column < 0) return;
  let last = -Infinity;
  hours.forEach((hour, row) => {
    const value = readNumber(hour[HOUR] ?? "");
    if (value <= last) errors.push({ row, column, key: value === last ? "table.hour_twice" : "table.hour_order", text: hour[HOUR] });
    if (!Number.isNaN(value)) last = value;
  });
}
