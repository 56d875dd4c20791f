// The map of the studio: seeds on a lattice, and what lies between four of them. Pure.
import { curl, drawCommands, literal, python } from "./commands.js";
import { SEEDS } from "./drawing.js";
import { mixed, noiseOf } from "./noise.js";

export const SIDE = 6; // seeds in a row of what is seen of the lattice
const ROW = 100; // a row of the whole lattice, as in StyleGAN's visualizer: seed = x + 100 y

/** @param {number} corner the seed at the left above @param {number} x @param {number} y whole numbers */
export function seedAt(corner, x, y) {
  return (corner + x + ROW * y) % SEEDS;
}

/** All seeds that are seen, row by row. @param {number} corner @returns {number[]} */
export function seedsOf(corner) {
  return Array.from({ length: SIDE * SIDE }, (_, i) => seedAt(corner, i % SIDE, Math.floor(i / SIDE)));
}

/** A place on the lattice out of an address; in the middle where there is none. @param {Record<string, string>} query */
export function placeOf({ x, y }) {
  const within = (text) => {
    const value = Number(text);
    return text !== undefined && text !== "" && Number.isFinite(value) ? Math.round(100 * Math.min(Math.max(value, 0), SIDE - 1)) / 100 : 2.5;
  };
  return { x: within(x), y: within(y) };
}

/**
 * The seeds around a place, each with its share; where it is right on one, that one alone.
 * @param {number} corner @param {{x: number, y: number}} place @returns {{seed: number, weight: number}[]}
 */
export function around(corner, { x, y }) {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, down] = [x - left, y - top];
  const shares = [[0, 0, (1 - right) * (1 - down)], [1, 0, right * (1 - down)], [0, 1, (1 - right) * down], [1, 1, right * down]];
  return shares.filter(([, , weight]) => weight > 0).map(([dx, dy, weight]) => ({ seed: seedAt(corner, left + dx, top + dy), weight }));
}

/**
 * What POST /generate is asked for a place: a seed where it is on one, else the noise between.
 * @param {any} wish @param {{x: number, y: number}} place @param {number} size of the noise @param {string|number|null} label
 */
export function bodyAt(wish, place, size, label) {
  const near = around(wish.seed, place);
  const common = { model: wish.model, label, truncation: wish.truncation === 1 ? null : wish.truncation, format: "png" };
  const what = near.length === 1 ? { seed: near[0].seed } : { z: [mixed(near.map(({ seed }) => noiseOf(seed, size)), near.map(({ weight }) => weight))] };
  return Object.fromEntries(Object.entries({ ...common, ...what }).filter(([, value]) => value !== null && value !== ""));
}

/** @param {string} base @param {any} body of `bodyAt` @param {string} output @returns {import("./commands.js").Command[]} */
export function mapCommands(base, body, output) {
  if (!body.z) return drawCommands(base, body, output);
  const { format: _format, ...given } = body;
  const words = Object.entries(given).map(([name, value]) => `${name}=${literal(value)}`).join(", ");
  return [
    { name: "curl", text: curl(base, { method: "POST", path: "generate", json: body, output }) },
    { name: "Python", text: python(base, `generate(${words}).save(${JSON.stringify(output)})`) },
  ];
}
