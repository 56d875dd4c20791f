// What a hole was filled with: a few drafts to choose from, or how far they are.
import { classes, html, useEffect, useMemo } from "../lib/ui.js";
import { blobOf } from "../lib/completing.js";
import { percent } from "../lib/format.js";
import { Icon } from "./icon.js";

/** Addresses of the drafts in this tab, for as long as they are shown. @param {import("../lib/completing.js").Draft[]} drafts @returns {string[]} */
export function useDraftUrls(drafts) {
  const urls = useMemo(() => drafts.map(({ png }) => URL.createObjectURL(blobOf(png))), [drafts]);
  useEffect(() => () => urls.forEach((url) => URL.revokeObjectURL(url)), [urls]);
  return urls;
}

/**
 * @param {{urls: string[], drafts: import("../lib/completing.js").Draft[], chosen: number, onChoose: (index: number) => void, work: Working|null}} props
 * @typedef {{share: number|null, cancel: () => void}} Working share: of a search, how much of it is done
 */
export function Drafts({ urls, drafts, chosen, onChoose, work }) {
  return html`
    <aside class="drafts" aria-label="Drafts">
      <div class="section-head"><h2>Drafts</h2></div>
      ${work && html`<${Progress} work=${work} />`}
      ${!work && !drafts.length && html`<p class="muted small">Four ways to fill the hole appear here, to choose from.</p>`}
      <ol class=${classes("draft-list", work && "is-loading")}>
        ${drafts.map((draft, i) => html`
          <li key=${urls[i]}>
            <button aria-pressed=${i === chosen} aria-label=${`Draft ${i + 1}, seed ${draft.seed}`} onClick=${() => onChoose(i)}><img src=${urls[i]} alt="" draggable="false" /></button>
            <span class="muted small num">${draft.label_name ?? `seed ${draft.seed}`}</span>
          </li>`)}
      </ol>
    </aside>`;
}

/** @param {{work: Working}} props */
function Progress({ work }) {
  const done = work.share === null ? undefined : Math.floor(100 * work.share);
  return html`
    <div class="draft-work" role="status">
      <div class=${classes("bar", work.share === null && "is-unknown")} role="progressbar" aria-label="Filling the hole" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${done}><i style=${{ width: `${done ?? 100}%` }}></i></div>
      <div class="progress-text"><span>${work.share === null ? "Filling" : "Searching"}</span><span>${work.share !== null && percent(work.share)}</span></div>
      <button class="button is-small" onClick=${work.cancel}><${Icon} name="close" size=${15} /> Cancel</button>
    </div>`;
}
