// Models and their versions as people compare them: scores, where a version comes from, the commands to move it. Pure.
import { curl, ganymede, keywords, options, python } from "./commands.js";
import { count, shortId } from "./format.js";

/** @typedef {{name: string, key: string, value: number|null, floor: number|null, isLessBetter: boolean}} Score */

const SCORES = [
  { key: "fd", name: "FD", isLessBetter: true },
  { key: "kid", name: "KID", isLessBetter: true },
  { key: "precision", name: "Precision", isLessBetter: false },
  { key: "recall", name: "Recall", isLessBetter: false },
  { key: "diversity", name: "Diversity", isLessBetter: false },
  { key: "label_accuracy", name: "Label accuracy", isLessBetter: false },
  { key: "hole_psnr", name: "PSNR in the hole", isLessBetter: false },
  { key: "silent_share", name: "Silent", isLessBetter: true },
  { key: "accuracy", name: "Accuracy", isLessBetter: false },
];

/** Whether `/generate` draws with versions for this task. @param {string|null|undefined} task */
export function isDrawn(task) {
  return !task || task === "generation";
}

/** What a model is for, where that is not to draw pictures. @param {{task?: string|null, medium?: string|null}} model */
export function kindWords({ task, medium }) {
  return task === "completion" ? "fills holes" : task === "classification" ? "tells what a picture shows" : medium === "audio" ? "makes sounds" : "";
}

/**
 * Where a picture of a version comes from: drawn of seeds, or, where it needs more than a seed, the grid it was published with.
 * @param {string} reference NAME@VERSION @param {string|null|undefined} task @param {Record<string, unknown>} seeds
 * @param {boolean} [mayDraw] whether the visitor may have something drawn @returns {{path: string, query: Record<string, unknown>}}
 */
export function pictureOf(reference, task, seeds, mayDraw = true) {
  if (isDrawn(task) && mayDraw) return { path: "generate", query: { model: reference, ...seeds } };
  return { path: `models/${reference.replace("@", "/versions/")}/samples`, query: {} };
}

/** What was measured of a version; `floor` is what real pictures get. @param {Record<string, number|null>} metrics @returns {Score[]} */
export function scoresOf(metrics) {
  return SCORES.filter(({ key }) => isNumber(metrics[key])).map((score) => ({ ...score, value: metrics[score.key], floor: metrics[`${score.key}_floor`] ?? null }));
}

/**
 * The scores of two versions beside each other.
 * @param {Record<string, number|null>} before @param {Record<string, number|null>} after
 * @returns {{name: string, before: number|null, after: number|null, tone: "good"|"bad"|"idle"}[]}
 */
export function differences(before, after) {
  return SCORES.filter(({ key }) => isNumber(before[key]) || isNumber(after[key])).map(({ key, name, isLessBetter }) => {
    const [old, fresh] = [before[key] ?? null, after[key] ?? null];
    const gain = old === null || fresh === null ? 0 : isLessBetter ? Math.max(old, 0) - Math.max(fresh, 0) : fresh - old; // a distance below 0 is chance
    return { name, before: old, after: fresh, tone: gain > 0 ? "good" : gain < 0 ? "bad" : "idle" };
  });
}

/**
 * Where a version comes from and what it is called: dataset, run, checkpoint, version, alias.
 * @param {any} version @param {Record<string, number>} aliases
 * @returns {{what: string, text: string, path: string[]|null}[]}
 */
export function lineageOf(version, aliases) {
  const names = aliasesOf(aliases, version.version);
  return [
    { what: "Dataset", text: version.dataset.name ?? "–", path: version.dataset.name ? ["data", version.dataset.name] : null },
    { what: "Run", text: `${version.recipe} ${shortId(version.run)}`, path: ["runs", version.run] },
    { what: "Checkpoint", text: `step ${count(version.step)}`, path: null },
    { what: "Version", text: `${version.model}@${version.version}`, path: null },
    ...(names.length ? [{ what: names.length > 1 ? "Aliases" : "Alias", text: names.join(", "), path: null }] : []),
  ];
}

/** The aliases that point to a version, `production` first. @param {Record<string, number>} aliases @param {number} version */
export function aliasesOf(aliases, version) {
  const rank = (name) => (name === "production" ? 0 : name === "latest" ? 2 : 1);
  return Object.keys(aliases).filter((name) => aliases[name] === version).sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

/** The version that an alias, or else the bare name, draws from now. @param {any} model @param {string} alias */
export function currentOf(model, alias) {
  return model.aliases[alias] ?? model.aliases.production ?? model.aliases.latest ?? model.newest_version;
}

/** The condition that the alias is still as it was seen. @param {number|undefined} seen */
export function conditionOf(seen) {
  return seen === undefined ? { "If-None-Match": "*" } : { "If-Match": `"${seen}"` };
}

/**
 * @param {string} base @param {{model: string, version: number, alias: string, reason: string, seen: number|undefined}} move
 * @returns {import("./commands.js").Command[]}
 */
export function promoteCommands(base, { model, version, alias, reason, seen }) {
  const json = reason ? { version, reason } : { version };
  const isUsual = alias === "production";
  const rest = keywords({ reason: reason || null, expected: seen });
  return [
    { name: "curl", text: curl(base, { method: "PUT", path: `models/${encodeURIComponent(model)}/aliases/${encodeURIComponent(alias)}`, json, headers: conditionOf(seen) }) },
    { name: "ganymede", text: ganymede(base, ["models", "promote", model, String(version), ...options({ alias: isUsual ? null : alias, reason: reason || null })]) },
    { name: "Python", text: python(base, `models.promote(${[JSON.stringify(model), version, ...(isUsual ? [] : [JSON.stringify(alias)]), rest].filter((word) => word !== "").join(", ")})`) },
  ];
}

/** @param {string} base @param {string} model @param {number} version @returns {import("./commands.js").Command[]} */
export function versionCommands(base, model, version) {
  const path = `models/${encodeURIComponent(model)}/versions/${version}`;
  const file = `${model}-${version}.safetensors`;
  return [
    { name: "curl: download the weights", text: curl(base, { path: `${path}/weights`, output: file }) },
    { name: "ganymede: download the weights", text: ganymede(base, ["models", "export", `${model}@${version}`, "--output", file]) },
    { name: "Python: download the weights", text: python(base, `models.weights(${JSON.stringify(model)}, ${version}, ${JSON.stringify(file)})`) },
    { name: "curl: delete", text: curl(base, { method: "DELETE", path }) },
    { name: "ganymede: delete", text: ganymede(base, ["models", "rm", `${model}@${version}`]) },
    { name: "Python: delete", text: python(base, `models.delete_version(${JSON.stringify(model)}, ${version})`) },
  ];
}

/** @param {unknown} value */
function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}
