// Draws what goes through the proxy, second by second.

import { $, fill, h, number } from "/page/dom.js";
import { listen } from "/page/api.js";

const SECONDS = 300;
const WIDTH = 600, HEIGHT = 120;
const SVG = "http://www.w3.org/2000/svg";

const charts = [
  { title: "Received", lines: [["rules", "alerts", "old"], ["events", "events", "new second"]] },
  { title: "Delivered", lines: [["legacy_delivered", "to legacy", "old"], ["new_delivered", "to new", "new second"]] },
  { title: "Not delivered", lines: [["suppressed", "suppressed", "gone"], ["waiting", "parked or held", "old second"], ["failed", "failed attempts", "bad third"]] },
];

let columns = [];
let samples = [];

function value(sample, name) {
  if (name === "failed") return value(sample, "legacy_failed") + value(sample, "new_failed");
  return sample[columns.indexOf(name)] ?? 0;
}

function path(name, highest, now) {
  return samples.map((sample, i) => {
    const x = WIDTH - (now - sample[0]) / 1000 / SECONDS * WIDTH;
    const y = HEIGHT - value(sample, name) / highest * (HEIGHT - 6);
    return `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
  }).join("");
}

function figure(chart) {
  const recent = samples.slice(-60);
  const sum = (name) => recent.reduce((total, sample) => total + value(sample, name), 0);
  const now = samples.at(-1)?.[0] ?? 0;
  const highest = Math.max(1, ...chart.lines.flatMap(([name]) => samples.map((sample) => value(sample, name))));
  const svg = document.createElementNS(SVG, "svg");
  const words = chart.lines.map(([name, label]) => `${number(sum(name))} ${label}`).join(", ");
  for (const [key, text] of Object.entries({ class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${chart.title} in the last minute: ${words}` }))
    svg.setAttribute(key, text);
  for (const [name, , look] of chart.lines) {
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("class", `line ${look}`);
    line.setAttribute("d", path(name, highest, now));
    svg.append(line);
  }
  const keys = chart.lines.map(([name, label, look]) => h("span", { class: `key ${look}` }, `${label}: ${number(sum(name))} in the last minute`));
  return h("figure", {}, h("figcaption", {}, h("strong", {}, `${chart.title}, at most ${number(highest)} a second`), ...keys), svg);
}

function draw() {
  fill($("#charts"), ...charts.map(figure));
}

export async function follow(signal) {
  await listen("/api/flow", (name, data) => {
    if (name === "history") ({ columns, samples } = data);
    else samples = [...samples, data].slice(-SECONDS);
    draw();
  }, signal);
}

draw();
