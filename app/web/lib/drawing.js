// What the studio asks for, as a query, as a file name, and out of a recipe. Pure.

export const SEEDS = 2 ** 32;
export const COUNTS = [4, 9, 16, 25, 36, 64];
export const TABS = { single: "Single", grid: "Grid", morph: "Morph", map: "Map" };
export const DEFAULTS = { tab: "single", seed: 0, label: "", truncation: 1, n: 16, scale: 1 };

/**
 * @typedef {Object} Wish
 * @property {string} tab one of TABS
 * @property {string} model a reference; "" is the service's default
 * @property {number} seed @property {string} label "" leaves it to the seed
 * @property {number} truncation @property {number} n of a grid @property {number} scale of a file that is saved
 */

/** @param {Record<string, string>} query of the address @returns {Wish} */
export function wishOf(query) {
  return {
    tab: Object.hasOwn(TABS, query.tab) ? query.tab : "single",
    model: query.model ?? "",
    seed: seedOf(query.seed),
    label: query.label ?? "",
    truncation: within(query.truncation, 0.05, 1, 1),
    n: Math.round(within(query.n, 1, 64, DEFAULTS.n)),
    scale: Math.round(within(query.scale, 1, 8, 1)),
  };
}

/** The query of the address: what is as usual is left out. @param {Wish} wish */
export function queryOf(wish) {
  const entries = Object.entries(wish).map(([name, value]) => [name, name !== "seed" && value === DEFAULTS[name] ? null : value]);
  return Object.fromEntries(entries);
}

/** The query of GET /generate. @param {Wish} wish @param {Record<string, unknown>} [more] */
export function drawQuery(wish, more = {}) {
  return {
    model: wish.model || null,
    seed: wish.seed,
    label: wish.label || null,
    truncation: wish.truncation === 1 ? null : wish.truncation,
    n: wish.tab === "grid" ? wish.n : null,
    ...more,
  };
}

/** The name of a file that it is saved as. @param {Wish} wish @param {string} reference @param {string} ending */
export function fileName(wish, reference, ending) {
  const label = wish.label && `-${wish.label}`;
  const many = wish.tab === "grid" ? `-${wish.n}` : "";
  return `${reference}-seed-${wish.seed}${label}${many}.${ending}`.replace(/[^\p{L}\p{N}._@-]+/gu, "-");
}

/**
 * What draws the picture of a recipe again. Of a contact sheet seeds and labels are lists: it can be had if its seeds count up.
 * @param {any} recipe of POST /inspect @param {string[]} labels class names of the model
 * @returns {{wish: Wish, isWhole: boolean}} isWhole: false where the page has no such wish (noise of one's own, mixed labels)
 */
export function wishFrom(recipe, labels) {
  const seeds = [recipe.seed].flat().filter((seed) => seed !== undefined && seed !== null);
  const given = [recipe.label].flat().filter((label) => label !== undefined && label !== null);
  const isOne = given.length > 0 && given.every((label) => label === given[0]);
  const counts = seeds.every((seed, i) => seed === (seeds[0] + i) % SEEDS);
  const isOwn = labels.length > 0 && given.every((label, i) => label === (seeds[i] ?? 0) % labels.length);
  const wish = {
    tab: seeds.length > 1 ? "grid" : "single",
    model: `${recipe.model}@${recipe.version}`,
    seed: seeds[0] ?? 0,
    label: isOne && !(seeds.length > 1 && isOwn) ? String(labels[given[0]] ?? given[0]) : "",
    truncation: recipe.truncation ?? 1,
    n: seeds.length > 1 ? Math.min(seeds.length, 64) : DEFAULTS.n,
    scale: recipe.scale ?? 1,
  };
  return { wish, isWhole: seeds.length > 0 && counts && (given.length === 0 || isOne || isOwn) };
}

/** A seed that nobody chose. @param {() => number} [random] */
export function anySeed(random = Math.random) {
  return Math.floor(random() * SEEDS);
}

/** The seed beside; behind the last comes the first. @param {number} seed @param {number} by */
export function besideSeed(seed, by) {
  return (seed + by + SEEDS) % SEEDS;
}

/** @param {string|undefined} text */
function seedOf(text) {
  const seed = Number(text);
  return text && Number.isInteger(seed) && seed >= 0 && seed < SEEDS ? seed : 0;
}

/** @param {string|undefined} text @param {number} least @param {number} most @param {number} usual */
function within(text, least, most, usual) {
  const value = Number(text);
  return text && Number.isFinite(value) ? Math.min(Math.max(value, least), most) : usual;
}
