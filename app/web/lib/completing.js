// What fills a hole: which models can, what is asked of them, and how far a search is.
import { Problem, request } from "./api.js";
import { curl, ganymede, keywords, options, python } from "./commands.js";
import { takeMessages } from "./sse.js";

export const DRAFTS = 4;
const SEARCH_STEPS = 100; // of each draft: half of what is usual, for who waits
const PNG = "image/png";

/** @typedef {{seed: number, label: number|null, label_name: string|null, png: string}} Draft */

/**
 * The models that can, by name: those that learnt to complete first, for they are quicker and better at it.
 * @param {Record<string, {task?: string|null, medium?: string|null}>} models
 * @returns {{trained: string[], searched: string[]}}
 */
export function completers(models) {
  const names = Object.keys(models).filter((name) => (models[name].medium ?? "image") === "image").sort();
  const of = (task) => names.filter((name) => (models[name].task ?? "generation") === task);
  return { trained: of("completion"), searched: of("generation") };
}

/**
 * The query of POST /complete.
 * @param {{model: string, seed: number, label: string}} wish @param {boolean} isSearched @param {Record<string, unknown>} [more]
 */
export function completeQuery({ model, seed, label }, isSearched, more = {}) {
  const search = isSearched ? { method: "search", steps: SEARCH_STEPS } : {};
  return { model, ...search, seed, n: DRAFTS, label: label || null, ...more };
}

/** @param {string} base @param {Record<string, unknown>} query @param {string} name of the file with the hole @returns {import("./commands.js").Command[]} */
export function completeCommands(base, query, name) {
  const output = "drafts.png";
  return [
    { name: "curl", text: curl(base, { method: "POST", path: "complete", query, headers: { "Content-Type": PNG }, content: name, output }) },
    { name: "ganymede", text: ganymede(base, ["complete", name, ...options({ ...query, output })]) },
    { name: "Python", text: python(base, `complete(${JSON.stringify(name)}, ${keywords(query)}).save(${JSON.stringify(output)})`) },
  ];
}

/**
 * Have a hole filled.
 * @param {Record<string, unknown>} query @param {Blob} body a PNG with the hole @param {AbortSignal} signal
 * @param {(share: number) => void} onProgress of a search, 0 to 1 @returns {Promise<{model: string, version: number|string, images: Draft[]}>}
 * @throws {Problem}
 */
export async function complete(query, body, signal, onProgress) {
  const isSearched = query.method === "search";
  const accept = isSearched ? "text/event-stream" : "application/json";
  const answer = await request("complete", { method: "POST", query, body, signal, headers: { "Content-Type": PNG, Accept: accept } });
  return isSearched ? ended(answer.body.getReader(), onProgress) : answer.json();
}

/** @param {ReadableStreamDefaultReader<Uint8Array>} reader @param {(share: number) => void} onProgress */
async function ended(reader, onProgress) {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Problem({ code: "unreachable", title: "No answer", detail: "The connection broke before the hole was filled." });
    const { messages, rest } = takeMessages(text + decoder.decode(value, { stream: true }));
    text = rest;
    for (const { event, data } of messages) {
      const said = JSON.parse(data);
      if (event === "progress") onProgress(shareDone(said));
      else if (event === "done") return said;
      else if (event === "failed") throw new Problem(said);
    }
  }
}

/** How far a search is, 0 to 1. @param {{draft: number, drafts: number, step: number, steps: number}} progress */
export function shareDone({ draft, drafts, step, steps }) {
  return (draft + (step + 1) / (steps + 1)) / drafts;
}

/** @param {string} base64 of a PNG @returns {Blob} */
export function blobOf(base64) {
  return new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type: PNG });
}
