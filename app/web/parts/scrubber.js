// The grids of a run, one for each time it drew: every one that was kept can be gone to, exactly.
import { html, useEffect, useState } from "../lib/ui.js";
import { count } from "../lib/format.js";
import { Icon } from "./icon.js";
import { Picture } from "./picture.js";

const PLAY_EVERY_MS = 250;

/**
 * @param {{run: any, samples: any[], index: number, isNewest: boolean, onIndex: (index: number|null) => void}} props
 *   onIndex: null follows the newest
 */
export function Scrubber({ run, samples, index, isNewest, onIndex }) {
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
      </div>
    </section>`;
}
