// The live state of the tab: fed by the stream, or by polling while there is none, and shared by all views.
import { useEffect, useState } from "./ui.js";
import { getJson } from "./api.js";
import { heard, NOTHING } from "./live.js";
import { openStream } from "./stream.js";

const POLL_EVERY_MS = 5_000;
const ASK_AFTER_MS = 250; // several events of one moment are one question
const NOT_OVER = ["queued", "running", "pausing", "paused", "canceling"];

/** @type {import("./live.js").Live} */
let live = NOTHING;
/** @type {Set<(live: import("./live.js").Live) => void>} */
const watchers = new Set();
/** @type {Set<(event: string, data: any) => void>} */
const listeners = new Set();
let asking = 0;
let polling = 0;

/** @param {string} event @param {any} [data] */
function tell(event, data) {
  live = heard(live, { event, data, at: Date.now() });
  for (const watcher of watchers) watcher(live);
  for (const listener of listeners) listener(event, data);
  if (live.unknown.length && !asking) asking = setTimeout(ask, ASK_AFTER_MS);
}

async function ask() {
  const ids = live.unknown;
  await Promise.all(ids.map(learn));
  asking = 0;
  if (live.unknown.length) asking = setTimeout(ask, ASK_AFTER_MS);
}

/** @param {string} id */
async function learn(id) {
  try {
    tell("body", await getJson(`train/${id}`));
  } catch (error) {
    if (error.status === 404) tell("deleted", { run: id });
    else live = { ...live, unknown: live.unknown.filter((other) => other !== id) }; // the next event asks again
  }
}

async function poll() {
  try {
    const [runs, models] = await Promise.all([getJson("train", { query: { status: NOT_OVER, limit: 50 } }), getJson("models")]);
    if (live.connection !== "live") tell("snapshot", { runs: runs.data, models: models.data });
  } catch {
    // still away: the badge says so
  }
}

/** Begin. Called once. */
export function start() {
  openStream({
    onMessage: tell,
    onUp() {
      clearInterval(polling);
      polling = 0;
      tell("up");
    },
    onDown() {
      live = heard(live, { event: "down" });
      for (const watcher of watchers) watcher(live);
      polling ||= setInterval(poll, POLL_EVERY_MS);
    },
  });
}

/** What a view did itself, told at once: the answer to a verb. @param {any} body */
export function know(body) {
  tell("body", body);
}

/** The live state. @returns {import("./live.js").Live} */
export function useLive() {
  const [now, setNow] = useState(live);
  useEffect(() => {
    watchers.add(setNow);
    setNow(live);
    return () => watchers.delete(setNow);
  }, []);
  return now;
}

/** Every message of the stream, for a view that draws more than the state. @param {(event: string, data: any) => void} listener @param {unknown[]} inputs */
export function useMessages(listener, inputs) {
  useEffect(() => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, inputs);
}
