// Exports of an answer: plain text, JSON, and a curl command.

import { h } from "./dom.js";
import { MAX_REASONS, answerInWords, missingOf, pointsOf, reachedOf } from "./answer.js";
import { inTypedUnits } from "./problems.js";
import { ago, colon, dateTime, local, serviceText, t } from "./i18n.js";

function certaintyInWords(answer) {
  const { such, change, served } = answer.certainty();
  const missing = answer.missing().join(", ");
  const point = served.length ? [t(answer.late ? "point.title_late" : "point.title"), ...served].join(" ") : null;
  return [such, change, missing && t("certainty.missing", { items: missing }), point].filter(Boolean);
}

/** The answer as plain text for a record: only signs of Latin-1, without typographic apostrophes. */
export function asText(answer) {
  const { content, askedAt } = answer;
  const reason = (contribution) => {
    const { label, text: value, reference, age, points } = answer.reason(contribution);
    const about = [age, reference].filter(Boolean).join(", ");
    return `- ${label}${colon()}${value}${about ? ` (${about})` : ""}${colon()}${points}`;
  };
  const score = (each) => {
    const missing = missingOf(each);
    return `- ${local(each, "label")}${colon()}${pointsOf(each)}, ${reachedOf(each)}${missing && ` (${missing})`}`;
  };
  const value = ({ variable, text, age }) => `- ${answer.stay.label(variable.name)}${colon()}${text}` + (age ? ` (${ago(age)})` : "");
  const part = (name, lines) => (lines.length ? ["", t(`part.${name}`), ...lines] : []);
  return [
    `Sepsis Detect, ${dateTime(askedAt)}`,
    answerInWords(answer),
    ...certaintyInWords(answer),
    `${t("verdict.model")}${colon()}${content.model.name} ${content.model.version}`,
    ...part("warnings", answer.warnings.map((warning) => `- ${inTypedUnits(warning, answer.stay, serviceText(warning, "msg"))}`)),
    ...part("reasons", content.contributions.slice(0, MAX_REASONS).map(reason)),
    ...part("scores", content.scores.map(score)),
    ...part("values", [...answer.patient().map((each) => `- ${each.join(colon())}`), ...answer.lastValues().map(value)]),
    "",
    t("notice"),
    "",
  ]
    .join("\n")
    .replaceAll("\u202f", "\u00a0")
    .replaceAll("’", "'");
}

/** The request as a curl command; the key is an environment variable, not its value. */
export function asCurl(path, body, { needsKey }) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const key = needsKey ? ' -H "Authorization: Bearer $SEPSIS_KEY"' : "";
  return `curl -s ${quoted(new URL(path, location.href.split("?")[0]).href)} -H 'Content-Type: application/json'${key} -d ${quoted(body)}`;
}

export function download(name, text, type = "application/json") {
  const url = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** Copy a text to the clipboard; without the clipboard API (http), through a selection. */
export async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = h("textarea", { class: "visually-hidden", value: text });
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (!isCopied) throw new Error("the browser does not allow copying");
}
