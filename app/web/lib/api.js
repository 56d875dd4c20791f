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
  throw refusal(path, answer.status, await answer.text().catch(() => ""));
}

/**
 * Send a body whose way out is shown: XMLHttpRequest, the one way of a browser to tell how much of a body was sent.
 * @param {string} path @param {FormData} body
 * @param {{headers?: Record<string, string>, signal: AbortSignal, onSent: (done: number, total: number) => void}} how
 * @returns {Promise<any>} the answer's JSON
 * @throws {Problem} where it was refused, or nothing answers; an AbortError where `signal` says so
 */
export function upload(path, body, { headers = {}, signal, onSent }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", addressOf(path));
    for (const [name, value] of Object.entries({ Accept: "application/json", ...headers })) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onSent(event.loaded, event.total);
    request.onload = () => (request.status < 300 ? resolve(JSON.parse(request.responseText)) : reject(refusal(path, request.status, request.responseText)));
    request.onerror = () => reject(new Problem({ code: "unreachable", title: "No answer", detail: "The connection broke before there was an answer. Nothing half-sent is kept." }));
    request.onabort = () => reject(new DOMException("called off", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}

/** What a refusal says; one for want of a key is told to the window. @param {string} path @param {number} status @param {string} text */
function refusal(path, status, text) {
  if (status === 401 && path !== "session") dispatchEvent(new Event(UNKNOWN_VISITOR));
  try {
    return new Problem({ status, ...JSON.parse(text) });
  } catch {
    return new Problem({ status, code: "unknown", title: `Status ${status}`, detail: `The service answered with status ${status}.` });
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
