// Texts and number formats of the two languages. Labels of variables and messages come from the
// service in both languages; the texts of the page are in en.json and fr.json, others in files with a prefix.

const WORDS = {};
const FILES = {};
const prefixes = new Set([""]);
const LOCALES = { en: "en-GB", fr: "fr-FR" };
export const LANGUAGES = Object.keys(LOCALES);

let language = "en";

export const lang = () => language;

/** Use the texts of more files: `table_` of table_en.json. They replace those of earlier files. */
export const useTexts = (...more) => more.forEach((prefix) => prefixes.add(prefix));

/** Load the texts of a language; each file once. */
export async function loadLanguage(name) {
  const load = async (prefix) => (FILES[prefix + name] ??= await (await fetch(`web/${prefix}${name}.json`)).json());
  WORDS[name] = Object.assign({}, ...(await Promise.all([...prefixes].map(load))));
}

/** The language of the address, else the browser's. */
export function preferredLanguage() {
  const requested = new URLSearchParams(location.search).get("lang");
  const preferred = [requested, ...navigator.languages].map((tag) => (tag ?? "").slice(0, 2));
  return preferred.find((tag) => LANGUAGES.includes(tag)) ?? "en";
}

export function setLanguage(name) {
  language = name;
  document.documentElement.lang = name;
  setTitle();
  for (const link of document.querySelectorAll("a[data-keeps-language]")) link.search = `?lang=${name}`;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", t(element.dataset.tLabel));
}

/** Set the title of the page, which says when there are errors. */
export function setTitle({ isError = false } = {}) {
  document.title = (isError ? t("title.error") : "") + t("title");
}

/** A text by its key; `{name}` is replaced, and `n` selects `key.one` or `key.other`. */
export function t(key, values = {}) {
  const words = WORDS[language];
  let text = words[key];
  if (text === undefined && "n" in values) {
    text = words[`${key}.${new Intl.PluralRules(LOCALES[language]).select(values.n)}`] ?? words[`${key}.other`];
  }
  if (text === undefined) throw new Error(`no words for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? number(values[name]) : values[name]));
}

/** A field of the service in the language of the page: `label` reads `label_en` or `label_fr`. */
export const local = (object, name) => object[`${name}_${language}`];

/** A message of the service with typographic spaces; the English field has no suffix. */
export function serviceText(problem, name) {
  const text = (language === "fr" ? problem[`${name}_fr`] : problem[name]) ?? null;
  const whole = text?.replaceAll("'", "’").replace(/\b(Positive|Negative)\b/g, (word) => t(word)).replace(/(\d) (?=[%°]|mmHg|h\b|[^ ]*\/)/g, "$1\u00a0") ?? null;
  return language === "fr" && whole ? whole.replace(/ (?=[;:?!»%])|(?<=«) /g, "\u00a0") : whole;
}

export function number(value, digits = 4) {
  return value.toLocaleString(LOCALES[language], { maximumSignificantDigits: digits });
}

/** A number with its sign, to a tenth: `+2.1`. */
const signed = (value) => value.toLocaleString(LOCALES[language], { signDisplay: "exceptZero", minimumFractionDigits: 1, maximumFractionDigits: 1 }).replace("-", "−");

/** Whether a number with one decimal goes with a plural: in French from 2. */
const isPlural = (value) => new Intl.PluralRules(LOCALES[language], { minimumFractionDigits: 1, maximumFractionDigits: 1 }).select(Math.abs(value)) !== "one";

const fixedPercent = (share, decimals) => share.toLocaleString(LOCALES[language], { style: "percent", minimumFractionDigits: decimals, maximumFractionDigits: decimals });

/** A probability or share in percent: whole from 10 % on, with one decimal below. */
export const percent = (share) => (share < 0.0005 ? `< ${fixedPercent(0.0005, 2)}` : fixedPercent(share, Math.round(1000 * share) < 100 ? 1 : 0));

/** A round share in percent, without needless decimals, for an axis. */
export const roundPercent = (share) => Number(share.toFixed(5)).toLocaleString(LOCALES[language], { style: "percent", maximumFractionDigits: 2 });

/** A risk and its threshold in percent, with as many decimals as tell them apart. */
export function riskAndThreshold(probability, threshold) {
  const both = [probability, threshold];
  const texts = [percent, ...[1, 2, 3, 4].map((decimals) => (share) => fixedPercent(share, decimals))].map((write) => both.map(write));
  return texts.find(([risk, limit]) => risk !== limit) ?? texts[0];
}

/** Points of percent: `+2.1 points`. */
export const pointsInWords = (points) => t(isPlural(points) ? "reasons.points" : "reasons.point", { points: signed(points) });

/** The age of a value. */
export const ago = (hours) => (hours === 0 ? t("age.now") : t("age.ago", { hours }));

export const dateTime = (date) => date.toLocaleString(LOCALES[language], { dateStyle: "short", timeStyle: "short" });

/** A colon with the spaces of the language. */
export const colon = () => (language === "fr" ? "\u00a0: " : ": ");

const GROUPED = /^[+-]?\d{1,3}([\s ]\d{3})+([.,]\d+)?$/;
const PLAIN = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?$/i;

/** Parse a number such as `37,2`, `37.2`, `150 000` or `−2`; NaN if it is none. */
export function readNumber(text) {
  const plain = text.trim().replace("−", "-").replace(/\u202f|\u00a0/g, " ");
  if (!PLAIN.test(plain) && !GROUPED.test(plain)) return NaN;
  return Number(plain.replace(/ /g, "").replace(",", "."));
}

export const decimalSign = () => (language === "fr" ? "," : ".");

/** Format a number for a field: no grouping, the decimal sign of the language; whole digits are kept. */
export function writeNumber(value, digits = 5) {
  const whole = Math.floor(Math.log10(Math.abs(value) || 1)) + 1;
  return String(Number(value.toPrecision(Math.max(digits, whole)))).replace(".", decimalSign());
}
