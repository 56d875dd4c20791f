// What is known of runs and models at this moment, after each message of GET /events. Pure.

/**
 * @typedef {Object} Live
 * @property {Record<string, any>} runs bodies of the runs that are not over, or ended while we watched, by id
 * @property {Record<string, any>} models summaries, by name
 * @property {"connecting"|"live"|"polling"} connection
 * @property {number|null} heardAt when the service was heard of last (ms), null: not yet
 * @property {string[]} unknown runs whose body has to be asked for: new, or changed in more than their progress
 * @property {number} changes counts the events that make a list of runs look another way
 */

/** @type {Live} */
export const NOTHING = { runs: {}, models: {}, connection: "connecting", heardAt: null, unknown: [], changes: 0 };

const PROGRESS = ["branch", "step", "total", "fraction", "images_seen", "images_per_second"];
const ASK_AGAIN = new Set(["status", "diagnosis", "published", "checkpoint", "action", "end"]); // the body says it all

/**
 * @param {Live} live @param {{event: string, data?: any, at?: number}} message @returns {Live}
 */
export function heard(live, { event, data, at }) {
  const now = { ...live, heardAt: at ?? live.heardAt };
  switch (event) {
    case "up": return { ...now, connection: "live" };
    case "down": return { ...live, connection: "polling" };
    case "snapshot": return { ...now, ...snapshot(data), unknown: [], changes: live.changes + 1 };
    case "body": return { ...now, runs: { ...live.runs, [data.id]: data }, unknown: without(live.unknown, data.id) };
    case "model": return { ...now, models: { ...live.models, [data.name]: data } };
    case "deleted": return deleted(now, data);
    case "progress": return progressed(now, data);
    case "sample": return asked(sampled(now, data), live.runs[data.run] ? null : data.run);
    default: return ASK_AGAIN.has(event) ? { ...asked(now, data.run), changes: live.changes + 1 } : now;
  }
}

/** @param {{runs: any[], models: any[]}} data */
function snapshot({ runs, models }) {
  return { runs: byKey(runs, "id"), models: byKey(models, "name") };
}

/** @param {Live} live @param {any} data @returns {Live} */
function deleted(live, { run, model }) {
  const { [run]: _run, ...runs } = live.runs;
  const { [model]: _model, ...models } = live.models;
  return { ...live, runs, models, unknown: without(live.unknown, run), changes: live.changes + 1 };
}

/** @param {Live} live @param {any} data @returns {Live} */
function progressed(live, data) {
  const run = live.runs[data.run];
  if (!run) return asked(live, data.run);
  const progress = Object.fromEntries(PROGRESS.map((name) => [name, data[name]]));
  const latest = { ...run.latest, metrics: { ...run.latest.metrics, ...data.metrics } };
  const body = { ...run, progress, latest, status: data.status, phase: data.phase, attempt: data.attempt, eta_at: data.eta_at, task: data.task ?? null };
  return { ...live, runs: { ...live.runs, [data.run]: body } };
}

/** @param {Live} live @param {any} event @returns {Live} */
function sampled(live, event) {
  const run = live.runs[event.run];
  if (!run) return live;
  const latest = { ...run.latest, sample_step: event.data.step };
  return { ...live, runs: { ...live.runs, [event.run]: { ...run, latest } } };
}

/** @param {Live} live @param {string|null} id @returns {Live} */
function asked(live, id) {
  return id && !live.unknown.includes(id) ? { ...live, unknown: [...live.unknown, id] } : live;
}

/** @param {string[]} ids @param {string} id */
function without(ids, id) {
  return ids.filter((other) => other !== id);
}

/** @param {any[]} bodies @param {string} key @returns {Record<string, any>} */
function byKey(bodies, key) {
  return Object.fromEntries(bodies.map((body) => [body[key], body]));
}
