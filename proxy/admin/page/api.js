// The proxy's API. The token stays in this tab's session storage, and is asked for when the API wants it.

import { $ } from "/page/dom.js";

const KEY = "hookshift-token";
let open = false; // is it known that reading is allowed?

export class ApiError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

function headers() {
  const token = sessionStorage.getItem(KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function fail(response) {
  let detail = response.statusText;
  try {
    detail = (await response.json()).detail ?? detail;
  } catch { /* not every answer is ours */ }
  if (response.status === 401) forget();
  throw new ApiError(response.status, detail);
}

async function request(path, options = {}) {
  const response = await fetch(path, { ...options, headers: headers(), cache: "no-store", credentials: "omit" });
  return response.ok ? response : fail(response);
}

// "none" (the proxy has no token), "missing", "wrong" or "right".
export async function access() {
  const { token } = await (await request("/api/access")).json();
  open = token === "none" || token === "right";
  return token;
}

function forget() {
  sessionStorage.removeItem(KEY);
  open = false;
}

// Asked beforehand, because a refusal would stand as an error in the browser's console.
async function knock() {
  if (!open) await access();
  if (!open) throw new ApiError(401, "Give the token (button above) to see how the proxy stands.");
}

export async function get(path) {
  await knock();
  return (await request(path)).json();
}

// A change: asks for the token until it is right; null where the person gives up.
export async function post(path) {
  for (let state; (state = await access()) !== "right";) {
    if (state === "none") throw new ApiError(403, "Changes need a token, and the proxy has none: set admin.token.");
    if (!(await askToken(state === "wrong" ? "That token is not the right one." : "Delivering again is a change, and needs the token."))) return null;
  }
  return (await request(path, { method: "POST" })).json();
}

// Resolves to whether there is a token now.
export function askToken(words) {
  const dialog = $("#ask-token");
  if (dialog.open) return Promise.resolve(false);
  $("#token-words").textContent = words;
  $("#token").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const submit = (event) => {
      event.preventDefault();
      forget();
      sessionStorage.setItem(KEY, $("#token").value.trim());
      dialog.close("given");
    };
    $("#token-form").addEventListener("submit", submit);
    dialog.addEventListener("close", () => {
      $("#token-form").removeEventListener("submit", submit);
      resolve(dialog.returnValue === "given");
    }, { once: true });
  });
}

// Server-sent events by fetch, because EventSource cannot send a token. Calls on(name, data) until the stream ends.
export async function listen(path, on, signal) {
  await knock();
  const response = await request(path, { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const fields = Object.fromEntries(text.slice(0, end).split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
      on(fields.event, JSON.parse(fields.data));
    }
  }
}
