// The hours of a table: numbers, or dates and times of day.

import { readNumber } from "./i18n.js";
import { HOUR } from "./stay.js";
import { isMissing } from "./table_cells.js";

const HOUR_NUMBER = /^(?:h|heures?|hours?|stunde|std\.?)? ?\+? ?(\d+(?:[.,]\d+)?) ?(?:\.|e heure|std\.?|stunden?|hours?|heures?|h)?$/i;
const TIME = /(?:^|[T ])(\d{1,2}) ?(?:[:h]|uhr) ?(\d{2})?(?::\d{2}(?:[.,]\d+)?)? ?(am|pm)?/i;
const DATE = /^(\d{1,4})([./-])(\d{1,2})(?:\2(\d{2,4}))?(?=$|[.,T ])/;
const MINUTES_OF_DAY = 1440;

/** Minutes of the day and the parts of the date, null without one; null if the text is no time. */
function stampOf(text) {
  const [, first, sign, second, third] = DATE.exec(text) ?? [];
  const [, hour, minute = "0", half = ""] = TIME.exec(text) ?? [];
  if (first === undefined && hour === undefined) return null;
  const noon = { am: Number(hour) === 12 ? -12 : 0, pm: Number(hour) === 12 ? 0 : 12 }[half.toLowerCase()] ?? 0;
  const minutes = hour === undefined ? 0 : (Number(hour) + noon) * 60 + Number(minute);
  return { minutes, date: first === undefined ? null : { parts: [first, second, third].map(Number), sign } };
}

/** Minutes since 1970 under an order of day and month; NaN if there is no such date. */
function minutesOf({ minutes, date }, order) {
  const [first, second, third = 0] = date.parts;
  const [year, month, day] = first > 31 ? [first, second, third] : order === "dmy" ? [third, second, first] : [third, first, second];
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= 31)) return NaN;
  return Date.UTC(year || 2000, month - 1, day) / 60000 + minutes;
}

/** Minutes of times of day without a date: a time that goes back is of the next day. */
function overMidnight(stamps) {
  let day = 0;
  return stamps.map(({ minutes }, at) => {
    if (at && minutes < stamps[at - 1].minutes) day += MINUTES_OF_DAY;
    return day + minutes;
  });
}

/** The same for a table that may have the newest time first: whichever lasts less. */
function withoutDates(stamps) {
  const [down, up] = [overMidnight(stamps), overMidnight(stamps.toReversed()).reverse()];
  return up[0] - up.at(-1) < down.at(-1) - down[0] ? up : down;
}

/** Whole hours since the first under each order of day and month that is possible. */
function hoursByOrder(stamps) {
  const since = (minutes) => minutes.map((each) => Math.floor(each / 60) - Math.floor(Math.min(...minutes) / 60));
  if (stamps.every(({ date }) => !date)) return { dmy: since(withoutDates(stamps)) };
  if (!stamps.every(({ date }) => date)) return {};
  const isGerman = stamps.some(({ date }) => date.sign === ".");
  const tried = (isGerman ? ["dmy"] : ["dmy", "mdy"]).map((order) => [order, stamps.map((stamp) => minutesOf(stamp, order))]);
  return Object.fromEntries(tried.filter(([, minutes]) => !minutes.some(Number.isNaN)).map(([order, minutes]) => [order, since(minutes)]));
}

/** Hours from the cells of time columns, joined by row: `{texts, orders, isClock, first}`; null if they are no times. */
function clockHours(texts, { order, first }) {
  const stamps = texts.map(stampOf);
  const known = stamps.filter(Boolean);
  const found = hoursByOrder(known);
  const orders = Object.keys(found);
  if (known.length === 0 || orders.length === 0) return null;
  const isUnclear = orders.length > 1 && String(found.dmy) !== String(found.mdy);
  const chosen = found[order] ?? found[orders[0]];
  const hours = stamps.map((stamp) => (stamp ? chosen[known.indexOf(stamp)] : null));
  const from = readNumber(first ?? "");
  const label = texts[hours.indexOf(0)];
  return {
    texts: hours.map((hour) => (hour === null || Number.isNaN(from) ? "" : String(from + hour))),
    isClock: true,
    orders: isUnclear ? orders : [],
    isOpen: texts.length > 1 && (Number.isNaN(from) || (isUnclear && !found[order])),
    first: label,
  };
}

/**
 * The hours of the rows: `{texts, column, ...}`, texts as in the field for the hour; null if no column has them.
 * @param answers `{order, first}`: `dmy` or `mdy`, and the hour of intensive care at the first time.
 */
export function readHours(columns, rows, answers) {
  const at = columns.findIndex(({ name }) => name === HOUR);
  const cellsOf = (column) => rows.map(({ cells }) => (isMissing(cells[column]) ? "" : cells[column]));
  const isClock = (text) => TIME.test(text) && !(at >= 0 && !columns[at].role && /h$/i.test(text));
  const numbers = at < 0 ? [] : cellsOf(at).map((text) => (isClock(text) ? undefined : HOUR_NUMBER.exec(text)?.[1]));
  const isNumbers = numbers.filter((each) => each !== undefined).length * 2 > cellsOf(Math.max(at, 0)).filter(Boolean).length;
  if (at >= 0 && isNumbers) return { texts: cellsOf(at).map((text, row) => numbers[row] ?? text), column: at };
  const ofRole = (role) => columns.findIndex((column) => column.role === role);
  const [date, time] = [ofRole("date"), at >= 0 ? at : ofRole("time")];
  const joined = rows.map((_, row) => [date, time].filter((each) => each >= 0).map((each) => cellsOf(each)[row]).filter(Boolean).join(" "));
  const clock = clockHours(joined, answers);
  if (clock) return { ...clock, column: time >= 0 ? time : date };
  return at >= 0 ? { texts: cellsOf(at), column: at } : null;
}
