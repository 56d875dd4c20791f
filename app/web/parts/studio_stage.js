// The middle of the studio: the picture, and what it is.
import { html } from "../lib/ui.js";
import { besideSeed, drawQuery, TABS } from "../lib/drawing.js";
import { Icon } from "./icon.js";
import { Frame } from "./picture.js";
import { Player } from "./player.js";

/** @param {{tab: string, change: (changes: any) => void}} props */
export function StageTabs({ tab, change }) {
  return html`
    <div class="tabs" role="group" aria-label="What is shown">
      ${Object.entries(TABS).map(([value, word]) => html`<button key=${value} aria-pressed=${tab === value} onClick=${() => change({ tab: value })}>${word}</button>`)}
    </div>`;
}

/** @param {{wish: any, facts: any, shown: import("./picture.js").Shown, pinned: string|null, change: (changes: any) => void, beside: (by: number) => void, roll: () => void, save: (format: string) => void, isLocked: boolean}} props */
export function Stage({ wish, facts, shown, pinned, change, beside, roll, save, isLocked }) {
  return html`
    <section class="stage" aria-label="Picture">
      <div class="stage-head">
        <${StageTabs} tab=${wish.tab} change=${change} />
        <div class="row">
          ${facts.isSound && wish.tab === "single" && html`<button class="button" disabled=${!shown.url} onClick=${() => save("wav")}><${Icon} name="download" /> WAV</button>`}
          <button class="button" disabled=${!shown.url} onClick=${() => save("png")}><${Icon} name="download" /> PNG</button>
          <button class="button" disabled=${!shown.url} onClick=${() => save("zip")}><${Icon} name="download" /> ZIP</button>
        </div>
      </div>
      <div class="card stage-box">
        <div class=${`stage-picture is-${wish.tab}`} onClick=${(event) => wish.tab === "grid" && pick(event, wish, facts, change)}>
          <${Frame} shown=${shown} alt=${`${wish.tab === "grid" ? `${wish.n} pictures` : "The picture"} that ${pinned ?? wish.model} drew from seed ${wish.seed}`} />
        </div>
        ${facts.isSound && pinned && html`<${Player} path="generate" query=${drawQuery({ ...wish, model: pinned }, { format: "wav" })} label="What was drawn, as sound" />`}
        <div class="stage-keys">
          <button class="icon-button" aria-label="Seed before" title="Left arrow" disabled=${isLocked} onClick=${() => beside(-1)}><${Icon} name="left" /></button>
          <button class="button is-primary" onClick=${roll} disabled=${isLocked && !facts.labels.length}><${Icon} name="dice" /> ${isLocked ? "Another label" : "Another seed"}</button>
          <button class="icon-button" aria-label="Seed behind" title="Right arrow" disabled=${isLocked} onClick=${() => beside(1)}><${Icon} name="right" /></button>
        </div>
      </div>
      <${Caption} wish=${wish} facts=${facts} shown=${shown} pinned=${pinned} />
    </section>`;
}

/** @param {{wish: any, facts: any, shown: import("./picture.js").Shown, pinned: string|null}} props */
function Caption({ wish, facts, shown, pinned }) {
  const timing = /infer;dur=([\d.]+)/.exec(shown.headers?.get("Server-Timing") ?? "");
  const label = wish.tab === "single" && shown.headers?.get("Label");
  return html`
    <dl class="facts caption">
      <div><dt>Drawn by</dt><dd>${pinned ?? "–"}</dd></div>
      <div><dt>${wish.tab === "grid" ? "Seeds" : "Seed"}</dt><dd>${wish.seed}${wish.tab === "grid" && ` to ${besideSeed(wish.seed, wish.n - 1)}`}</dd></div>
      ${label && facts.labels.length > 0 && html`<div><dt>Label</dt><dd>${facts.labels[Number(label)] ?? label}</dd></div>`}
      ${timing && html`<div><dt>Took</dt><dd>${Math.max(Math.round(Number(timing[1])), 1)} ms</dd></div>`}
    </dl>
    <p class="muted small hints"><span><kbd>R</kbd> random</span><span><kbd>←</kbd> <kbd>→</kbd> seed beside</span><span><kbd>S</kbd> save</span>
      ${facts.isSound && html`<span>A spectrogram: time runs to the right, high tones are on top.</span>`}
      <span>${wish.tab === "grid" ? "Click a picture to see it alone." : "Drop a saved PNG here to get its seed back."}</span></p>`;
}

/** One picture of the grid, alone: found by where it was clicked. @param {MouseEvent} event @param {any} wish @param {any} facts @param {(changes: any) => void} change */
function pick(event, wish, facts, change) {
  const image = event.currentTarget.querySelector("img");
  if (!image || event.target !== image || !facts.size) return;
  const box = image.getBoundingClientRect();
  const zoom = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight);
  const x = (event.clientX - box.left - (box.width - zoom * image.naturalWidth) / 2) / zoom;
  const y = (event.clientY - box.top - (box.height - zoom * image.naturalHeight) / 2) / zoom;
  const columns = Math.round(image.naturalWidth / facts.size);
  const index = Math.floor(y / facts.size) * columns + Math.floor(x / facts.size);
  if (x >= 0 && y >= 0 && x < image.naturalWidth && index < wish.n) change({ tab: "single", seed: besideSeed(wish.seed, index) });
}
