// A picture of the service: asked for through api.js like all else, so it can be cancelled, and says why it is not there.
import { html, useEffect, useRef, useState } from "../lib/ui.js";
import { request, told } from "../lib/api.js";
import { queryString } from "../lib/url.js";
import { Icon } from "./icon.js";

const PATIENCE_MS = 500; // what takes longer says so, and can be cancelled

/**
 * @typedef {{url: string|null, headers: Headers|null, blob: Blob|null, error: any, isLoading: boolean, isSlow: boolean, cancel: () => void, again: () => void}} Shown
 */

/**
 * The picture at a path; the one before stays until the new one is there. @param {string|null} path @param {Record<string, unknown>} [query]
 * @param {unknown} [json] what is posted, where the picture is asked for by a body @returns {Shown}
 */
export function usePicture(path, query = {}, json = undefined) {
  const [state, setState] = useState({ of: null, url: null, headers: null, blob: null, error: null, isLoading: false, isSlow: false });
  const [turn, setTurn] = useState(0);
  const connection = useRef(null);
  const shown = useRef(null);
  const asked = path === null ? null : `${path}?${queryString(query)} ${json === undefined ? "" : JSON.stringify(json)}`;
  useEffect(() => {
    if (asked === null) return undefined;
    const mine = (connection.current = new AbortController());
    const patience = setTimeout(() => setState((before) => ({ ...before, isSlow: true })), PATIENCE_MS);
    setState((before) => ({ ...before, of: asked, error: null, isLoading: true, isSlow: false }));
    fetchPicture(path, query, json, mine.signal).then(
      (found) => {
        const before = shown.current;
        shown.current = found.url;
        setState({ of: asked, ...found, error: null, isLoading: false, isSlow: false });
        if (before) URL.revokeObjectURL(before);
      },
      (error) => {
        if (connection.current !== mine) return; // another picture is on its way
        setState((before) => ({ ...before, error: mine.signal.aborted ? null : error, isLoading: false, isSlow: false }));
      },
    ).finally(() => clearTimeout(patience));
    return () => {
      clearTimeout(patience);
      mine.abort();
    };
  }, [asked, turn]);
  useEffect(() => () => shown.current && URL.revokeObjectURL(shown.current), []);
  const isLoading = state.of === asked ? state.isLoading : asked !== null; // also before it is asked for
  return { ...state, isLoading, cancel: () => connection.current?.abort(), again: () => setTurn(turn + 1) };
}

/** @param {string} path @param {Record<string, unknown>} query @param {unknown} json @param {AbortSignal} signal */
async function fetchPicture(path, query, json, signal) {
  const answer = await request(path, { method: json === undefined ? "GET" : "POST", query, json, signal, headers: { Accept: "image/png, image/webp" } });
  const blob = await answer.blob();
  signal.throwIfAborted();
  return { url: URL.createObjectURL(blob), headers: answer.headers, blob };
}

/**
 * @param {{path: string|null, query?: Record<string, unknown>, alt: string, className?: string}} props
 */
export function Picture({ path, query, alt, className = "" }) {
  return html`<${Frame} shown=${usePicture(path, query)} alt=${alt} className=${className} />`;
}

/** The picture in its frame, with what there is to say about it. @param {{shown: Shown, alt: string, className?: string}} props */
export function Frame({ shown, alt, className = "" }) {
  const { url, error, isLoading, isSlow } = shown;
  return html`
    <div class=${`picture ${className} ${isLoading ? "is-loading" : ""} ${url ? "" : "is-blank"}`}>
      ${url && html`<img src=${url} alt=${alt} draggable="false" />`}
      ${isSlow && html`<div class="picture-note">Drawing <button class="button is-small" onClick=${shown.cancel}>Cancel</button></div>`}
      ${error && html`
        <div class="picture-note is-bad" role="alert"><${Icon} name="warn" size=${16} /> <span>${told(error)}</span>
          <button class="button is-small" onClick=${shown.again}>Try again</button></div>`}
      ${!url && !isLoading && !error && html`<div class="picture-note"><button class="button is-small" onClick=${shown.again}>Draw</button></div>`}
    </div>`;
}
