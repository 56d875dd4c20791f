// What happened to a run, as marks on its curves: verdicts, rollbacks, remedies, attempts, versions. Pure.
import { count, words } from "./format.js";

/** @typedef {{id: number, step: number, at: string, tone: "good"|"warn"|"bad"|"idle", short: string, text: string}} Mark */

const QUIET = new Set(["recipe_chosen", "judged_by", "initialised"]);
const HEALTHY = new Set(["healthy", "warming_up"]);

/** @param {any[]} events of a run, oldest first @returns {Mark[]} */
export function marksOf(events) {
  let step = 0;
  const marks = [];
  for (const event of events) {
    const mark = markOf(event, step);
    step = event.data.step ?? step;
    if (mark) marks.push({ id: event.id, at: event.at, ...mark });
  }
  return marks;
}

/** @param {any} event @param {number} step where the run was then */
function markOf({ type, data }, step) {
  switch (type) {
    case "diagnosis": return { step: data.since_step ?? data.step, tone: HEALTHY.has(data.verdict) ? "good" : "warn", short: words(data.verdict), text: data.summary };
    case "published": return { step: data.step, tone: "good", short: `version ${data.version}`, text: `Published as ${data.model}@${data.version}` };
    case "action": return QUIET.has(data.action) ? null : actionOf(data, step);
    case "end": return { step: data.step ?? step, tone: data.status === "failed" ? "bad" : "idle", short: words(data.status), text: `The run ended: ${words(data.status)}` };
    default: return null;
  }
}

/** @param {any} data @param {number} step */
function actionOf(data, step) {
  const at = data.from_step ?? data.step ?? step;
  const why = data.reason || data.verdict;
  return { step: at, tone: data.action === "resumed" ? "idle" : "warn", short: words(data.action), text: actionWords(data) + (why ? ` (${words(String(why))})` : "") };
}

/** An action in words. @param {any} data of the event */
export function actionWords(data) {
  switch (data.action) {
    case "rolled_back": return `Went back from step ${count(data.from_step)} to step ${count(data.step)}`;
    case "remedied": return `Went back to step ${count(data.step)} and on with a change: ${words(data.remedy ?? "")}`;
    case "resumed": return `Went on from step ${count(data.step ?? 0)}`;
    case "ended_early": return "Ended before its last step, with its best version";
    case "killed_hung": return "Stood still for too long and was begun again";
    case "recipe_chosen": return `Recipe ${data.recipe} was chosen`;
    default: return words(data.action ?? "");
  }
}

/** The line of an event, for a list of all. @param {any} event */
export function eventWords({ type, data }) {
  switch (type) {
    case "status": return `Became ${words(data.status)}${data.attempt > 1 ? `, attempt ${data.attempt}` : ""}${data.failure ? `: ${data.failure.message}` : ""}`;
    case "diagnosis": return `${words(data.verdict)}: ${data.summary}`;
    case "published": return `Published ${data.model}@${data.version} of step ${count(data.step)}`;
    case "checkpoint": return `Kept a checkpoint at step ${count(data.step)}`;
    case "sample": return `Drew a grid at step ${count(data.step)}`;
    case "log": return `${data.level}: ${data.message}`;
    case "end": return `Ended: ${words(data.status)}`;
    case "action": return actionWords(data) + (data.reason ? `: ${data.reason}` : "");
    default: return words(type);
  }
}
