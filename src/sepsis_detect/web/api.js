// Asking the service. A key is asked for when the service wants one and kept in memory alone.

const SLOW_AFTER = 4000; // ms
const GIVE_UP_AFTER = 60000; // ms

let key = null;

export const hasKey = () => key !== null;

/** What went wrong: `kind` chooses the words, `problems` are the service's own. */
export class AskError extends Error {
  constructor(kind, { status = 0, problems = [], retryAfter = null } = {}) {
    super(kind);
    Object.assign(this, { kind, status, problems, retryAfter });
  }
}

const KINDS = { 401: "key", 408: "late", 413: "too_large", 422: "refused", 429: "busy", 503: "busy", 504: "late" };

/**
 * Ask, and ask again with a key when that is what is missing.
 * @param askKey resolves to a key, or to null when there is none.
 * @param onSlow called when the answer takes long.
 * @param signal ends the request when the person has waited enough.
 */
export async function ask(path, { body, askKey, onSlow = () => {}, signal } = {}) {
  for (let isWrong = false; ; isWrong = true) {
    try {
      return await once(path, body, onSlow, signal);
    } catch (error) {
      if (error.kind !== "key") throw error;
      const wasSent = hasKey();
      key = null;
      key = await askKey({ isWrong: isWrong || wasSent });
      if (key === null) throw error;
    }
  }
}

async function once(path, body, onSlow, signal) {
  const ending = new AbortController();
  const cancel = () => ending.abort("cancelled");
  signal?.addEventListener("abort", cancel);
  const slow = setTimeout(onSlow, SLOW_AFTER);
  const late = setTimeout(() => ending.abort("late"), GIVE_UP_AFTER);
  try {
    const headers = key === null ? {} : { Authorization: `Bearer ${key}` };
    const options = { headers, signal: ending.signal, cache: "no-store", credentials: "same-origin" };
    if (body !== undefined) {
      Object.assign(options, { method: "POST", body });
      headers["Content-Type"] = "application/json";
    }
    return await read(await fetch(path, options));
  } catch (error) {
    if (error instanceof AskError) throw error;
    throw new AskError(ending.signal.aborted ? ending.signal.reason : "unreachable");
  } finally {
    clearTimeout(slow);
    clearTimeout(late);
    signal?.removeEventListener("abort", cancel);
  }
}

async function read(response) {
  let content = null;
  const text = await response.text();
  try {
    content = JSON.parse(text);
  } catch {
    // A proxy in between answers in HTML: the status says enough.
  }
  if (response.ok && content !== null) return content;
  const problems = Array.isArray(content?.detail) ? content.detail : [];
  const retryAfter = Number(response.headers.get("Retry-After")) || null;
  throw new AskError(KINDS[response.status] ?? "failed", { status: response.status, problems, retryAfter });
}
