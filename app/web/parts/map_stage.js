// The map: a lattice of seeds to drag through. Between four of them lies a mixture of their noise, as long as noise is.
import { html, useRef } from "../lib/ui.js";
import { anySeed } from "../lib/drawing.js";
import { useKeys } from "../lib/keys.js";
import { around, bodyAt, placeOf, seedsOf, SIDE } from "../lib/lattice.js";
import { setQuery } from "../lib/router.js";
import { saveBlob } from "../lib/saving.js";
import { Icon } from "./icon.js";
import { Frame, usePicture } from "./picture.js";
import { StageTabs } from "./studio_stage.js";

const STEP = 0.25; // of an arrow key

/** @param {{wish: any, facts: any, query: Record<string, string>, fileName: string, change: (changes: any) => void}} props */
export function MapStage({ wish, facts, query, fileName, change }) {
  const place = placeOf(query);
  const label = labelOf(wish, facts);
  const truncation = wish.truncation === 1 ? null : wish.truncation;
  const isReady = wish.model !== "" && facts.latentDim !== null;
  const lattice = usePicture(isReady ? "generate" : null, { model: wish.model, seeds: seedsOf(wish.seed).join(","), label, truncation });
  const shown = usePicture(isReady ? "generate" : null, {}, isReady ? bodyAt(wish, place, facts.latentDim, label) : undefined);
  const move = (x, y) => setQuery(placeOf({ x: String(x), y: String(y) }));
  const snap = () => move(Math.round(place.x), Math.round(place.y));
  const roll = () => change({ seed: anySeed() });
  const save = () => shown.blob && saveBlob(shown.blob, `${fileName}.png`);
  useKeys({
    r: roll, s: save, ArrowLeft: () => move(place.x - STEP, place.y), ArrowRight: () => move(place.x + STEP, place.y),
    ArrowUp: () => move(place.x, place.y - STEP), ArrowDown: () => move(place.x, place.y + STEP),
  });
  const near = around(wish.seed, place);
  return html`
    <section class="stage" aria-label="Map">
      <div class="stage-head"><${StageTabs} tab="map" change=${change} />
        <div class="row"><button class="button" disabled=${!shown.url} onClick=${save}><${Icon} name="download" /> PNG</button></div></div>
      <div class="card stage-box map">
        <${Pad} lattice=${lattice} place=${place} move=${move} seed=${wish.seed} />
        <div class="map-shown">
          <${Frame} shown=${shown} alt=${near.length === 1 ? `The picture of seed ${near[0].seed}` : `The picture between the seeds ${near.map(({ seed }) => seed).join(", ")}`} />
          <dl class="facts small">${near.slice().sort((a, b) => b.weight - a.weight).map(({ seed, weight }) => html`<div key=${seed}><dt>${Math.round(100 * weight)} %</dt><dd>seed ${seed}</dd></div>`)}</dl>
        </div>
        <div class="stage-keys">
          <button class="button is-primary" onClick=${roll}><${Icon} name="dice" /> Elsewhere</button>
          <button class="button" disabled=${near.length === 1} onClick=${snap}>To the nearest seed</button>
          ${near.length === 1 && html`<button class="button" onClick=${() => change({ tab: "single", seed: near[0].seed, label: label ?? "" })}>Look at it alone</button>`}
        </div>
      </div>
      <p class="muted small hints"><span>Drag over the map, or use the arrows.</span><span><kbd>R</kbd> elsewhere</span><span><kbd>S</kbd> save</span><span>A seed to the right counts 1 up, one below 100.</span></p>
    </section>`;
}

/** One class for all of the map: what is chosen, else that of the seed at its corner. @param {any} wish @param {any} facts */
export function labelOf(wish, facts) {
  if (wish.label || !facts.labels.length) return wish.label || null;
  return facts.labels[wish.seed % facts.labels.length];
}

/** @param {{lattice: import("./picture.js").Shown, place: {x: number, y: number}, move: (x: number, y: number) => void, seed: number}} props */
function Pad({ lattice, place, move, seed }) {
  const box = useRef(null);
  const asked = useRef(0);
  const follow = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    if (event.type === "pointerdown") event.currentTarget.setPointerCapture(event.pointerId);
    const { clientX, clientY } = event;
    cancelAnimationFrame(asked.current);
    asked.current = requestAnimationFrame(() => {
      const { left, top, width, height } = box.current.getBoundingClientRect();
      move((SIDE * (clientX - left)) / width - 0.5, (SIDE * (clientY - top)) / height - 0.5);
    });
  };
  const share = (at) => `${(100 * (at + 0.5)) / SIDE}%`;
  return html`
    <div class="map-pad" ref=${box} onPointerDown=${follow} onPointerMove=${follow}>
      <${Frame} shown=${lattice} alt=${`Pictures of ${SIDE * SIDE} seeds from ${seed} on`} />
      <i class="map-at" style=${{ left: share(place.x), top: share(place.y) }} aria-hidden="true"></i>
    </div>
    <p class="visually-hidden" role="status">Column ${place.x + 1}, row ${place.y + 1} of ${SIDE}</p>`;
}
