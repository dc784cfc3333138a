// Entry point of the ward board: connects the table, the service and the board. Nothing is stored.

import { $, h } from "./dom.js";
import { ServiceError, callService } from "./api.js";
import { download } from "./exports.js";
import { LANGUAGES, lang, loadLanguage, preferredLanguage, serviceText, setLanguage, t, useTexts } from "./i18n.js";
import { askKey } from "./key_dialog.js";
import { showSilentMode } from "./silent.js";
import { Stay } from "./stay.js";
import { setSpellings } from "./units.js";
import { Bed } from "./ward_bed.js";
import { countsInWords, showBoard } from "./ward_board.js";
import { exampleBeds } from "./ward_example.js";
import { asCsv } from "./ward_export.js";
import { acceptPatients, showGiven } from "./ward_given.js";
import { WardInput } from "./ward_input.js";
import { openPatient, watchSize } from "./ward_patient.js";

const PATH = "predict/patients?include=trend&include=contributions&include=scores";
const DROP = "&on_incoherence=drop";
const NOTHING = { beds: [], decided: [], fingerprint: null, isExample: false };

const page = { service: null, model: null, input: null, pending: null, cleared: null, board: NOTHING };

async function start() {
  useTexts("table_", "ward_");
  await changeLanguage(preferredLanguage());
  for (const name of LANGUAGES) $(`lang-${name}`).addEventListener("click", () => changeLanguage(name, { isChosen: true }));
  $(`system-${lang() === "fr" ? "si" : "conventional"}`).checked = true;
  for (const radio of document.querySelectorAll("[name=system]")) radio.addEventListener("change", () => page.input?.show());
  $("ward-example").addEventListener("click", () => estimate(exampleBeds(newStay), { isExample: true, fingerprint: null }));
  $("ward-add").addEventListener("click", () => estimate(bedsOfTable(), { isAdded: true }));
  $("cancel").addEventListener("click", () => page.pending?.abort());
  $("board-print").addEventListener("click", () => window.print());
  $("board-export").addEventListener("click", () => download("ward.csv", asCsv([...page.board.decided, ...page.board.beds]), "text/csv"));
  $("board-clear").addEventListener("click", clear);
  $("board-undo").addEventListener("click", undo);
  addEventListener("beforeunload", (event) => {
    const { beds, isExample } = page.board;
    if ((beds.length && !isExample) || $("several-text").value.trim()) event.preventDefault();
  });
  watchSize();
  await loadService();
}

/** Load the variables and the model. */
async function loadService() {
  try {
    $("status").textContent = t("status.loading");
    page.service ??= await callService("variables", { askKey });
    page.model = await callService("model", { askKey });
    setSpellings(page.service.unit_spellings);
    page.input ??= new WardInput(page.service, { system, use: () => estimate(bedsOfTable()), keep: keepText, change: showChange });
    $("ward-example").disabled = false;
    $("problems").replaceChildren();
    acceptPatients(addGiven);
  } catch (error) {
    showFailure(error, loadService);
  } finally {
    $("status").textContent = "";
  }
}

async function changeLanguage(name, { isChosen = false } = {}) {
  await loadLanguage(name);
  setLanguage(name);
  for (const each of LANGUAGES) $(`lang-${each}`).setAttribute("aria-pressed", String(each === name));
  if (isChosen) history.replaceState(null, "", `?lang=${name}`);
  $("problems").replaceChildren();
  page.input?.show();
  showGiven();
  show();
  showSilentMode();
}

const system = () => ($("system-si").checked ? "si" : "conventional");

/** An empty stay with the variables of the service; `Unit1` and `Unit2` are one, `icu_unit`. */
function newStay(content) {
  const stay = new Stay([...new Map(page.service.variables.map((variable) => [variable.name, variable])).values()]);
  stay.system = system();
  stay.replace(content);
  stay.localise();
  return stay;
}

const bedsOfTable = () => page.input.table.beds.map((found) => new Bed(found.label, newStay(found.table), found));

/** Called when the table or what was chosen for it has changed: an estimate on its way is given up. */
function showChange(input) {
  $("several-use").disabled = !input.isComplete;
  $("ward-add").disabled = !input.isComplete;
  if (page.pending && !page.pending.isDrop) page.pending.abort();
  const isOther = page.board.beds.length > 0 && input.table !== null && input.fingerprint !== page.board.fingerprint;
  $("stale").textContent = isOther ? t("ward.stale") : "";
}

/** Add a patient of the form to the board, in place of an example. Whether it was estimated. */
const addGiven = (label, content) => estimate([new Bed(label, newStay(content))], { isAdded: !page.board.isExample, fingerprint: page.board.fingerprint });

/**
 * Estimate beds and show them: alone, or with `isAdded` beside the other beds of the board.
 * @param fingerprint of the table that the board then shows.
 */
async function estimate(beds, { isAdded = false, isExample = false, fingerprint = page.input.fingerprint } = {}) {
  if (page.pending || !(await ask(beds, { retry: () => estimate(beds, { isAdded, isExample, fingerprint }) }))) return false;
  const { beds: old, decided, isExample: wasExample } = page.board;
  const labels = new Set(beds.map(({ label }) => label));
  const isReplaced = (bed) => !isAdded || labels.has(bed.label);
  const keptDecisions = wasExample ? [] : old.filter((bed) => bed.decision && isReplaced(bed));
  page.board = {
    beds: [...old.filter((bed) => !isReplaced(bed)), ...beds],
    decided: wasExample ? [] : [...decided, ...keptDecisions],
    fingerprint,
    isExample: isExample && !isAdded,
  };
  page.cleared = null;
  $("several").open = false;
  show();
  showChange(page.input);
  $("board-title").focus();
  $("board").scrollIntoView({ block: "start" });
  return true;
}

/** Ask the service about beds; the others keep their faults. Whether there is something to show. */
async function ask(beds, { drop = false, retry }) {
  const sent = beds.filter((bed) => bed.canBeSent({ drop }));
  $("problems").replaceChildren();
  if (sent.length === 0) return true;
  setPending(Object.assign(new AbortController(), { isDrop: drop }));
  try {
    const body = JSON.stringify({ patients: sent.map((bed) => bed.stay.request({ drop }).body) });
    const options = { body, askKey, signal: page.pending.signal, onSlow: () => ($("status").textContent = t("status.slow")) };
    const { results } = await callService(drop ? PATH + DROP : PATH, options);
    const askedAt = new Date();
    results.forEach((result, at) => sent[at].receive(result, askedAt, page.model));
    return true;
  } catch (error) {
    showFailure(error, retry);
    return false;
  } finally {
    setPending(null);
  }
}

async function drop(bed) {
  if (page.pending || !(await ask([bed], { drop: true, retry: () => drop(bed) }))) return;
  bed.isDropped = true;
  show();
  openButtonOf(bed)?.focus();
}

function setPending(pending) {
  if (!pending && document.activeElement === $("cancel")) $("several-use").focus();
  page.pending = pending;
  $("cancel").hidden = pending === null;
  $("status").textContent = pending ? t("status.asking") : "";
  $("board").setAttribute("aria-busy", String(pending !== null));
}

/** Show why a request failed; what is on the board stays. */
function showFailure(error, retry) {
  if (!(error instanceof ServiceError)) throw error;
  const { kind, problems, status, retryAfter } = error;
  if (kind === "cancelled") return;
  const title = kind === "too_large" || kind === "refused" ? t("ward.refused") : t(`problem.${kind}`, { status, n: retryAfter ?? 5 });
  const heading = h("h3", { id: "problems-title", tabindex: "-1" }, title);
  const details = problems.map((problem) => h("p", {}, serviceText(problem, "msg")));
  const advice = h("p", {}, t(kind === "too_large" || kind === "refused" ? "ward.fewer" : "problem.kept"));
  const again = h("p", { class: "buttons" }, h("button", { type: "button", onclick: retry }, t("problem.retry")));
  $("problems").replaceChildren(h("div", { class: "summary", role: "group", "aria-labelledby": "problems-title" }, heading, details, advice, again));
  heading.focus();
}

/** Render the board in the language of the page. */
function show() {
  const { beds } = page.board;
  const isShown = beds.length > 0;
  for (const id of ["board-print", "board-export", "board-clear"]) $(id).hidden = !isShown;
  $("ward-add").hidden = !isShown || page.board.isExample;
  $("board-undo").hidden = page.cleared === null;
  if (!isShown) {
    $("board-content").replaceChildren(h("p", { class: "hint" }, t("ward.empty")));
    return;
  }
  const actions = { open: openPatient, drop, decide: () => {}, before: (bed) => page.board.decided.findLast(({ label }) => label === bed.label)?.decision };
  showBoard(beds, page.model, actions);
  $("said").textContent = countsInWords(beds);
}

const openButtonOf = (bed) => [...document.querySelectorAll(".board .open")].find(({ textContent }) => textContent === bed.label);

/** Keep the text of the table before it is cleared, for an undo. */
function keepText() {
  const text = $("several-text").value;
  $("several-undo").hidden = text === "";
  $("several-undo").onclick = () => {
    $("several-undo").hidden = true;
    page.input.write(text);
    $("several-text").focus();
  };
}

function clear() {
  Object.assign(page, { cleared: page.board, board: NOTHING });
  show();
  $("said").textContent = t("ward.cleared");
  $("stale").textContent = "";
  $("board-undo").focus();
}

function undo() {
  Object.assign(page, { board: page.cleared, cleared: null });
  show();
  showChange(page.input);
  $("board-title").focus();
}

start();
