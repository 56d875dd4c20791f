// The same as a command: whatever the page does, as curl, as `ganymede` and as Python. Pure.
import { queryString } from "./url.js";

const USUAL = "http://127.0.0.1:8000";

/** @typedef {{name: string, text: string}} Command */

/** A word of a shell. @param {unknown} word */
export function quoted(word) {
  const text = String(word);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * @param {string} base where the service is
 * @param {{method?: string, path: string, query?: Record<string, unknown>, json?: unknown, headers?: Record<string, string>, form?: [string, string][], files?: string[], content?: string, output?: string}} request content: a file that is the body
 */
export function curl(base, { method = "GET", path, query = {}, json, headers = {}, form = [], files = [], content, output }) {
  const asked = queryString(query);
  const words = ["curl"];
  if (json !== undefined) words.push("--json", quoted(JSON.stringify(json)));
  for (const [name, value] of Object.entries(headers)) words.push("-H", quoted(`${name}: ${value}`));
  for (const [name, value] of form) words.push("--form-string", quoted(`${name}=${value}`));
  for (const file of files) words.push("-F", quoted(`file=@${file}`));
  if (content) words.push("--data-binary", quoted(`@${content}`));
  if (method !== "GET" && !((json !== undefined || files.length || content) && method === "POST")) words.push("-X", method);
  words.push(quoted(`${base}/${path}${asked && `?${asked}`}`));
  if (output) words.push("-o", quoted(output));
  return words.join(" ");
}

/** @param {string} base @param {string[]} words behind `ganymede`; options with nothing to say are left out before */
export function ganymede(base, words) {
  const where = base === USUAL ? [] : ["--url", base];
  return ["ganymede", ...words, ...where].map(quoted).join(" ");
}

/** @param {string} base @param {string} call of a client, without `client.` */
export function python(base, call) {
  const where = base === USUAL ? "" : JSON.stringify(base);
  return `from ganymede import Client\n\nwith Client(${where}) as client:\n    client.${call}`;
}

/** Arguments of a Python call; what is null or undefined is left out. @param {Record<string, unknown>} given */
export function keywords(given) {
  return Object.entries(given).filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => `${name}=${literal(value)}`).join(", ");
}

/** Options of a command; what is null or undefined is left out, and true is the option alone. @param {Record<string, unknown>} given */
export function options(given) {
  return Object.entries(given).flatMap(([name, value]) => {
    if (value === null || value === undefined || value === false) return [];
    const option = name.length === 1 ? `-${name}` : `--${name.replaceAll("_", "-")}`;
    return value === true ? [option] : [option, String(value)];
  });
}

/** @param {string} base @param {Record<string, unknown>} query of GET /generate @param {string} output @returns {Command[]} */
export function drawCommands(base, query, output) {
  const { format, metadata, model, n, ...rest } = query;
  return [
    { name: "curl", text: curl(base, { path: "generate", query, output }) },
    { name: "ganymede", text: ganymede(base, ["generate", ...options({ model, ...rest, n, metadata, output })]) },
    { name: "Python", text: python(base, `generate(${keywords({ model, n, ...rest, metadata, format })}).save(${JSON.stringify(output)})`) },
  ];
}

/** A literal of Python. @param {unknown} value @returns {string} */
export function literal(value) {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null || value === undefined) return "None";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${literal(one)}`).join(", ")}}`;
  return JSON.stringify(value);
}
