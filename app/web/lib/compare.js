// Runs beside each other: their curves over one x, the options in which they differ, the grids of one step. Pure.
import { columnOf, hasColumn } from "./curves.js";
import { curl, ganymede, python } from "./commands.js";
import { runName, shortId } from "./format.js";

export const MOST = 6; // as many as there are colours

/** @typedef {import("./curves.js").History} History */

/** The runs that an address names, each once. @param {string|undefined} text @returns {string[]} */
export function idsOf(text) {
  return [...new Set((text ?? "").split(",").map((id) => id.trim()).filter(Boolean))].slice(0, MOST);
}

/** The same with one more, or without the one. @param {string[]} ids @param {string} id @returns {string|null} for the address */
export function toggled(ids, id) {
  const next = ids.includes(id) ? ids.filter((other) => other !== id) : [...ids, id].slice(0, MOST);
  return next.join(",") || null;
}

/** What each is called where several are: with its id where two have one name. @param {any[]} runs @returns {string[]} */
export function namesOf(runs) {
  const names = runs.map(runName);
  return names.map((name, i) => (names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} (${shortId(runs[i].id)})`));
}

/**
 * One column of several histories over all x that any of them has. Times count from the first point of each.
 * @param {(History|null)[]} histories @param {string} name @returns {{x: number[], values: (number|null)[][]}}
 */
export function overlaid(histories, name) {
  const known = histories.map((history) => (history && hasColumn(history, name) ? pointsOf(history, name) : new Map()));
  const x = [...new Set(known.flatMap((points) => [...points.keys()]))].sort((a, b) => a - b);
  return { x, values: known.map((points) => x.map((at) => points.get(at) ?? null)) };
}

/** @param {History} history @param {string} name @returns {Map<number, number>} */
function pointsOf(history, name) {
  const xs = history.data[0];
  const begin = history.x === "time" ? xs[0] : 0;
  return new Map(columnOf(history, name).flatMap((value, i) => (value === null ? [] : [[xs[i] - begin, value]])));
}

/** Every option of a run by its name. @param {any} run @returns {Record<string, unknown>} */
export function optionsOf(run) {
  const { network = {}, recipe_reason: _reason, ...resolved } = run.resolved;
  const first = { recipe: run.recipe, dataset: run.dataset, model: run.model, starts_from: run.init?.reference ?? null };
  const end = { stop_patience: run.stop?.patience ?? null, stop_action: run.stop?.action ?? null, ...run.limits };
  return { ...first, ...resolved, ...network, ...end };
}

/** @param {any[]} runs @returns {{name: string, values: unknown[], differs: boolean}[]} null: a run has no such option */
export function rowsOf(runs) {
  const options = runs.map(optionsOf);
  const names = [...new Set(options.flatMap(Object.keys))];
  return names.map((name) => {
    const values = options.map((one) => one[name] ?? null);
    return { name, values, differs: new Set(values.map((value) => JSON.stringify(value))).size > 1 };
  });
}

/** The steps at which any of them drew a grid. @param {{step: number}[][]} samples @returns {number[]} */
export function stepsOf(samples) {
  return [...new Set(samples.flat().map(({ step }) => step))].sort((a, b) => a - b);
}

/** The grid of a step: the newest that is not later, else the first. @template {{step: number, branch: number}} S @param {S[]} samples @param {number} step @returns {S|null} */
export function gridAt(samples, step) {
  const before = samples.filter((sample) => sample.step <= step);
  const ordered = (before.length ? before : samples.slice(0, 1)).slice().sort((a, b) => a.step - b.step || a.branch - b.branch);
  return ordered.at(-1) ?? null;
}

/** @param {string} base @param {string[]} ids @param {string} x @returns {import("./commands.js").Command[]} */
export function compareCommands(base, ids, x) {
  const lines = (make) => ids.map(make).join("\n");
  const query = x === "step" ? {} : { x };
  return [
    { name: "curl", text: lines((id) => curl(base, { path: `train/${id}/metrics`, query: { ...query, format: "csv" }, output: `${id}.csv` })) },
    { name: "ganymede", text: lines((id) => ganymede(base, ["runs", "metrics", id])) },
    { name: "Python", text: python(base, ids.map((id) => `runs.metrics(${JSON.stringify(id)}${x === "step" ? "" : `, x=${JSON.stringify(x)}`})`).join("\n    client.")) },
  ];
}
