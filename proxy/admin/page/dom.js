// Small helpers to build elements. Text goes in as text, never as markup.

export const $ = (selector) => document.querySelector(selector);

// h("td", {class: "n"}, 5, h("b", {}, "x")): attributes; functions are listeners; null and false are left out.
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== null && value !== false && value !== undefined) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Replaces the children only where something has changed, so that focus and selection stay.
export function fill(parent, ...children) {
  const next = h("div", {}, ...children);
  if (parent.innerText === undefined || !same(parent, next)) parent.replaceChildren(...next.childNodes);
}

function same(parent, next) {
  if (parent.childNodes.length !== next.childNodes.length) return false;
  return [...parent.childNodes].every((child, i) => child.isEqualNode(next.childNodes[i]));
}

export function number(value) {
  return Number(value ?? 0).toLocaleString("en");
}

export function span(ms) {
  if (ms === undefined || ms === null) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120e3) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 7200e3) return `${Math.round(ms / 60e3)} min`;
  if (ms < 172800e3) return `${Math.round(ms / 3600e3)} h`;
  return `${Math.round(ms / 86400e3)} days`;
}

export function when(text) {
  const date = new Date(text);
  const today = date.toDateString() === new Date().toDateString();
  const shown = today ? date.toLocaleTimeString("en-GB") : date.toLocaleString("en-GB");
  return h("time", { datetime: text, title: text }, shown);
}

const tones = { pending: "wait", held: "wait", parked: "wait", delivered: "good", dead: "bad", expired: "bad",
  ready: "good", "not-ready": "bad", "no-data": "wait", up: "good", down: "bad", on: "good" };

export function tag(text) {
  return h("span", { class: `tag ${tones[text] ?? ""}`.trim() }, text);
}

export function toast(text) {
  $("#toast").textContent = text;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { $("#toast").textContent = ""; }, 6000);
}
