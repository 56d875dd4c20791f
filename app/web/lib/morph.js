// The way from seed to seed: what is asked for, how many frames fit, which of them shows what. Pure.
import { curl, ganymede, keywords, options, python } from "./commands.js";
import { SEEDS } from "./drawing.js";

export const MOST = 64; // frames of an answer, as the service has it if nobody set another limit
const USUAL_FRAMES = 12;
export const FPS = 12;

/** @typedef {{keys: number[], frames: number, isLoop: boolean}} Way */

/** The way that an address names; its keys begin with the seed of the studio. @param {Record<string, string>} query @param {number} seed @returns {Way} */
export function wayOf(query, seed) {
  const keys = (query.keys ?? "").split(",").map(Number).filter((key) => Number.isInteger(key) && key >= 0 && key < SEEDS);
  const known = query.keys ? keys : [];
  const whole = known.length > 1 ? known.slice(0, MOST / 2) : [known[0] ?? seed, ((known[0] ?? seed) + 1) % SEEDS];
  const isLoop = query.loop === "1";
  return { keys: whole, frames: fitting(whole.length, isLoop, Number(query.frames) || USUAL_FRAMES), isLoop };
}

/** As many frames between two keys as asked for, or as fit. @param {number} keys @param {boolean} isLoop @param {number} asked */
export function fitting(keys, isLoop, asked) {
  const most = isLoop ? Math.floor(MOST / keys) : Math.floor((MOST - 1) / (keys - 1));
  return Math.max(1, Math.min(Math.round(asked), most));
}

/** How many frames that is. @param {Way} way */
export function lengthOf({ keys, frames, isLoop }) {
  return isLoop ? keys.length * frames : (keys.length - 1) * frames + 1;
}

/** The body of POST /generate/morph. @param {any} wish of the studio @param {Way} way @param {Record<string, unknown>} [more] */
export function morphBody(wish, way, more = {}) {
  const body = { model: wish.model, seeds: way.keys, label: wish.label || null, truncation: wish.truncation === 1 ? null : wish.truncation, frames: way.frames, loop: way.isLoop || null, ...more };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== undefined));
}

/** @param {string} base @param {any} body @param {string} name of a file, without its ending @returns {import("./commands.js").Command[]} */
export function morphCommands(base, body, name) {
  const { seeds, format, ...rest } = body;
  const output = `${name}.${format}`;
  return [
    { name: "curl", text: curl(base, { method: "POST", path: "generate/morph", json: body, output }) },
    { name: "ganymede", text: ganymede(base, ["morph", seeds.join(","), ...options({ ...rest, output })]) },
    { name: "Python", text: python(base, `morph(${[`[${seeds.join(", ")}]`, keywords({ ...rest, format })].join(", ")}).save(${JSON.stringify(output)})`) },
  ];
}

/**
 * The files of a zip whose files are stored as they are, as the service sends its frames.
 * @param {Uint8Array} bytes @returns {{name: string, content: Uint8Array}[]}
 */
export function storedFiles(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = [];
  let at = 0;
  while (at + 30 <= bytes.length && view.getUint32(at, true) === 0x04034b50) {
    const [size, nameSize, extraSize] = [view.getUint32(at + 18, true), view.getUint16(at + 26, true), view.getUint16(at + 28, true)];
    const begin = at + 30 + nameSize + extraSize;
    found.push({ name: new TextDecoder().decode(bytes.subarray(at + 30, at + 30 + nameSize)), content: bytes.subarray(begin, begin + size) });
    at = begin + size;
  }
  return found;
}
