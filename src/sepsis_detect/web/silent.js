// The banner of the silent mode, as `GET /health` states it.

import { $ } from "./dom.js";
import { ServiceError, callService } from "./api.js";
import { t } from "./i18n.js";

/** Show the banner if the service is silent. A service that is not healthy shows its failure elsewhere. */
export async function showSilentMode() {
  try {
    const { silent } = await callService("health");
    $("silent").hidden = !silent;
    if (silent) $("silent").textContent = t("silent");
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
  }
}
