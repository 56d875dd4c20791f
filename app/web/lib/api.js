// The one door to the service: every request of the page passes here. A refusal for want of a key is told to the window.
import { queryString } from "./url.js";

/** Where the service is: this file is at BASE/page/EDITION/lib/, also under the prefix of a proxy. */
export const BASE = new URL("../../../", import.meta.url);

/** The event of the window that tells that the service wants to know who asks. */
export const UNKNOWN_VISITOR = "unknownvisitor";

/** What the service said when it refused, or that it said nothing (`unreachable`). */
export class Problem extends Error {
  /** @param {{status?: number, code?: string, title?: string, detail?: string, errors?: {pointer: string, detail: string}[], [more: string]: unknown}} body */
  constructor(body) {
    super(body.detail || body.title || "The service refused.");
    this.status = body.status ?? 0;
    this.code = body.code ?? "unknown";
    this.title = body.title ?? "Refused";
    this.errors = body.errors ?? [];
    this.body = body;
  }
}

/** @typedef {{method?: string, query?: Record<string, unknown>, json?: unknown, body?: BodyInit, headers?: Record<string, string>, signal?: AbortSignal}} Options */

/** The address of a path of the service, for a link. @param {string} path @param {Record<string, unknown>} [query] */
export function addressOf(path, query = {}) {
  const asked = queryString(query);
  return new URL(path.replace(/^\//, "") + (asked && `?${asked}`), BASE).href;
}

/**
 * Send a request; the answer, if it is a good one.
 * @param {string} path @param {Options} [options] @returns {Promise<Response>}
 * @throws {Problem} also where nothing answers; an AbortError where `signal` says so
 */
export async function request(path, { method = "GET", query, json, body, headers = {}, signal } = {}) {
  const sent = json === undefined ? { body, headers } : { body: JSON.stringify(json), headers: { "Content-Type": "application/json", ...headers } };
  let answer;
  try {
    answer = await fetch(addressOf(path, query), { method, signal, credentials: "same-origin", ...sent });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem({ code: "unreachable", title: "No answer", detail: "The service does not answer. Is it running?" });
  }
  if (answer.ok) return answer;
  if (answer.status === 401 && path !== "session") dispatchEvent(new Event(UNKNOWN_VISITOR));
  throw new Problem(await problemOf(answer));
}

/** @param {Response} answer */
async function problemOf(answer) {
  try {
    return { status: answer.status, ...(await answer.json()) };
  } catch {
    return { status: answer.status, code: "unknown", title: `Status ${answer.status}`, detail: `The service answered with status ${answer.status}.` };
  }
}

/** @param {string} path @param {Options} [options] @returns {Promise<any>} */
export async function getJson(path, options) {
  return (await request(path, { ...options, headers: { Accept: "application/json", ...options?.headers } })).json();
}

/** @param {string} path @param {unknown} [json] @param {Options} [options] @returns {Promise<any>} */
export async function postJson(path, json, options) {
  const answer = await request(path, { method: "POST", json, ...options });
  return answer.status === 204 ? null : answer.json();
}

/** Every item of a list, page after page, up to `most`. @param {string} path @param {Options & {most?: number}} [options] @returns {Promise<any[]>} */
export async function getAll(path, { most = 10_000, ...options } = {}) {
  const found = [];
  let cursor = null;
  do {
    const page = await getJson(path, { ...options, query: { ...options.query, cursor } });
    found.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null && found.length < most);
  return found;
}

/** The text of an error for people. @param {unknown} error */
export function told(error) {
  return error instanceof Problem ? error.message : String(error);
}
