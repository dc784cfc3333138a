// A table of several patients: which rows belong to whom, and the hours of each bed.

import { readNumber } from "./i18n.js";
import { HOUR } from "./stay.js";
import { isMissing } from "./table_cells.js";
import { plain } from "./table_columns.js";
import { readColumns, readStay } from "./table_reader.js";

const BED = /^((n|nr|no|numero)( de)? )?(bed|bedside|lit|box|chambre|ch|room|bett|bettplatz|bettnummer|zimmer)( (id|n|nr|no|number|numero|nummer|name|label))?$/;

/** Errors of cells that can be left out: the value is then as if it had not been measured. An age cannot. */
const DROPPABLE = ["table.cell", "table.cell_unit", "table.ambiguous"];
const isDroppable = ({ columns }) => ({ key, column }) => DROPPABLE.includes(key) && columns[column]?.name !== "age";

/** Columns that may tell the patients apart: `{at, text}`. */
export const labelColumns = (columns) => columns.map(({ text, kind }, at) => ({ at, text, kind })).filter(({ text, kind }) => kind === "other" && text !== "");

/**
 * Positions of the columns that tell the patients apart (`keys`), and of those with their beds.
 * @param chosen one position, or "" for none; undefined: as recognised.
 */
function patientColumns(columns, chosen) {
  if (chosen !== undefined) return { keys: chosen === "" ? [] : [Number(chosen)], beds: [] };
  const free = labelColumns(columns);
  const ids = free.filter(({ at }) => columns[at].role === "patient").map(({ at }) => at);
  const beds = free.filter(({ text }) => BED.test(plain(text))).map(({ at }) => at);
  return ids.length ? { keys: ids, beds } : { keys: beds, beds: [], isBedOnly: true };
}

/**
 * Rows by patient, in the order of the table: `[{label, rows}]`. A row without a label belongs to the one above,
 * unless it is of another bed.
 */
function byPatient(rows, { keys, beds }) {
  const groups = new Map();
  let nFilled = 0;
  let key = "";
  let bed = "";
  for (const row of rows) {
    const texts = (columns) => columns.map((at) => row.cells[at]).filter((text) => !isMissing(text)).join(" · ");
    const [id, ownBed] = [texts(keys), texts(beds)];
    if (id) key = `id ${id}`;
    else if (ownBed && ownBed !== bed) key = `bed ${ownBed}`;
    else if (keys.length) nFilled += 1;
    bed = ownBed || bed;
    if (!groups.has(key)) groups.set(key, { id, bed: "", rows: [] });
    const group = groups.get(key);
    group.rows.push(row);
    group.bed = ownBed || group.bed;
  }
  const label = (group) => [group.bed, group.id].filter(Boolean).join(" · ");
  return { groups: [...groups.values()].map((group) => ({ label: label(group), rows: group.rows })), nFilled };
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
 * @returns `{columns, rows, errors, skipped, beds, recognised, nFilled, isOpen, isReadable, isBedAsked}`; a bed is
 *   `{label, table, faults, isDroppable}`; null when there is no text.
 */
export function readBeds(text, headers, answers) {
  const whole = readColumns(text, headers, answers);
  if (!whole) return null;
  const recognised = patientColumns(whole.columns).keys.map((at) => whole.columns[at].text);
  const found = patientColumns(whole.columns, answers.bed);
  const labels = [...found.keys, ...found.beds];
  whole.columns = whole.columns.map((column, at) => (labels.includes(at) ? { ...column, role: "bed" } : column));
  const isReadable = whole.errors.length === 0;
  const { groups, nFilled } = isReadable ? byPatient(whole.rows, found) : { groups: [], nFilled: 0 };
  const beds = groups.map(({ label, rows }) => {
    const name = found.keys.length ? label : (answers.only ?? "");
    const table = readStay({ ...whole, rows }, headers, { ...answers, first: answers.firsts[name] });
    const faults = faultsOf(table, name, found.isBedOnly);
    return { label: name, table, faults, isDroppable: faults.every(isDroppable(table)) };
  });
  return { ...whole, isReadable, beds, nFilled, recognised, isBedAsked: isReadable && found.keys.length === 0 && answers.bed === undefined };
}
