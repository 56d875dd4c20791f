// One seed through the steps of a run: as commands, and what is told of the steps that are gone. Pure.
import { curl, ganymede, python } from "./commands.js";
import { plural } from "./format.js";

/** @param {{num_gone: number, omitted_steps: number[], label_name: string|null}} body of GET /generate/timeline */
export function goneWords({ num_gone: gone, omitted_steps: omitted, label_name: label }) {
  const words = [label === null ? "" : `It was asked for the class ${label}.`];
  if (omitted.length) words.push(`${plural(omitted.length, "step")} between ${omitted.length === 1 ? "is" : "are"} left out.`);
  words.push(gone ? `${plural(gone, "checkpoint")} of other steps ${gone === 1 ? "is" : "are"} gone: a run keeps its newest two, the best, and what it published. Its sample grids show every step.` : "Every checkpoint that it made is here.");
  return words.filter(Boolean).join(" ");
}

/** @param {string} base @param {string} run @param {number} seed @returns {import("./commands.js").Command[]} */
export function timelineCommands(base, run, seed) {
  return [
    { name: "curl", text: curl(base, { path: "generate/timeline", query: { run, seed, format: "webp" }, output: "learns.webp" }) },
    { name: "ganymede", text: ganymede(base, ["runs", "timeline", run, "--seed", String(seed), "--output", "learns.webp"]) },
    { name: "Python", text: python(base, `runs.timeline_picture(${JSON.stringify(run)}, seed=${seed}, form="webp")`) },
  ];
}
