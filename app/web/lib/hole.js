// The hole of a picture: which of its pixels are painted, 1 or 0 each, row by row. Pure: what changes one makes another.

/** @typedef {{side: number, painted: Uint8Array}} Hole */
/** @typedef {{x: number, y: number}} Point in pixels, from the upper left corner */

/** @param {number} side @returns {Hole} */
export function noHole(side) {
  return { side, painted: new Uint8Array(side * side) };
}

/**
 * A stroke of the brush: all pixels whose middle is near the line from one point to another.
 * @param {Hole} hole @param {Point} from @param {Point} to @param {number} radius in pixels @param {0|1} value 0 takes away
 * @returns {Hole}
 */
export function stroke(hole, from, to, radius, value = 1) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy || 1;
  const isNear = (x, y) => {
    const along = Math.min(Math.max(((x - from.x) * dx + (y - from.y) * dy) / length, 0), 1);
    return Math.hypot(x - from.x - along * dx, y - from.y - along * dy) <= radius;
  };
  return changed(hole, { x: Math.min(from.x, to.x) - radius, y: Math.min(from.y, to.y) - radius }, { x: Math.max(from.x, to.x) + radius, y: Math.max(from.y, to.y) + radius }, isNear, value);
}

/** All pixels between two corners, in whose pixels they are. @param {Hole} hole @param {Point} from @param {Point} to @param {0|1} value @returns {Hole} */
export function box(hole, from, to, value = 1) {
  const low = { x: Math.floor(Math.min(from.x, to.x)), y: Math.floor(Math.min(from.y, to.y)) };
  const high = { x: Math.floor(Math.max(from.x, to.x)) + 1, y: Math.floor(Math.max(from.y, to.y)) + 1 };
  return changed(hole, low, high, (x, y) => x > low.x && x < high.x && y > low.y && y < high.y, value);
}

/** @param {Hole} hole @param {Point} low @param {Point} high @param {(x: number, y: number) => boolean} fits of the middle of a pixel @param {0|1} value */
function changed({ side, painted }, low, high, fits, value) {
  const next = painted.slice();
  for (let y = Math.max(Math.floor(low.y), 0); y < Math.min(Math.ceil(high.y), side); y++) {
    for (let x = Math.max(Math.floor(low.x), 0); x < Math.min(Math.ceil(high.x), side); x++) {
      if (fits(x + 0.5, y + 0.5)) next[y * side + x] = value;
    }
  }
  return { side, painted: next };
}

/** How much of the picture it takes, 0 to 1. @param {Hole} hole */
export function shareOf({ painted }) {
  return painted.reduce((sum, one) => sum + one, 0) / painted.length;
}

/** What is not opaque in pixels (RGBA). @param {Uint8ClampedArray} rgba @param {number} side @returns {Hole} */
export function transparent(rgba, side) {
  return { side, painted: Uint8Array.from({ length: side * side }, (_, i) => Number(rgba[4 * i + 3] < 255)) };
}

/** The pixels with the hole in them: nothing where it is, and opaque elsewhere. @param {Uint8ClampedArray} rgba @param {Hole} hole */
export function holed(rgba, { painted }) {
  const pixels = rgba.slice();
  painted.forEach((is, i) => (is ? pixels.fill(0, 4 * i, 4 * i + 4) : pixels.fill(255, 4 * i + 3, 4 * i + 4)));
  return pixels;
}

/** Grey levels in the place of colours, as the service makes them of a dataset (ITU-R 601). @param {Uint8ClampedArray} rgba */
export function greyed(rgba) {
  const pixels = rgba.slice();
  for (let i = 0; i < pixels.length; i += 4) pixels.fill(Math.round(0.299 * pixels[i] + 0.587 * pixels[i + 1] + 0.114 * pixels[i + 2]), i, i + 3);
  return pixels;
}
