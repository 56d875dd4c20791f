// Metric histories in columns: put together, smoothed, and found in by x. Pure.

/**
 * @typedef {{x: string, columns: string[], data: (number|null)[][], attempts: {attempt: number, first_step: number}[], branches: {branch: number, first_step: number, last_step: number, cut: number}[]}} History
 */

/** A column by its name; nulls where there is none. @param {History} history @param {string} name @returns {(number|null)[]} */
export function columnOf(history, name) {
  return history.data[history.columns.indexOf(name) + 1 || -1] ?? history.data[0].map(() => null);
}

/** @param {History} history @param {string} name whether anything of it was ever measured */
export function hasColumn(history, name) {
  return history.columns.includes(name) && columnOf(history, name).some((value) => value !== null);
}

/**
 * The history with newer points behind it. Columns that only one of both has are null in the other.
 * @param {History} before @param {History} more points beyond the last of `before` @returns {History}
 */
export function appended(before, more) {
  const columns = [...before.columns, ...more.columns.filter((name) => !before.columns.includes(name))];
  const column = (name) => [...columnOf(before, name), ...columnOf(more, name)];
  return { ...more, columns, data: [[...before.data[0], ...more.data[0]], ...columns.map(column)] };
}

/**
 * @typedef {{branch: number, attempt: number, step: number, images_seen: number, at: string, metrics: Record<string, number|null>}} Point
 *   as the stream tells it
 */

/** Whether a point is of a branch or an attempt that the history does not know. @param {History} history @param {Point} point */
export function isBeyond(history, point) {
  return point.attempt > newest(history.attempts, "attempt") || point.branch > newest(history.branches, "branch");
}

/**
 * The history with points of the stream behind it; those that are in it, or begin something that is not, are left out.
 * @param {History} history @param {Point[]} told in the order of their steps @returns {History}
 */
export function withTold(history, told) {
  const last = history.data[0].at(-1);
  const place = ({ step, images_seen: seen, at }) => (history.x === "time" ? Date.parse(at) / 1000 : history.x === "images_seen" ? seen : step);
  const fresh = told.filter((point, i) => place(point) > last && !isBeyond(history, point) && (i === 0 || place(point) > place(told[i - 1])));
  if (!fresh.length) return history;
  const columns = [...new Set(fresh.flatMap(({ metrics }) => Object.keys(metrics)))];
  return appended(history, { ...history, columns, data: [fresh.map(place), ...columns.map((name) => fresh.map(({ metrics }) => metrics[name] ?? null))] });
}

/** Whether a history has to be asked for anew: a branch or an attempt began since. @param {History} before @param {History} more */
export function isBroken(before, more) {
  return newest(more.attempts, "attempt") > newest(before.attempts, "attempt") || newest(more.branches, "branch") > newest(before.branches, "branch");
}

/** @param {Record<string, number>[]} marks @param {string} key */
function newest(marks, key) {
  return Math.max(-1, ...marks.map((mark) => mark[key]));
}

/**
 * The exponential mean of what came so far, not biased to where it began; nulls stay, and count for nothing.
 * @param {(number|null)[]} values @param {number} weight 0 (as it is) to below 1 @returns {(number|null)[]}
 */
export function smoothed(values, weight) {
  if (!weight) return values;
  let sum = 0;
  let mass = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = weight * sum + (1 - weight) * value;
    mass = weight * mass + (1 - weight);
    return sum / mass;
  });
}

/** The index of the value nearest to x in what grows; -1 of nothing; of two as near the first. @param {number[]} sorted @param {number} x */
export function nearest(sorted, x) {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < x) low = middle + 1;
    else high = middle;
  }
  if (low > 0 && x - sorted[low - 1] <= sorted[low] - x) return low - 1;
  return sorted.length ? low : -1;
}

/** Last, least and most of a column, for the table behind a chart. @param {(number|null)[]} values */
export function summaryOf(values) {
  const found = { last: null, least: Infinity, most: -Infinity, count: 0 };
  for (const value of values) {
    if (value === null) continue;
    found.last = value;
    found.least = Math.min(found.least, value);
    found.most = Math.max(found.most, value);
    found.count += 1;
  }
  return found.count ? found : null;
}
