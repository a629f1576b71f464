// The page: asks the API again and again while somebody looks, and shows what it says.

import { $, fill, h, number, span, tag, toast, when } from "/page/dom.js";
import { access, askToken, get } from "/page/api.js";
import { follow } from "/page/flow.js";
import * as messages from "/page/messages.js";

// --- the verdict

const answers = {
  ready: ["Yes", "Everything that legacy was told, new was told too."],
  "not-ready": ["Not yet", "What stands in the way:"],
  "no-data": ["Cannot tell", "Nothing has come that could be compared:"],
};

const afterLegacy = {
  ready: ["Yes", "Whatever legacy is no longer told, new was told."],
  "not-ready": ["No", "What waits, or stands in the way:"],
  "no-data": ["Cannot tell", "Nothing has come that could be compared:"],
};

function first(type) {
  const total = type.rule_first + type.event_first;
  if (total === 0) return "–";
  return type.rule_first >= type.event_first ? `alert ${Math.round(type.rule_first / total * 100)} %` : `event ${Math.round(type.event_first / total * 100)} %`;
}

function typeRow(type) {
  const cell = (label, ...children) => h("td", { "data-label": label }, ...children);
  const count = (label, value) => h("td", { "data-label": label, class: "n" }, number(value));
  const skew = type.skew_ms ?? {};
  return h("tr", {}, h("th", { scope: "row", "data-label": "Old" }, type.type), h("td", { "data-label": "New", class: "new-types" }, type.replaced_by ?? ""), cell("Verdict", tag(type.verdict)),
    count("Alerts", type.rules), count("Events", type.events), count("Paired", type.paired), count("Alert only", type.rule_only), count("Waiting", type.waiting), count("Event only", type.event_only),
    h("td", { "data-label": "First", class: "first" }, first(type)),
    h("td", { "data-label": "Skew", class: "n skew", title: "half of the pairs are nearer; 99 of 100; the farthest" }, skew.p50 === undefined ? "–" : `${span(skew.p50)} · ${span(skew.p99)} · ${span(skew.max)}`),
    cell("Last unpaired", type.last_unpaired ? messages.opener(type.last_unpaired) : "–"));
}

async function showParity() {
  const parity = await get(`/api/parity?since=${$("#since").value}`);
  const isOff = parity.stage === "contract";
  const [answer, words] = (isOff ? afterLegacy : answers)[parity.verdict];
  const question = isOff ? "Legacy is off: is everything handled without it?" : "May I switch legacy off?";
  if ($("#verdict-heading").textContent !== question) $("#verdict-heading").textContent = question;
  $("#verdict").dataset.verdict = parity.verdict;
  if ($("#verdict-answer").textContent !== answer) $("#verdict-answer").textContent = answer;
  if ($("#verdict-words").textContent !== words) $("#verdict-words").textContent = words;
  fill($("#verdict-reasons"), ...parity.reasons.map((reason) => h("li", {}, reason)));
  fill($("#types tbody"), ...parity.types.map(typeRow));
  $("#types").hidden = parity.types.length === 0;
  $("#types-empty").hidden = parity.types.length > 0;
  $("#unreplaced").hidden = parity.without_replacement.length === 0;
  fill($("#unreplaced ul"), ...parity.without_replacement.map((type) => h("li", {}, `${type.type}: ${number(type.rules)} came, the last `, type.last ? when(type.last) : "–", type.acknowledged ? ", acknowledged" : ", not acknowledged (parity.ignore)")));
}

// --- consumers

const states = ["pending", "held", "parked", "delivered", "suppressed", "dead", "expired"];

function endpointCard(name, endpoint) {
  const numbers = [...states.map((state) => [state, number(endpoint.messages[state])]), ["in flight", number(endpoint.in_flight)],
    ["oldest pending", endpoint.oldest_pending_seconds === undefined ? "–" : span(endpoint.oldest_pending_seconds * 1000)]];
  return h("article", { class: "card", "aria-label": name },
    h("div", { class: "bar" }, h("h3", {}, name, " ", tag(endpoint.up ? "up" : "down")), h("span", { class: "quiet" }, endpoint.site)),
    h("dl", { class: "numbers" }, ...numbers.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value)))));
}

async function showStatus() {
  const status = await get("/api/status");
  $("#health").className = status.ready ? "ok" : "bad";
  const text = status.ready ? `ready, version ${status.version}, up for ${span(Date.parse(status.now) - Date.parse(status.started))}` : `not ready: ${status.not_ready_because}`;
  if ($("#health-text").textContent !== text) $("#health-text").textContent = text;
  fill($("#endpoints"), ...Object.entries(status.endpoints).map(([name, endpoint]) => endpointCard(name, endpoint)));
  $("#warnings").hidden = status.warnings.length === 0;
  fill($("#warnings ul"), ...status.warnings.map((line) => h("li", {}, line)));
  const dead = Object.values(status.endpoints).reduce((sum, endpoint) => sum + endpoint.messages.dead, 0);
  $("#dead").hidden = dead === 0;
  const words = `Deliver the ${number(dead)} dead ${dead === 1 ? "message" : "messages"} again`;
  if ($("#replay-dead").textContent !== words) $("#replay-dead").textContent = words;
}

// --- flags

async function showFlags() {
  const answer = await get("/api/flags");
  fill($("#flags"), ...answer.flags.map((flag) => h("li", {}, h("strong", {}, flag.name), " ", tag(flag.on ? "on" : "off"), flag.targeted ? " by rule; this is for a message of nobody" : "")));
  const reload = answer.last_reload;
  fill($("#flags-file"), `${answer.file}, in force since `, when(answer.loaded), ` (load ${number(answer.number)})`,
    reload && !reload.ok ? h("strong", {}, `. Refused at ${reload.at}: ${reload.error}`) : null);
}

// --- asking again and again

const tasks = [
  { run: showStatus, every: 2000, at: 0 },
  { run: showFlags, every: 3000, at: 0 },
  { run: showParity, every: 5000, at: 0 },
  { run: messages.refresh, every: 5000, at: 0 },
  { run: messages.goOn, every: 2000, at: 0 },
];

function trouble(text) {
  $("#trouble").textContent = text;
  $("#trouble").hidden = text === "";
}

let asking = false;
let declined = false; // the person closed the question for the token

async function turn() {
  const due = tasks.filter((task) => task.at <= Date.now());
  if (document.hidden || asking || due.length === 0) return;
  asking = true;
  try {
    for (const task of due) {
      task.at = Date.now() + task.every;
      await task.run();
    }
    trouble("");
  } catch (error) {
    await explain(error).catch(() => trouble("The proxy does not answer."));
  }
  asking = false;
}

async function explain(error) {
  if (error.status === 401) {
    const words = (await access()) === "wrong" ? "That token is not the right one." : "This proxy shows itself to who gives its token.";
    if (!declined) declined = !(await askToken(words));
    if (declined) trouble(error.message);
    return;
  }
  if (error.status !== undefined) {
    trouble(error.message);
    return;
  }
  $("#health").className = "bad";
  $("#health-text").textContent = "not reachable";
  trouble("The proxy does not answer. What is shown is what it said last.");
}

async function keepFollowing() {
  for (;;) {
    try {
      await follow();
    } catch { /* told by turn(), which asks the same proxy */ }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

$("#since").addEventListener("change", () => showParity().catch((error) => toast(error.message)));
$("#token-button").addEventListener("click", async () => {
  if (!(await askToken("With it, bodies are shown and messages can be delivered again."))) return;
  declined = false;
  tasks.forEach((task) => { task.at = 0; });
});
document.addEventListener("visibilitychange", turn);
messages.start();
setInterval(turn, 500);
turn();
keepFollowing();
