// Fakes beside the real pictures that they are nearest to: what the distances say in words, where each pair is. Pure.
import { curl, ganymede, python } from "./commands.js";
import { count, measure, plural } from "./format.js";

const FAR_ENOUGH = 0.8; // as the diagnosis has it: below, fakes as a whole are nearer to real pictures than those to each other

/**
 * What the distances say, in a sentence for somebody who hears of them for the first time.
 * @param {{pairs: {distance: number}[], fakes: any, reals: any}} body of GET .../nearest
 * @returns {{tone: "good"|"warn"|"bad", title: string, text: string}}
 */
export function verdictOf({ pairs, fakes, reals }) {
  const share = reals.median ? fakes.median / reals.median : 1;
  const nearer = pairs.filter(({ distance }) => distance < reals.least).length;
  if (share < FAR_ENOUGH) {
    return { tone: "bad", title: "It may copy", text: `Half of its pictures are nearer to a training picture than ${measure(share, 2)} times what is usual between real ones. It may learn them by heart.` };
  }
  if (nearer) {
    return { tone: "warn", title: "Look at the first ones", text: `As a whole its pictures keep their distance, but ${nearer === pairs.length ? `${nearer} or more are` : plural(nearer, "is", `are`)} nearer to a training picture than any real one is to another.` };
  }
  return { tone: "good", title: "No sign of copies", text: `Even those of ${count(fakes.count)} pictures that come nearest keep as far from the training pictures as real ones keep from each other.` };
}

/** How one row of distances lies on a ruler that ends at `most`, as shares. @param {any} distances @param {number} most */
export function spanOf({ least, fifth_percentile: fifth, median }, most) {
  return { least: least / most, fifth: fifth / most, median: median / most };
}

/** Where a pair is on the sheet, for a background as large as the whole. @param {number} index @param {number} columns @param {number} number of pairs */
export function placeOf(index, columns, number) {
  const rows = Math.ceil(number / columns);
  const share = (at, all) => (all > 1 ? (100 * at) / (all - 1) : 0);
  return { size: `${100 * columns}% ${100 * rows}%`, position: `${share(index % columns, columns)}% ${share(Math.floor(index / columns), rows)}%` };
}

/** @param {string} base @param {string} run @param {string} step @returns {import("./commands.js").Command[]} */
export function copiesCommands(base, run, step) {
  const path = `train/${run}/checkpoints/${step}/nearest`;
  return [
    { name: "curl: the distances", text: curl(base, { path, headers: { Accept: "application/json" } }) },
    { name: "curl: the sheet", text: curl(base, { path, output: "nearest.webp" }) },
    { name: "ganymede", text: ganymede(base, ["runs", "nearest", run, "--step", step, "--output", "nearest.webp"]) },
    { name: "Python", text: python(base, `runs.nearest(${JSON.stringify(run)}, ${JSON.stringify(step)})`) },
  ];
}
