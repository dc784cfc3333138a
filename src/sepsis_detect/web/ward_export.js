// The board as CSV for a spreadsheet, in the language of the page.

import { dateTime, lang, t } from "./i18n.js";

const COLUMNS = ["bed", "state", "risk_percent", "threshold_percent", "change_points", "icu_hour", "vital_age_hours", "decision", "reason", "decided_at", "estimated_at", "model"];
const FORMULA = /^[=+\-@\t\r]/; // spreadsheets would run such a text

/** A number to at most two decimals, with the decimal sign of the language. */
const figure = (value) => (value === null || value === undefined ? "" : String(Number(value.toFixed(2))).replace(".", lang() === "fr" ? "," : "."));

const text = (words) => (FORMULA.test(words) ? `'${words}` : words);

function cellsOf(bed) {
  const { answer, decision } = bed;
  const content = answer?.content;
  return [
    text(bed.label),
    t(`ward.state.${bed.state}`),
    figure(content && 100 * content.probability),
    figure(content && 100 * content.threshold),
    figure(content && bed.change),
    figure(content?.icu_hour),
    figure(content && bed.vitalAge),
    decision ? t(`ward.decision.${decision.kind}`) : "",
    text(decision?.reason ?? ""),
    decision ? dateTime(decision.at) : "",
    answer ? dateTime(answer.askedAt) : "",
    content ? `${content.model.name} ${content.model.version}` : "",
  ];
}

/** The CSV of beds: semicolons and decimal commas in French, as its spreadsheets expect. */
export function asCsv(beds) {
  const separator = lang() === "fr" ? ";" : ",";
  const quoted = (cell) => (/[",;\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const rows = [COLUMNS.map((name) => t(`ward.csv.${name}`)), ...beds.map(cellsOf)];
  // The byte order mark tells spreadsheets that this is UTF-8.
  return "\ufeff" + rows.map((cells) => cells.map(quoted).join(separator)).join("\r\n") + "\r\n";
}
