// The grids of a run, one for each time it drew: every one that was kept can be gone to, exactly.
import { html, useEffect, useState } from "../lib/ui.js";
import { count } from "../lib/format.js";
import { setQuery } from "../lib/router.js";
import { viewHash } from "../lib/url.js";
import { Icon } from "./icon.js";
import { Picture } from "./picture.js";

const PLAY_EVERY_MS = 250;
const REAL = 64; // pictures

/**
 * @param {{run: any, samples: any[], index: number, isNewest: boolean, hasReal: boolean, onIndex: (index: number|null) => void}} props
 *   hasReal: real pictures are shown, too; onIndex: null follows the newest
 */
export function Scrubber({ run, samples, index, isNewest, hasReal, onIndex }) {
  const [isPlaying, setPlaying] = useState(false);
  const last = samples.length - 1;
  const to = (next) => onIndex(next >= last ? null : Math.max(next, 0));
  useEffect(() => {
    if (!isPlaying) return undefined;
    if (index >= last) {
      setPlaying(false);
      return undefined;
    }
    const timer = setTimeout(() => to(index + 1), PLAY_EVERY_MS);
    return () => clearTimeout(timer);
  }, [isPlaying, index]);
  const play = () => {
    if (!isPlaying && index >= last) onIndex(0);
    setPlaying(!isPlaying);
  };
  const sample = samples[index];
  const dataset = run.dataset.split("@")[0];
  return html`
    <section class="card scrubber" aria-label="What it draws">
      <${Picture} path=${`train/${run.id}/samples/${sample.branch}-${sample.step}`} alt=${`What it drew at step ${sample.step}`} />
      <div class="scrubber-foot">
        <div class="scrubber-head">
          <h3>Step <span class="num">${count(sample.step)}</span>${sample.branch > 0 && html`<span class="muted small"> branch ${sample.branch}</span>`}</h3>
          <span class="muted small num">${index + 1} of ${samples.length}${isNewest && run.status === "running" ? ", live" : ""}</span>
        </div>
        <input class="range" type="range" min="0" max=${last} step="1" value=${index} aria-label="Grid" aria-valuetext=${`step ${sample.step}`} onInput=${(event) => to(Number(event.target.value))} />
        <div class="scrubber-keys">
          <button class="icon-button" aria-label="First grid" disabled=${index === 0} onClick=${() => to(0)}><${Icon} name="first" /></button>
          <button class="icon-button" aria-label="Grid before" disabled=${index === 0} onClick=${() => to(index - 1)}><${Icon} name="left" /></button>
          <button class="button is-small" onClick=${play}><${Icon} name=${isPlaying ? "pause" : "play"} size=${15} /> ${isPlaying ? "Stop" : "Play"}</button>
          <button class="icon-button" aria-label="Next grid" disabled=${index >= last} onClick=${() => to(index + 1)}><${Icon} name="right" /></button>
          <button class="icon-button" aria-label="Newest grid" disabled=${isNewest} onClick=${() => to(last)}><${Icon} name="last" /></button>
        </div>
        <label class="check"><input type="checkbox" checked=${hasReal} onChange=${(event) => setQuery({ real: event.target.checked ? 1 : null })} /> Real pictures beside it</label>
      </div>
      ${hasReal && html`<figure class="scrubber-real"><figcaption class="muted small">What it learns from: <a href=${viewHash(["data", dataset])}>${dataset}</a></figcaption><${Picture} path=${`datasets/${encodeURIComponent(dataset)}/preview`} query=${{ n: REAL }} alt=${`Real pictures of ${dataset}`} /></figure>`}
    </section>`;
}
