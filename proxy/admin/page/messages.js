// Looking for messages, telling the story of one, and delivering again.

import { $, fill, h, number, span, tag, toast, when } from "/page/dom.js";
import { get, post } from "/page/api.js";

let filters = {};
let shown = [];
let next = null;

const query = (more = {}) => new URLSearchParams(Object.entries({ ...filters, ...more }).filter(([, value]) => value)).toString();

export function opener(id) {
  return h("button", { type: "button", class: "link id", "data-message": id }, id);
}

function row(message) {
  return h("tr", {},
    h("td", { "data-label": "Received", class: "half" }, when(message.received)),
    h("td", { "data-label": "Id", class: "half" }, opener(message.id)),
    h("td", { "data-label": "State", class: "half" }, tag(message.state)),
    h("td", { "data-label": "Type" }, message.type ?? message.generation),
    h("td", { "data-label": "Company", class: "id" }, message.company ?? "–"),
    h("td", { "data-label": "Attempts", class: "n" }, number(message.attempt_count)));
}

function show() {
  fill($("#messages tbody"), ...shown.map(row));
  $("#messages-note").textContent = shown.length === 0 ? "No message is like that." : `${number(shown.length)} shown, newest first.`;
  $("#older").hidden = next === null;
}

// The newest again, unless older ones were asked for: those would jump away under the reader.
export async function refresh() {
  if (shown.length > 25) return;
  const answer = await get(`/api/messages?${query({ limit: 25 })}`);
  ({ messages: shown, next } = answer);
  show();
}

async function older() {
  const answer = await get(`/api/messages?${query({ limit: 50, before: next })}`);
  shown = [...shown, ...answer.messages];
  next = answer.next;
  show();
}

// --- the story of one

const section = (title, ...children) => [h("h3", {}, title), ...children];

function facts(pairs) {
  return h("dl", { class: "facts" }, ...pairs.filter(([, value]) => value !== undefined && value !== null).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function twins(message) {
  if (message.twins.length === 0) return [];
  return section("Twins", h("ul", {}, ...message.twins.map((twin) => h("li", {}, opener(twin.id), " ", twin.type ?? "gone from the store", " ",
    twin.state ? tag(twin.state) : null, twin.later_ms === undefined ? null : ` ${span(Math.abs(twin.later_ms))} ${twin.later_ms < 0 ? "earlier" : "later"}`))));
}

function content(message) {
  if (!message.headers) return [h("p", { class: "quiet" }, "Its headers and body are past their retention.")];
  return [
    ...section("Headers", facts(Object.entries(message.headers))),
    ...section("Body", message.body === undefined ? h("p", { class: "quiet" }, "Bodies are shown to who gives the token only.") : h("pre", { tabindex: 0 }, pretty(message.body))),
  ];
}

function story(message) {
  return [
    h("p", {}, tag(message.state), " ", message.type ?? "no known shape", ", ", message.generation, ", for ", message.endpoint),
    h("p", { class: "why" }, message.why),
    h("p", {}, h("button", { type: "button", "data-replay": message.id, "data-state": message.state }, "Deliver again")),
    ...section("What happened", h("ol", { class: "story" }, ...message.story.map((line) => h("li", {}, when(line.at), line.text)))),
    ...twins(message),
    ...section("Known of it", facts([["Company", message.company], ["Connection", message.connection], ["Data type", message.data_type],
      ["Identity", message.identity && `${message.identity} (from its ${message.identity_from})`], ["Received", message.received],
      ["Happened", message.happened], ["Due", message.due], ["Path", message.target], ["Trace", message.traceparent]])),
    ...content(message),
  ];
}

let told = null; // the id of the one whose story is open

// A story goes on while it is read.
export async function goOn() {
  if (!$("#story").open) return;
  const id = told;
  const message = await get(`/api/messages/${id}`);
  if (id === told) fill($("#story-body"), ...story(message));
}

export async function tell(id) {
  try {
    // Asked as a list first: an id that is not there is an empty list, and no error in the browser's console.
    if ((await get(`/api/messages?${new URLSearchParams({ id })}`)).messages.length === 0) {
      toast(`There is no message ${id}.`);
      return;
    }
    const message = await get(`/api/messages/${id}`);
    told = id;
    $("#story-heading").textContent = `Message ${id}`;
    fill($("#story-body"), ...story(message));
    if (!$("#story").open) $("#story").showModal();
    $("#story").scrollTop = 0;
    history.replaceState(null, "", `#message=${id}`);
  } catch (error) {
    toast(error.message);
  }
}

// --- delivering again

function confirm(words) {
  const dialog = $("#confirm");
  $("#confirm-words").textContent = words;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

async function replay(words, path, said) {
  try {
    if (!(await confirm(words))) return;
    const answer = await post(path);
    if (answer !== null) toast(said(answer));
    await refresh();
  } catch (error) {
    toast(error.message);
  }
}

// What is handled already would be refused, so the question says what it means to do it all the same.
async function replayOne(id, state) {
  const handled = state === "delivered" || state === "suppressed";
  const words = handled ? `Message ${id} is ${state}: it was handled. Delivered again, a consumer sees it once more.`
    : `Message ${id} goes to its consumer, whatever its flag says.`;
  await replay(words, `/api/messages/${id}/replay${handled ? "?force=true" : ""}`, () => `${id} will be delivered again.`);
  if ($("#story").open) await tell(id);
}

function replayDead() {
  return replay("All dead messages go to their consumers again. What is handled already is left out.", "/api/replay?state=dead", (answer) => `${number(answer.replayed)} will be delivered again.`);
}

export function start() {
  $("#search").addEventListener("submit", (event) => {
    event.preventDefault();
    filters = Object.fromEntries([...new FormData(event.target)].map(([name, value]) => [name, value.trim()]));
    shown = [];
    if (filters.id) tell(filters.id);
    refresh().catch((error) => toast(error.message));
  });
  $("#older").addEventListener("click", () => older().catch((error) => toast(error.message)));
  $("#replay-dead").addEventListener("click", replayDead);
  $("#confirm-yes").addEventListener("click", () => $("#confirm").close("yes"));
  $("#story").addEventListener("close", () => history.replaceState(null, "", location.pathname));
  document.addEventListener("click", (event) => {
    const { message, replay: again, state } = event.target.dataset ?? {};
    if (message) tell(message);
    if (again) replayOne(again, state);
    if (event.target.classList?.contains("close")) event.target.closest("dialog").close();
  });
  const linked = /^#message=(\w+)$/.exec(location.hash);
  if (linked) tell(linked[1]);
}
