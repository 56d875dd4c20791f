// Datasets: what is sent of a form, how the classes are balanced, what `auto` would do, the same as commands. Pure.
import { curl, ganymede, keywords, options, python } from "./commands.js";
import { count, plural } from "./format.js";

/** The options of an import beside its name and files; empty is the service's default. */
export const OPTIONS = ["size", "crop", "channels", "background", "encoding", "source", "licence", "attribution"];
export const SIZES = ["16", "28", "32", "56", "64", "112", "128", "224", "256"];

/** A name out of that of a file: what the service takes as one. @param {string} file */
export function nameFrom(file) {
  const stem = file.toLowerCase().replace(/\.(tar\.)?[a-z0-9]+$/, "");
  return stem.replace(/[^a-z0-9._-]+/g, "-").replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "").slice(0, 64);
}

/** The parts of the form that say something, in the order in which they are sent: before the files. @param {Record<string, string>} typed @returns {[string, string][]} */
export function partsOf(typed) {
  return ["name", ...OPTIONS].filter((name) => typed[name]?.trim()).map((name) => [name, typed[name].trim()]);
}

/** What is wrong at which field. @param {{pointer: string, detail: string}[]} errors @returns {Record<string, string>} */
export function byField(errors) {
  return Object.fromEntries(errors.map(({ pointer, detail }) => [pointer.replace(/^\//, ""), detail]));
}

/**
 * The classes, largest first where there are more than can be told apart by their order.
 * @param {string[]} names @param {number[]} counts @param {number} most
 * @returns {{bars: {name: string, count: number, share: number}[], hidden: number}} share: of the largest
 */
export function balanceOf(names, counts, most) {
  const largest = Math.max(1, ...counts);
  const bars = names.map((name, i) => ({ name, count: counts[i] ?? 0, share: (counts[i] ?? 0) / largest }));
  const shown = bars.length > most ? [...bars].sort((a, b) => b.count - a.count).slice(0, most) : bars;
  return { bars: shown, hidden: bars.length - shown.length };
}

/** How even the classes are, in words. @param {number[]} counts */
export function evenness(counts) {
  const known = counts.filter((number) => number > 0);
  if (known.length < 2) return "";
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return most / least < 1.5 ? "evenly filled" : `the largest has ${(most / least).toFixed(most / least < 10 ? 1 : 0)} times as many as the smallest`;
}

/** How many there are of what. @param {any} dataset */
export function countWords({ count: number, audio }) {
  return plural(number, audio ? "sound" : "picture");
}

/** How large each is. @param {any} dataset */
export function sizeWords({ width, height, channels, audio }) {
  if (audio) return `${audio.seconds} s each`;
  return `${width} × ${height} px, ${channels === 1 ? "grey" : "colour"}`;
}

/** What `auto` would do with a dataset, as lines of name and value. @param {any} plan of POST /train/validate */
export function planLines({ resolved, parameters }) {
  const augment = resolved.augment === "none" ? "none: there are pictures enough" : `${resolved.augment} (${resolved.augment_policy.join(", ")})`;
  return [
    ["Steps", count(resolved.steps)],
    ["Batch", plural(resolved.batch_size, "picture")],
    ["Classes", resolved.conditional ? "drawn on demand" : "not told apart"],
    ["Augmentation", augment],
    ["Learning rates", `${resolved.generator_lr} and ${resolved.discriminator_lr}`],
    ["Parameters", count(parameters.generator + parameters.discriminator)],
  ];
}

/** @param {string} base @param {[string, string][]} parts @param {string[]} files @returns {import("./commands.js").Command[]} */
export function importCommands(base, parts, files) {
  const { name = "NAME", ...rest } = Object.fromEntries(parts);
  const sent = files.length ? files : ["pictures.zip"];
  const numbers = { ...rest, size: rest.size && rest.size !== "auto" ? Number(rest.size) : null, channels: rest.channels && rest.channels !== "auto" ? Number(rest.channels) : null };
  const paths = sent.length === 1 ? JSON.stringify(sent[0]) : `[${sent.map((file) => JSON.stringify(file)).join(", ")}]`;
  const more = keywords(numbers);
  return [
    { name: "curl", text: curl(base, { method: "POST", path: "datasets", form: [["name", name], ...parts.filter(([part]) => part !== "name")], files: sent }) },
    { name: "ganymede", text: ganymede(base, ["datasets", "import", name, ...sent, ...options(numbers)]) },
    { name: "Python", text: python(base, `datasets.add(${JSON.stringify(name)}, ${paths}${more && `, ${more}`})`) },
  ];
}

/** @param {string} base @param {string} name @returns {import("./commands.js").Command[]} */
export function datasetCommands(base, name) {
  const path = `datasets/${encodeURIComponent(name)}`;
  return [
    { name: "curl", text: curl(base, { path }) },
    { name: "ganymede", text: ganymede(base, ["datasets", "show", name]) },
    { name: "Python", text: python(base, `datasets.get(${JSON.stringify(name)})`) },
    { name: "curl: delete", text: curl(base, { method: "DELETE", path }) },
    { name: "ganymede: delete", text: ganymede(base, ["datasets", "rm", name]) },
    { name: "Python: delete", text: python(base, `datasets.delete(${JSON.stringify(name)})`) },
  ];
}
