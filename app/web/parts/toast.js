// Short notices at the edge of the page: what was done, or why not, with the code of the problem. Spoken by screen readers.
import { html, useEffect, useState } from "../lib/ui.js";
import { Problem } from "../lib/api.js";
import { Icon } from "./icon.js";

const STAYS_MS = 6_000;

/** @typedef {{id: number, tone: "good"|"bad", text: string, code?: string}} Notice */

/** @type {Notice[]} */
let notices = [];
/** @type {((notices: Notice[]) => void)|null} */
let show = null;
let count = 0;

/** @param {string} text @param {{tone?: "good"|"bad", code?: string}} [how] */
export function say(text, { tone = "good", code } = {}) {
  const notice = { id: ++count, tone, text, code };
  notices = [...notices.slice(-3), notice];
  show?.(notices);
  setTimeout(() => drop(notice.id), tone === "bad" ? 2 * STAYS_MS : STAYS_MS);
}

/** Tell of an error; nothing of what was cancelled. @param {unknown} error */
export function sayError(error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  if (error instanceof Problem) say(error.message, { tone: "bad", code: error.code });
  else say(String(error), { tone: "bad" });
}

/** @param {number} id */
function drop(id) {
  notices = notices.filter((notice) => notice.id !== id);
  show?.(notices);
}

export function Toasts() {
  const [shown, setShown] = useState(notices);
  useEffect(() => {
    show = setShown;
    setShown(notices);
    return () => {
      show = null;
    };
  }, []);
  return html`
    <div class="toasts" role="status" aria-live="polite">
      ${shown.map((notice) => html`
        <div key=${notice.id} class=${`toast is-${notice.tone}`}>
          <${Icon} name=${notice.tone === "bad" ? "warn" : "check"} />
          <p>${notice.text} ${notice.code && html`<code>${notice.code}</code>`}</p>
          <button class="icon-button" aria-label="Close" onClick=${() => drop(notice.id)}><${Icon} name="close" size=${16} /></button>
        </div>`)}
    </div>`;
}
