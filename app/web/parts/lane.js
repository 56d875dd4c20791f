// The lane above the charts: a flag for each thing that happened, where it happened. A flag leads to the pictures of then.
import { html } from "../lib/ui.js";

const LEFT_PX = 54; // as wide as the axis of the charts
const MOST = 40;

/** @param {{marks: (import("../lib/marks.js").Mark & {x: number})[], from: number, to: number, onPick: (x: number) => void}} props */
export function Lane({ marks, from, to, onPick }) {
  const inside = marks.filter(({ x }) => x <= to && x >= Math.min(from, 0)).slice(-MOST);
  if (!inside.length) return null;
  const share = (x) => Math.min(Math.max((x - from) / (to - from || 1), 0), 1);
  return html`
    <div class="lane" role="group" aria-label="What happened">
      <div class="lane-field" style=${{ marginLeft: `${LEFT_PX}px` }}>
        ${inside.map((mark) => html`
          <button key=${mark.id} class=${`flag is-${mark.tone} ${share(mark.x) > 0.7 ? "is-late" : ""}`} style=${{ left: `${100 * share(mark.x)}%` }} aria-label=${`Step ${mark.step}: ${mark.text}`} onClick=${() => onPick(mark.x)}>
            <i></i><span class="flag-text"><b>${mark.short}</b> ${mark.text}</span>
          </button>`)}
      </div>
    </div>`;
}
