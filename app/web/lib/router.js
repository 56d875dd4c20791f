// Which view is shown: the hash of the address, so that every view can be bookmarked, sent and gone back to.
import { useEffect, useState } from "./ui.js";
import { parseView, viewHash } from "./url.js";

/** The view that the address names, kept up to date. @returns {import("./url.js").View} */
export function useView() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const look = () => setHash(location.hash);
    addEventListener("hashchange", look);
    addEventListener("viewchange", look);
    look();
    return () => {
      removeEventListener("hashchange", look);
      removeEventListener("viewchange", look);
    };
  }, []);
  return parseView(hash);
}

/** Go to a view. @param {string[]} path @param {Record<string, unknown>} [query] */
export function go(path, query) {
  location.hash = viewHash(path, query);
}

/**
 * Change the query of this view; what is null goes away. It takes no step in the browser's history unless `step` is set.
 * @param {Record<string, unknown>} changes @param {{step?: boolean}} [how]
 */
export function setQuery(changes, { step = false } = {}) {
  const { path, query } = parseView(location.hash);
  const hash = viewHash(path, { ...query, ...changes });
  if (hash === location.hash) return;
  history[step ? "pushState" : "replaceState"](null, "", hash);
  dispatchEvent(new Event("viewchange"));
}
