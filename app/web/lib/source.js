// The picture that is completed: from a file, from a model, or from a dataset, and cut to the size that a model completes.
import { request } from "./api.js";
import { anySeed } from "./drawing.js";
import { greyed, transparent } from "./hole.js";

const SHEET = 64; // pictures of a preview, of which one is taken
const LARGEST_CELL = 128; // of a preview: it shows larger pictures smaller

/** @param {Blob} blob @returns {Promise<ImageBitmap>} its very bytes, whatever colour profile it has */
export function decoded(blob) {
  return createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

/**
 * A picture to begin with: one that the model draws, or, where it does not draw, one that it learnt from.
 * @param {{name: string, isSearched: boolean, size: number, dataset: string|null}} model @returns {Promise<ImageBitmap>}
 */
export async function anyPicture({ name, isSearched, size, dataset }) {
  if (isSearched || !dataset) return drawn(isSearched ? name : null);
  try {
    const answer = await request(`datasets/${encodeURIComponent(dataset)}/preview`, { query: { n: SHEET } });
    const sheet = await decoded(await answer.blob());
    const cell = Math.min(size, LARGEST_CELL);
    const [columns, rows] = [Math.floor(sheet.width / cell), Math.floor(sheet.height / cell)];
    const whole = Math.max(rows - 1, 1); // the last row may end early
    return await createImageBitmap(sheet, cell * Math.floor(columns * Math.random()), cell * Math.floor(whole * Math.random()), cell, cell);
  } catch (error) {
    if (error.status !== 404) throw error;
    return drawn(null); // the dataset is gone: the default model draws something
  }
}

/** @param {string|null} model */
async function drawn(model) {
  const answer = await request("generate", { query: { model, seed: anySeed(), format: "png" } });
  return decoded(await answer.blob());
}

/**
 * The middle of a picture, as a model of this size and these colours completes it; and what of it was transparent.
 * @param {ImageBitmap} source @param {number} side @param {number} channels
 * @returns {{picture: ImageData, hole: import("./hole.js").Hole}}
 */
export function fitted(source, side, channels) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const cut = Math.min(source.width, source.height);
  context.imageSmoothingEnabled = cut !== side;
  context.imageSmoothingQuality = "high";
  context.drawImage(source, Math.floor((source.width - cut) / 2), Math.floor((source.height - cut) / 2), cut, cut, 0, 0, side, side);
  const { data } = context.getImageData(0, 0, side, side);
  return { picture: new ImageData(channels === 1 ? greyed(data) : data, side, side), hole: transparent(data, side) };
}

/** A PNG of these pixels. @param {Uint8ClampedArray} pixels @param {number} side @returns {Promise<Blob>} */
export function pngOf(pixels, side) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  canvas.getContext("2d").putImageData(new ImageData(pixels, side, side), 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
