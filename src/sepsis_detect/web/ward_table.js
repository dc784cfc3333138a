// A table of several patients: which rows belong to whom, and the hours of each bed.

import { readNumber } from "./i18n.js";
import { HOUR } from "./stay.js";
import { isMissing } from "./table_cells.js";
import { plain } from "./table_columns.js";
import { readColumns, readStay } from "./table_reader.js";

const BED = /^((n|nr|no|numero)( de)? )?(bed|bedside|lit|box|chambre|ch|room|bett|bettplatz|bettnummer|zimmer)( (id|n|nr|no|number|numero|nummer|name|label))?$/;

/** Errors of cells that can be left out: the value is then as if it had not been measured. */
const DROPPABLE = ["table.cell", "table.cell_unit", "table.ambiguous"];

/** Columns that may tell the patients apart: `{at, text}`. */
export const labelColumns = (columns) => columns.map(({ text, kind }, at) => ({ at, text, kind })).filter(({ text, kind }) => kind === "other" && text !== "");

/** Positions of the columns that tell the patients apart, and of those that name them; `chosen` is one position, or "" for none. */
function patientColumns(columns, chosen) {
  if (chosen !== undefined) return chosen === "" ? { keys: [], labels: [] } : { keys: [Number(chosen)], labels: [Number(chosen)] };
  const free = labelColumns(columns);
  const ids = free.filter(({ at }) => columns[at].role === "patient").map(({ at }) => at);
  const beds = free.filter(({ text }) => BED.test(plain(text))).map(({ at }) => at);
  return { keys: ids.length ? ids : beds, labels: [...new Set([...beds, ...ids])], isBedOnly: ids.length === 0 };
}

/** Rows by patient, in the order of the table: `[{label, rows}]`; rows without a label belong to the one above. */
function byPatient(rows, { keys, labels }) {
  const groups = new Map();
  let nFilled = 0;
  let key = "";
  for (const row of rows) {
    const texts = (columns) => columns.map((at) => row.cells[at]).filter((text) => !isMissing(text));
    const found = texts(keys);
    if (found.length) key = JSON.stringify(found);
    else if (keys.length) nFilled += 1;
    if (!groups.has(key)) groups.set(key, { label: "", rows: [] });
    const group = groups.get(key);
    group.rows.push(row);
    group.label = texts(labels).join(" · ") || group.label;
  }
  return { groups: [...groups.values()], nFilled };
}

/** Whether hours go forth and back: another patient may have come to the bed. */
function hasTurn(hours) {
  const steps = hours.slice(1).map((hour, at) => Math.sign(hour - hours[at]));
  return steps.includes(1) && steps.includes(-1);
}

/** What keeps a bed from being estimated: `[{key, ...}]`, as errors of `readTable`. */
function faultsOf(table, label, isBedOnly) {
  // The service judges what is possible, with hints.
  const faults = table.errors.filter(({ key }) => key !== "table.range");
  const fault = (key, text = "") => faults.push({ row: null, column: null, key, text });
  const column = table.columns.findIndex(({ name }) => name === HOUR);
  const hours = table.rows.map(({ cells }, row) => readNumber(table.clock?.texts[row] ?? cells[column] ?? ""));
  if (label === "") fault("ward.no_label");
  if (table.clock?.isOpen) fault("ward.first_missing", table.clock.first);
  if (isBedOnly && hasTurn(hours)) fault("ward.turn");
  return faults;
}

/**
 * @param answers as in `noAnswers`, and `bed`, the chosen column, and `firsts`, the hour of intensive care at
 *   the first time of each bed, by label.
 * @returns `{columns, rows, errors, skipped, beds, keys, nFilled, isOpen, isReadable}`; a bed is `{label, table,
 *   faults, isDroppable}`; null when there is no text.
 */
export function readBeds(text, headers, answers) {
  const whole = readColumns(text, headers, answers);
  if (!whole) return null;
  const found = patientColumns(whole.columns, answers.bed);
  whole.columns = whole.columns.map((column, at) => (found.labels.includes(at) ? { ...column, role: "bed" } : column));
  const isReadable = whole.errors.length === 0;
  const { groups, nFilled } = isReadable ? byPatient(whole.rows, found) : { groups: [], nFilled: 0 };
  const beds = groups.map(({ label, rows }) => {
    const name = found.keys.length ? label : (answers.only ?? "");
    const table = readStay({ ...whole, rows }, headers, { ...answers, first: answers.firsts[name] });
    const faults = faultsOf(table, name, found.isBedOnly);
    return { label: name, table, faults, isDroppable: faults.every(({ key }) => DROPPABLE.includes(key)) };
  });
  return { ...whole, isReadable, beds, nFilled, keys: found.keys, isBedAsked: found.keys.length === 0 && answers.bed === undefined };
}
