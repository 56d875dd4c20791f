// The state of the service, asked in a while again as long as a view shows it; one question for all of them.
import { useEffect, useState } from "./ui.js";
import { getJson } from "./api.js";

const EVERY_MS = 10_000;

/** @typedef {{status: any, isReached: boolean|null, at: number|null}} Health isReached: null before the first answer */

/** @type {Health} */
let health = { status: null, isReached: null, at: null };
/** @type {Set<(health: Health) => void>} */
const watchers = new Set();
let timer = 0;

async function look() {
  try {
    health = { status: await getJson("status"), isReached: true, at: Date.now() };
  } catch (error) {
    health = { ...health, isReached: error.code !== "unreachable" };
  }
  for (const watcher of watchers) watcher(health);
}

/** @returns {Health} */
export function useHealth() {
  const [now, setNow] = useState(health);
  useEffect(() => {
    watchers.add(setNow);
    setNow(health);
    if (!timer) {
      timer = setInterval(() => document.hidden || look(), EVERY_MS);
      look();
    }
    return () => watchers.delete(setNow);
  }, []);
  return now;
}

/** Ask now: something was done that changes it. */
export function lookAgain() {
  look();
}

/**
 * In a word and a sentence. @param {Health} health @param {"connecting"|"live"|"polling"} connection
 * @returns {{tone: "good"|"warn"|"bad"|"idle", word: string, why: string}}
 */
export function verdictOf(health, connection) {
  const { status, isReached } = health;
  if (isReached === false) return { tone: "bad", word: "No answer", why: "The service does not answer. What you see is from before." };
  if (!status) return { tone: "idle", word: "Connecting", why: "Asking the service how it is." };
  const { readiness } = status;
  if (readiness.status !== "ready") return { tone: "bad", word: "Not ready", why: `Nothing can be drawn: ${readiness.reason}.` };
  if (readiness.degraded.length) return { tone: "warn", word: "Degraded", why: readiness.degraded.join("; ") };
  if (connection === "polling") return { tone: "warn", word: "Polling", why: "The live connection is away; the page asks every few seconds instead." };
  return { tone: "good", word: "All well", why: `Draws ${readiness.model}, and trains.` };
}
