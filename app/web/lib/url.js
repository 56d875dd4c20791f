// Addresses of views: `#/runs/run_1?x=time` and what it says, there and back. Pure.

/**
 * @typedef {Object} View
 * @property {string[]} path what is before the question mark, in parts: ["runs", "run_1"]
 * @property {Record<string, string>} query the rest, by name; of two with one name the last counts
 */

/** @param {string} hash @returns {View} */
export function parseView(hash) {
  const [before, after = ""] = split(hash.replace(/^#/, ""));
  const path = before.split("/").filter(Boolean).map(decoded);
  return { path, query: Object.fromEntries(new URLSearchParams(after)) };
}

/** The hash of a view. What is null, undefined or empty is left out. @param {string[]} path @param {Record<string, unknown>} [query] */
export function viewHash(path, query = {}) {
  const asked = queryString(query);
  return `#/${path.map(encodeURIComponent).join("/")}${asked && `?${asked}`}`;
}

/**
 * A query as text; a list is its name once for each value.
 * @param {Record<string, unknown>} query
 */
export function queryString(query) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") params.append(name, String(one));
    }
  }
  return params.toString();
}

/**
 * The first route whose path fits; a part that begins with a colon fits anything, and is a parameter.
 * @template {{path: string[]}} R
 * @param {R[]} routes @param {string[]} path @returns {{route: R, params: Record<string, string>}|null}
 */
export function matchRoute(routes, path) {
  for (const route of routes) {
    if (route.path.length !== path.length) continue;
    const params = {};
    const fits = route.path.every((part, i) => (part.startsWith(":") ? ((params[part.slice(1)] = path[i]), true) : part === path[i]));
    if (fits) return { route, params };
  }
  return null;
}

/** @param {string} text */
function split(text) {
  const at = text.indexOf("?");
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // typed by hand
  }
}
