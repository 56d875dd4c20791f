// What can be done with a run: the words, when it can be done, and the request. `links` of a run says which it allows.
import { postJson, request } from "./api.js";
import { runName } from "./format.js";
import { know } from "./store.js";
import { say, sayError } from "../parts/toast.js";

/** @type {Record<string, {word: string, icon: string, done: string}>} */
export const VERBS = {
  pause: { word: "Pause", icon: "pause", done: "pauses as soon as it has kept a checkpoint" },
  resume: { word: "Resume", icon: "play", done: "goes on from its last checkpoint" },
  retry: { word: "Retry", icon: "retry", done: "is tried again from its last checkpoint" },
  cancel: { word: "Cancel", icon: "close", done: "ends as soon as it has kept a checkpoint" },
};

/** The verbs that a run allows now. @param {any} run */
export function verbsOf(run) {
  return Object.keys(VERBS).filter((verb) => verb in run.links);
}

/** Do it, tell of it, and show the run as it is then. @param {any} run @param {string} verb */
export async function act(run, verb) {
  try {
    know(await postJson(`train/${run.id}/${verb}`));
    say(`“${runName(run)}” ${VERBS[verb].done}.`);
  } catch (error) {
    sayError(error);
  }
}

/** @param {any} run @returns {Promise<boolean>} whether it is gone */
export async function remove(run) {
  try {
    await request(`train/${run.id}`, { method: "DELETE" });
    say(`“${runName(run)}” is deleted. The models that it published stay.`);
    return true;
  } catch (error) {
    sayError(error);
    return false;
  }
}

/** A short run on the bundled digits, that anybody can begin with: it ends after three minutes of work with its best version. */
export const DEMO = {
  dataset: "mnist-10k",
  name: "Demo: handwritten digits",
  model: "demo",
  config: { steps: 3000, extractor: "none", sample_every: 10 },
  limits: { max_duration: 180 },
};

/** @returns {Promise<any>} the run, or null */
export async function startDemo() {
  try {
    const run = await postJson("train", DEMO);
    know(run);
    say("The demo run is on its way. Its first pictures come within a minute.");
    return run;
  } catch (error) {
    sayError(error);
    return null;
  }
}
