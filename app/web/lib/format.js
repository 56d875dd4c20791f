// Numbers, times and names as people read them. Pure.

const COUNT = new Intl.NumberFormat("en-US");
/** To make one takes longer than to use it a hundred times. @type {Map<number, Intl.NumberFormat>} by decimals shown at least and at most */
const MEASURES = new Map();
const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** 12345 -> "12,345". @param {number|null|undefined} value */
export function count(value) {
  return value === null || value === undefined ? "–" : COUNT.format(value);
}

/** A measured number in about `digits` significant digits: 0.01234, 12.3, 1,234. @param {number|null|undefined} value @param {number} [digits] */
export function measure(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(value)));
  if (size < -4) return value.toExponential(Math.max(digits - 2, 0));
  const decimals = Math.min(Math.max(digits - 1 - size, 0), 6);
  return measures(size < digits ? Math.min(decimals, 3) : 0, decimals).format(value);
}

/** @param {number} least @param {number} most */
function measures(least, most) {
  const key = 10 * least + most;
  if (!MEASURES.has(key)) MEASURES.set(key, new Intl.NumberFormat("en-US", { minimumFractionDigits: least, maximumFractionDigits: most }));
  return MEASURES.get(key);
}

/** A number that somebody chose, as it was written. @param {number} value */
export function plain(value) {
  return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(6)));
}

/** @param {number|null|undefined} value 0 to 1 */
export function percent(value) {
  return value === null || value === undefined ? "–" : `${Math.floor(value * 100)} %`;
}

/** @param {number|null|undefined} value */
export function bytes(value) {
  if (value === null || value === undefined) return "–";
  let rest = value;
  let unit = 0;
  while (rest >= 1000 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return `${unit && rest < 10 ? rest.toFixed(1) : Math.round(rest)} ${UNITS[unit]}`;
}

/** Seconds as "45 s", "3 min", "2 h 5 min", "4 d". @param {number|null|undefined} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds < 60) return `${Math.max(Math.round(seconds), 0)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return minutes % 60 && minutes < 600 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.round(minutes / 60)} h`;
  return `${Math.round(minutes / 1440)} d`;
}

/** How long ago. @param {string|null|undefined} at @param {number} now ms */
export function ago(at, now) {
  if (!at) return "–";
  const seconds = (now - Date.parse(at)) / 1000;
  return seconds < 5 ? "just now" : `${duration(seconds)} ago`;
}

/** How long from now until `at`. @param {string|null|undefined} at @param {number} now ms */
export function left(at, now) {
  if (!at) return "–";
  const seconds = (Date.parse(at) - now) / 1000;
  return seconds < 5 ? "moments" : duration(seconds);
}

/** A time of the day, with the date if it is another day. @param {string|null|undefined} at */
export function moment(at) {
  if (!at) return "–";
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return isToday ? time : `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${time}`;
}

/** What people call a run: its name, else its recipe and dataset. @param {any} run */
export function runName(run) {
  return run.name || `${run.recipe} on ${run.dataset}`;
}

/** The end of an id, enough to tell runs apart. @param {string} id */
export function shortId(id) {
  return id.replace(/^run_/, "").slice(-6);
}

/** A name that fits where there is little room; the whole of it belongs into a title. @param {string} name @param {number} [most] */
export function shortened(name, most = 22) {
  return name.length > most ? `${name.slice(0, most - 1).trimEnd()}…` : name;
}

/** "images_per_second" -> "images per second". @param {string} name */
export function words(name) {
  return name.replaceAll("_", " ");
}

/** "best_fd" -> "Best FD". @param {string} name */
export function metricName(name) {
  const text = words(name).replace(/\b(fd|kid)\b/g, (word) => word.toUpperCase());
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {number} number @param {string} one @param {string} [many] */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}
