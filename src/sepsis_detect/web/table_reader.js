// Reader of tables with several hours: converts text to hours, and collects errors by cell.

import { readNumber } from "./i18n.js";
import { CONSTANTS, HOUR, WORDS } from "./stay.js";
import { isInAnotherUnit, isMissing, readCell, splitPressures, unitOfCells } from "./table_cells.js";
import { isUnitRow, mapColumns } from "./table_columns.js";
import { readHours } from "./table_hours.js";
import { rowsOf, transposed } from "./table_text.js";
import { choices, toCanonical } from "./units.js";

const MAX_HOURS = 2000;
const MAX_TITLE_LINES = 10;
const MAX_HEADERS = 200;

/** What the user has chosen for a table. */
export const noAnswers = () => ({ chosen: {}, decimals: {}, order: null, first: null });

/** The row with the most headers: `{at, n}`. */
function headerAt(rows, headers) {
  const known = (cells) => new Set([...new Set(cells.slice(0, MAX_HEADERS))].filter((text) => /\p{L}/u.test(text)).flatMap((text) => headers.column(text).variables ?? []));
  const counts = rows.slice(0, MAX_TITLE_LINES).map(({ cells }) => known(cells).size);
  const n = Math.max(...counts);
  return { at: counts.indexOf(n), n };
}

/** Headers and rows of a text, hours downwards, whichever way they lie in it. */
function layout(text, headers) {
  const down = rowsOf(text);
  if (down.length === 0) return null;
  const across = transposed(down);
  const [upright, turned] = [headerAt(down, headers), headerAt(across, headers)];
  const isAcross = turned.n > upright.n;
  const [rows, { at }] = isAcross ? [across, turned] : [down, upright];
  const columns = rows[at].cells.map((each) => headers.column(each));
  const hasHours = columns.some(({ variables, role }) => variables?.[0].name === HOUR || role === "time" || role === "date");
  const corner = columns.findIndex(({ variables, text: name, role }) => !variables && (name === "" || role === "corner"));
  if (isAcross && !hasHours && corner >= 0) columns[corner] = { ...headers.meaning(HOUR), text: columns[corner].text || "–", role: "time" };
  return { isAcross, columns, rows: rows.slice(at + 1), skipped: rows.slice(0, at) };
}

/** Take the units of a row below the headers, if there is one. */
function readUnitRow({ columns, rows }, headers) {
  const at = rows.slice(0, 3).findIndex(({ cells }) => isUnitRow(cells, columns, headers));
  if (at < 0) return;
  const [{ cells }] = rows.splice(at, 1);
  columns.forEach((column, each) => {
    if (column.variables && cells[each]) column.unit ??= headers.unit(column.variables[0], cells[each], column.isUrea);
  });
}

/**
 * @param text the pasted text or the content of a file.
 * @param headers the `Headers` that are known.
 * @param answers what the user has chosen, as in `noAnswers`; `system` names the usual units.
 * @returns `{columns, rows, errors, limits, isReadable, isComplete, clock, constants, units, hours, ...}`;
 *   an error is `{row, column, key, text}`; null when there is no text.
 */
export function readTable(text, headers, answers = noAnswers()) {
  const table = readColumns(text, headers, answers);
  return table && readStay(table, headers, answers);
}

/** The columns and rows of a text, of one patient or of several; null when there is no text. */
export function readColumns(text, headers, { chosen, system }) {
  const found = layout(text, headers);
  if (!found) return null;
  readUnitRow(found, headers);
  splitPressures(found.columns, found.rows, headers);
  const columns = mapColumns(found.columns, headers, chosen, system);
  const table = { ...found, columns, errors: [], units: {} };
  readUnits(table, headers, chosen);
  checkColumns(table);
  table.isOpen = columns.some(({ isUnclear, isUnknown, isDoubtful }) => isUnclear || isUnknown || isDoubtful);
  return table;
}

/** The hours of one patient: `readColumns` with the rows of that patient. */
export function readStay(columnsAndRows, headers, { decimals, order, first }) {
  const { columns, rows, errors, units } = columnsAndRows;
  const table = { ...columnsAndRows, errors: [...errors], limits: [], ambiguous: new Set(), constants: {}, units: { ...units }, hours: [] };
  table.clock = readHours(columns, rows, { order, first });
  checkHours(table);
  table.isReadable = table.errors.length === 0;
  table.isComplete = table.isReadable && !table.clock?.isOpen && !table.isOpen;
  if (table.isReadable) readRows(table, headers, decimals);
  return table;
}

/** Units that the cells state, and units that do not fit the numbers. */
function readUnits({ columns, rows }, headers, chosen) {
  columns.forEach((column, at) => {
    if (column.kind !== "variable" || column.isStated || WORDS.includes(column.name) || column.name === HOUR) return;
    const texts = rows.map(({ cells }) => cells[at] ?? "");
    const stated = unitOfCells(column, texts, headers);
    if (stated) Object.assign(column, { unit: stated, isStated: true, isUnknown: false });
    else if (chosen[at]?.unit === undefined) column.isDoubtful = isInAnotherUnit(column, texts, choices(column.variable, column.unit));
  });
}

function checkColumns({ columns, rows, errors, units }) {
  const fail = (column, key, text) => errors.push({ row: null, column, key, text });
  const seen = new Set();
  columns.forEach((column, at) => {
    if (column.kind !== "variable") return;
    const id = column.variable.challenge_name;
    if (seen.has(id)) fail(at, "table.twice", column.text);
    seen.add(id);
    if (!WORDS.includes(column.name)) units[column.name] = column.unit;
  });
  if (![...seen].some((id) => id !== "ICULOS") && !columns.some(({ isUnclear }) => isUnclear)) fail(null, "table.no_header", "");
  else if (rows.length === 0) fail(null, "table.no_rows", "");
}

function checkHours({ rows, errors, units, clock }) {
  const fail = (key, text) => errors.push({ row: null, column: null, key, text });
  if (clock?.isClock && HOUR in units) units[HOUR] = "h";
  if (rows.length > MAX_HOURS) fail("table.too_long", String(MAX_HOURS));
  if (errors.length === 0 && rows.length > 1 && !clock) fail("table.no_hour", "");
}

function readRows(table, headers, decimals) {
  const { columns, rows, clock } = table;
  const read = rows.map(({ cells }, row) => {
    const values = clock?.texts[row] ? { [HOUR]: clock.texts[row] } : {};
    if (cells.slice(columns.length).some(Boolean)) table.errors.push({ row, column: null, key: "table.cells", text: String(cells.length) });
    columns.forEach((column, at) => {
      const text = cells[at] ?? "";
      if (isMissing(text) || (column.kind === "variable" && column.name === HOUR && clock?.isClock)) return;
      if (column.role === "patient") keepConstant(table, "patient", text, row, at, "table.patients");
      if (column.kind === "variable") readInto(table, values, { column, row, at, text: column.name === HOUR && clock ? clock.texts[row] : text }, headers, decimals);
    });
    return { row, values, hour: readNumber(values[HOUR] ?? "") };
  });
  delete table.constants.patient;
  // A file that is read from its end is in order, too.
  table.isSorted = read.every(({ hour }, at) => at === 0 || !(hour < read[at - 1].hour));
  if (!table.isSorted) read.sort((a, b) => a.hour - b.hour || a.row - b.row);
  table.order = read.map(({ row }) => row);
  mergeHours(table, read);
}

function readInto(table, values, { column, row, at, text }, headers, decimals) {
  const cell = readCell(column, text, headers, decimals);
  if (cell === null) return;
  const error = (key, shown = {}) => table.errors.push({ row, column: at, key, text, ...shown });
  if (cell.error) error(cell.error, cell);
  if (cell.sign) table.ambiguous.add(cell.sign);
  if (cell.limit) table.limits.push({ row, column: at, text });
  const value = cell.text ?? text;
  if (CONSTANTS.includes(column.name)) keepConstant(table, column.name, signed(column, value), row, at, "table.changes");
  else values[column.name] = value;
  if (!cell.error && !column.isDoubtful && !column.isUnknown && isImpossible(column, value)) error("table.range");
}

/** The text of the field: hours before intensive care are positive there, negative in the API and the challenge. */
function signed({ name, isOwn }, text) {
  if (name !== "hospital_admission_hour") return text;
  if (text.startsWith("-")) return text.slice(1);
  return isOwn && readNumber(text) !== 0 ? `-${text}` : text;
}

function isImpossible({ variable, unit, name, isOwn }, text) {
  if (WORDS.includes(name)) return false;
  const value = toCanonical(variable, unit, readNumber(signed({ name, isOwn }, text)));
  return value < variable.hard_low || value > variable.hard_high;
}

function keepConstant(table, name, value, row, column, key) {
  const known = table.constants[name];
  const isSame = known === undefined || known === value || Math.abs(readNumber(known) - readNumber(value)) <= (name === "age" ? 1 : 0);
  if (isSame) table.constants[name] ??= value;
  else table.errors.push({ row, column, key, text: value });
}

/** Join rows of one hour: those of a clock take the last value, others must not contradict each other. */
function mergeHours(table, read) {
  const last = [];
  for (const { row, values, hour } of read) {
    const before = last.at(-1);
    const isNew = before?.hour !== hour || Number.isNaN(hour);
    const contradicts = !isNew && !table.clock?.isClock && Object.entries(values).some(([name, text]) => (before.values[name] ?? text) !== text);
    if (contradicts) table.errors.push({ row, column: table.clock?.column ?? null, key: "table.hour_twice", text: values[HOUR] });
    if (isNew || contradicts) last.push({ values, hour });
    else Object.assign(before.values, values);
  }
  table.isMerged = last.length < read.length;
  table.hours = last.map(({ values }) => values);
}
