// Client of the service. The API key is asked for when required, and kept in memory only.

const SLOW_AFTER_MS = 4000;
const TIMEOUT_MS = 60000;

let key = null;

export const hasKey = () => key !== null;

/** A failed request: `kind` selects the text, `problems` come from the service. */
export class ServiceError extends Error {
  constructor(kind, { status = 0, problems = [], retryAfter = null } = {}) {
    super(kind);
    Object.assign(this, { kind, status, problems, retryAfter });
  }
}

const KINDS = { 401: "key", 408: "late", 413: "too_large", 422: "refused", 429: "busy", 503: "busy", 504: "late" };

/**
 * Send a request; if the service requires a key, ask the user for it and send again.
 * @param askKey resolves to a key, or to null if the user has none.
 * @param onSlow called if the answer takes longer than usual.
 * @param signal cancels the request.
 */
export async function callService(path, { body, askKey, onSlow = () => {}, signal } = {}) {
  for (let isWrong = false; ; isWrong = true) {
    try {
      return await sendOnce(path, body, onSlow, signal);
    } catch (error) {
      if (error.kind !== "key") throw error;
      const wasSent = hasKey();
      key = null;
      key = await askKey({ isWrong: isWrong || wasSent });
      if (key === null) throw error;
    }
  }
}

async function sendOnce(path, body, onSlow, signal) {
  const ending = new AbortController();
  const cancel = () => ending.abort("cancelled");
  signal?.addEventListener("abort", cancel);
  const slow = setTimeout(onSlow, SLOW_AFTER_MS);
  const late = setTimeout(() => ending.abort("late"), TIMEOUT_MS);
  try {
    const headers = key === null ? {} : { Authorization: `Bearer ${key}` };
    const options = { headers, signal: ending.signal, cache: "no-store", credentials: "same-origin" };
    if (body !== undefined) {
      Object.assign(options, { method: "POST", body });
      headers["Content-Type"] = "application/json";
    }
    return await read(await fetch(path, options));
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    throw new ServiceError(ending.signal.aborted ? ending.signal.reason : "unreachable");
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
    // A proxy may answer in HTML: the status is enough.
  }
  if (response.ok && content !== null) return content;
  const problems = Array.isArray(content?.detail) ? content.detail : [];
  const retryAfter = Number(response.headers.get("Retry-After")) || null;
  throw new ServiceError(KINDS[response.status] ?? "failed", { status: response.status, problems, retryAfter });
}
