// The pictures that were looked at in the studio, newest first; they are there again after a reload.
import { html } from "../lib/ui.js";
import { drawQuery } from "../lib/drawing.js";
import { Icon } from "./icon.js";
import { Picture } from "./picture.js";

const MOST = 40;

/** What is kept: the newest, each once. @param {import("../lib/drawing.js").Wish[]} kept @param {import("../lib/drawing.js").Wish} wish with a pinned version */
export function withNewest(kept, wish) {
  const same = JSON.stringify(wish);
  return [wish, ...kept.filter((other) => JSON.stringify(other) !== same)].slice(0, MOST);
}

/** @param {{kept: import("../lib/drawing.js").Wish[], onPick: (wish: import("../lib/drawing.js").Wish) => void, onClear: () => void}} props */
export function History({ kept, onPick, onClear }) {
  return html`
    <aside class="history" aria-label="History">
      <div class="section-head"><h2>History</h2>${kept.length > 0 && html`<button class="icon-button" aria-label="Clear the history" title="Clear the history" onClick=${onClear}><${Icon} name="trash" size=${16} /></button>`}</div>
      ${kept.length === 0 && html`<p class="muted small">What you draw stays here, in this browser.</p>`}
      <ol class="film">
        ${kept.map((wish) => html`
          <li key=${JSON.stringify(wish)}>
            <button title=${`${wish.model}, seed ${wish.seed}`} aria-label=${`Show ${wish.model}, seed ${wish.seed}${wish.tab === "grid" ? `, ${wish.n} pictures` : ""}`} onClick=${() => onPick(wish)}>
              <${Picture} path="generate" query=${drawQuery(wish)} alt="" />
            </button>
          </li>`)}
      </ol>
    </aside>`;
}
