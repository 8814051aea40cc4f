// The admin API, with the session's cookie and its token against forged requests.

export const session = { actor: null, role: null, csrf: "", tenants: [] };

/** An answer that is no success. */
export class Refused extends Error {
  constructor(status, body) {
    super(body?.title || body?.message || `the answer was ${status}`);
    this.status = status;
    this.body = body;
  }
}

async function call(method, path, body, type) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-Csrf-Token"] = session.csrf;
  if (body !== undefined) headers["Content-Type"] = type ?? "application/json";
  const sent = body === undefined || type ? body : JSON.stringify(body);
  const response = await fetch(path, { method, headers, body: sent, credentials: "same-origin" });
  const media = response.headers.get("content-type") ?? "";
  const answer = media.includes("json") ? await response.json() : await response.text();
  if (!response.ok) {
    if (response.status === 401 && path !== "v1/session") dispatchEvent(new Event("signed-out"));
    throw new Refused(response.status, answer);
  }
  return answer;
}

export const get = (path) => call("GET", path);
export const post = (path, body, type) => call("POST", path, body ?? {}, type);
export const put = (path, body, type) => call("PUT", path, body, type);
export const remove = (path) => call("DELETE", path);
/** A form with a file. */
export async function postForm(path, form) {
  const response = await fetch(path, { method: "POST", body: form, headers: { "X-Csrf-Token": session.csrf } });
  const answer = await response.json();
  if (!response.ok) throw new Refused(response.status, answer);
  return answer;
}
/** May this session change what only operators change? */
export const isOperator = () => session.role === "operator";
export const mayWrite = () => session.role !== "read";
