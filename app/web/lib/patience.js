// Whether a run still gets better: its best score so far, and how many evaluations there were since. Pure.
import { columnOf, hasColumn } from "./curves.js";

/** The scores that runs are judged by, the first that was measured. Lower is better. */
export const JUDGED = ["kid", "fd"];
export const USUAL = 5; // the patience that is offered

/** @typedef {{step: number, value: number}} Evaluation */

/** @param {import("./curves.js").History} history over steps @returns {{metric: string|null, points: Evaluation[]}} */
export function evaluationsOf(history) {
  const metric = JUDGED.find((name) => hasColumn(history, name)) ?? null;
  if (!metric) return { metric, points: [] };
  const steps = history.data[0];
  const points = columnOf(history, metric).flatMap((value, i) => (value === null ? [] : [{ step: steps[i], value }]));
  return { metric, points };
}

/** The first of the lowest. @param {Evaluation[]} points */
export function bestOf(points) {
  return points.reduce((best, point) => (best === null || point.value < best.value ? point : best), /** @type {Evaluation|null} */ (null));
}

/** At each evaluation the lowest score by then. @param {Evaluation[]} points @returns {number[]} */
export function bestSoFar(points) {
  let best = Infinity;
  return points.map(({ value }) => (best = Math.min(best, value)));
}

/**
 * How many evaluations in a row, to the last, brought none better. A run that went back counts anew.
 * @param {Evaluation[]} points @param {{first_step: number}[]} branches of the history
 */
export function withoutBetter(points, branches) {
  const best = bestOf(points);
  if (!best) return 0;
  const began = branches.at(-1)?.first_step ?? 0;
  return points.filter(({ step }) => step > best.step && step >= began).length;
}

/** The evaluation at which so much patience would have been at its end; null: it never was. @param {Evaluation[]} points @param {number} patience */
export function endOf(points, patience) {
  let best = Infinity;
  let without = 0;
  for (const point of points) {
    without = point.value < best ? 0 : without + 1;
    best = Math.min(best, point.value);
    if (without >= patience) return point;
  }
  return null;
}

/**
 * The points of a curve in a box; higher scores are higher, on a logarithm where all are above 0.
 * @param {number[]} values @param {number} width @param {number} height @param {number} edge @returns {[number, number][]}
 */
export function laidOut(values, width, height, edge) {
  const scaled = values.every((value) => value > 0) ? values.map(Math.log) : values;
  const [least, most] = [Math.min(...scaled), Math.max(...scaled)];
  const x = (i) => edge + ((width - 2 * edge) * i) / Math.max(values.length - 1, 1);
  return scaled.map((value, i) => [x(i), height - edge - ((height - 2 * edge) * (value - least)) / (most - least || 1)]);
}
