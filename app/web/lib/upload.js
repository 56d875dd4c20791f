// A request whose body is seen to leave: XMLHttpRequest, the one way of a browser to tell how much of a body was sent.
import { addressOf, Problem } from "./api.js";

/**
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
    request.onload = () => (request.status < 300 ? resolve(JSON.parse(request.responseText)) : reject(new Problem(problemOf(request))));
    request.onerror = () => reject(new Problem({ code: "unreachable", title: "No answer", detail: "The connection broke before there was an answer. Nothing half-sent is kept." }));
    request.onabort = () => reject(new DOMException("called off", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}

/** @param {XMLHttpRequest} request */
function problemOf(request) {
  try {
    return { status: request.status, ...JSON.parse(request.responseText) };
  } catch {
    return { status: request.status, code: "unknown", title: `Status ${request.status}`, detail: `The service answered with status ${request.status}.` };
  }
}
