// The estimate: request, answer, and whether the answer shown is of the data in the form.

import { $, h } from "./dom.js";
import { Answer, answerInWords } from "./answer.js";
import { showAnswer } from "./answer_view.js";
import { ServiceError, callService, hasKey } from "./api.js";
import { asCurl, asText, copy, download } from "./exports.js";
import { t } from "./i18n.js";
import { askKey } from "./key_dialog.js";

const PATH = "predict/patient?include=trend&include=contributions&include=scores";
const DROP = "&on_incoherence=drop";

export class Estimate {
  /**
   * @param stay the data of the form.
   * @param page `{form, problems, model, loadModel, showWelcome, giveToBoard}`.
   */
  constructor(stay, page) {
    Object.assign(this, { stay, page, answer: null, sent: null, pending: null, before: null, isShown: false, redraw: () => {} });
    $("cancel").addEventListener("click", () => this.stop());
  }

  /** Ask the service; a request on its way for other data is given up. */
  async run({ drop = false } = {}) {
    const { stay, page } = this;
    const fingerprint = stay.fingerprint();
    if (this.pending?.fingerprint === fingerprint && this.pending.drop === drop) return;
    this.stop();
    stay.sortHours();
    page.form.show();
    const { body, problems } = stay.request({ drop });
    page.problems.clear();
    if (problems.length) page.problems.show({ kind: "refused", problems });
    else await this.send({ path: drop ? PATH + DROP : PATH, body: JSON.stringify(body), stay: stay.copy(), fingerprint: stay.fingerprint(), drop });
  }

  async send(sent) {
    const pending = Object.assign(new AbortController(), sent);
    this.setPending(pending);
    try {
      const options = { body: sent.body, askKey, signal: pending.signal, onSlow: () => ($("status").textContent = t("status.slow")) };
      const content = await callService(sent.path, options);
      if (content.model.version !== this.page.model?.version) await this.page.loadModel();
      // An answer for data that have changed since is dropped.
      if (this.pending === pending && this.stay.fingerprint() === sent.fingerprint) this.receive(content, sent);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      if (this.pending === pending && error.kind !== "cancelled") this.page.problems.show(error);
    } finally {
      if (this.pending === pending) this.setPending(null);
    }
  }

  receive(content, sent) {
    // Asked again about the same data, an answer is compared with the same one before.
    if (this.answer && this.sent.fingerprint !== sent.fingerprint) this.before = this.isSameStay ? this.answer.content : null;
    const answer = new Answer(content, sent.stay, new Date(), { model: this.page.model, before: this.before });
    Object.assign(this, { sent, answer, isSameStay: true });
    this.show();
    $("said").textContent = answerInWords(this.answer);
    $("answer-title").focus();
    $("answer").scrollIntoView({ block: "start" });
  }

  /** Give up the request on its way. */
  stop(key = null) {
    if (!this.pending) return;
    const pending = this.pending;
    this.setPending(null);
    if (key) $("status").textContent = t(key);
    pending.abort();
  }

  setPending(pending) {
    if (!pending && document.activeElement === $("cancel")) $("submit").focus();
    this.pending = pending;
    $("submit").setAttribute("aria-disabled", String(pending !== null));
    $("cancel").hidden = pending === null;
    $("status").textContent = pending ? t("status.asking") : "";
    $("answer").setAttribute("aria-busy", String(pending !== null));
  }

  /** Whether the answer is of the data in the form. */
  get isCurrent() {
    return this.answer !== null && this.sent.fingerprint === this.stay.fingerprint();
  }

  /**
   * The data in the form may have changed: mark the answer, or remove it if they were replaced.
   * The same data again, as after an undo, have their answer again.
   */
  refresh({ isReplaced = false } = {}) {
    if (this.pending && this.pending.fingerprint !== this.stay.fingerprint()) this.stop("status.changed");
    if (this.answer === null) return;
    if (isReplaced) this.isSameStay = this.isCurrent;
    if (this.isCurrent && !this.isShown) this.show();
    else if (!this.isCurrent && isReplaced) this.remove();
    else this.mark();
  }

  remove() {
    this.isShown = false;
    this.redraw = () => {};
    $("said").textContent = "";
    this.mark();
    this.page.showWelcome();
  }

  mark() {
    const isOld = this.isShown && !this.isCurrent;
    const { at, hours } = this.stay;
    const isOtherHour = this.isShown && !isOld && at !== hours.length - 1;
    const text = isOld ? t("answer.stale") : isOtherHour ? t("answer.other_hour") : "";
    if ($("stale").textContent !== text) $("stale").textContent = text;
    $("answer").classList.toggle("stale", isOld);
  }

  /** Render the answer in the language of the page. */
  show() {
    const { answer, sent } = this;
    this.isShown = true;
    const button = (key, action) => h("button", { type: "button", onclick: action }, t(key));
    const copyAction = (text) => async () => {
      try {
        await copy(text());
        $("said-action").textContent = t("action.copied");
      } catch {
        $("said-action").textContent = t("action.not_copied");
      }
    };
    const actions = [
      button("action.print", () => window.print()),
      button("action.copy", copyAction(() => asText(answer))),
      button("action.curl", copyAction(() => asCurl(sent.path, sent.body, { needsKey: hasKey() }))),
      button("action.request", () => download("sepsis-request.json", sent.body)),
      button("action.answer", () => download("sepsis-answer.json", JSON.stringify(answer.content, null, 2))),
      button("action.ward", () => this.page.giveToBoard(answer.stay)),
      h("span", { id: "said-action", role: "status" }),
    ];
    this.redraw = showAnswer(answer, actions, (warning) => this.page.problems.repairButtons(warning));
    this.mark();
  }
}
