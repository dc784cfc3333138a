// Taking the answer along: as text, as JSON, as the command that asks again.

import { h } from "./dom.js";
import { MOST_REASONS, answerInWords, missingOf, pointsOf, reachedOf } from "./answer.js";
import { ago, dateTime, local, said, t } from "./i18n.js";

/** The answer as plain text, for a record; other software knows neither narrow spaces nor curved signs. */
export function asText(shown) {
  const { answer, askedAt } = shown;
  const reason = (contribution) => {
    const { label, shown: value, reference, age, direction } = shown.reason(contribution);
    const about = [age, reference].filter(Boolean).join("; ");
    return `- ${label}: ${value}${about ? ` (${about})` : ""}: ${direction}`;
  };
  const score = (each) => {
    const missing = missingOf(each);
    return `- ${local(each, "label")}: ${pointsOf(each)}, ${reachedOf(each)}${missing.length ? `; ${t("scores.missing", { items: missing.join(", ") })}` : ""}`;
  };
  const value = ({ variable, text, age }) => `- ${shown.stay.label(variable.name)}: ${text}` + (age ? ` (${ago(age)})` : "");
  const part = (name, lines) => (lines.length ? ["", t(`part.${name}`), ...lines] : []);
  return [
    `Sepsis Detect, ${dateTime(askedAt)}`,
    answerInWords(shown),
    `${t("verdict.model")}: ${answer.model.name} ${answer.model.version}`,
    ...part("warnings", answer.warnings.map((warning) => `- ${said(warning, "msg")}`)),
    ...part("reasons", answer.contributions.slice(0, MOST_REASONS).map(reason)),
    ...part("scores", answer.scores.map(score)),
    ...part("values", [...shown.patient().map((each) => `- ${each.join(": ")}`), ...shown.lastValues().map(value)]),
    "",
    t("notice"),
    "",
  ]
    .join("\n")
    .replace(/[\u00a0\u202f]/g, " ")
    .replaceAll("’", "'");
}

/** The same request for a shell; a key is named, never shown. */
export function asCurl(path, body, { needsKey }) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const key = needsKey ? ' -H "Authorization: Bearer $SEPSIS_KEY"' : "";
  return `curl -s ${quoted(new URL(path, location.href.split("?")[0]).href)} -H 'Content-Type: application/json'${key} -d ${quoted(body)}`;
}

export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** Put a text on the clipboard; where there is none (http), through a selection. */
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
  if (!isCopied) throw new Error("the browser lets nothing be copied");
}
