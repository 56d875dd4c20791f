// What several runs draw from the same seeds, side by side: the grids that they kept on their way, or checkpoints drawn now.
import { html } from "../lib/ui.js";
import { getAll } from "../lib/api.js";
import { gridAt, stepsOf } from "../lib/compare.js";
import { anySeed } from "../lib/drawing.js";
import { count } from "../lib/format.js";
import { useLoaded } from "../lib/load.js";
import { setQuery } from "../lib/router.js";
import { useLive } from "../lib/store.js";
import { Allowed } from "./deed.js";
import { Empty, Trouble, Waiting } from "./empty.js";
import { Icon } from "./icon.js";
import { Picture } from "./picture.js";

const KINDS = { kept: "On their way", checkpoints: "From checkpoints" };
const GRID = 16;

/** @param {{runs: any[], names: string[], samples: any[][]|null, query: Record<string, string>, hovered: number|null}} props */
export function SameSeeds({ runs, names, samples, query, hovered }) {
  const kind = query.grids === "checkpoints" ? "checkpoints" : "kept";
  return html`
    <section class="section" aria-label="Same seeds">
      <div class="section-head"><h2>Same seeds</h2>
        <div class="tabs" role="group" aria-label="Which pictures">${Object.entries(KINDS).map(([value, word]) => html`<button key=${value} aria-pressed=${kind === value} onClick=${() => setQuery({ grids: value === "kept" ? null : value })}>${word}</button>`)}</div></div>
      <div class="card card-pad">
        ${kind === "checkpoints" ? html`<${Allowed} scope="generate" title="Checkpoints are drawn anew"><${FromCheckpoints} runs=${runs} names=${names} query=${query} /><//>`
          : samples && samples.length === runs.length ? html`<${Kept} runs=${runs} names=${names} samples=${samples} query=${query} hovered=${hovered} />`
          : html`<${Waiting} what="the grids" />`}
      </div>
    </section>`;
}

/** @param {{runs: any[], names: string[], samples: any[][], query: Record<string, string>, hovered: number|null}} props */
function Kept({ runs, names, samples, query, hovered }) {
  const steps = stepsOf(samples);
  if (!steps.length) return html`<${Empty} icon="data" title="No pictures yet">Each run draws the same seeds again and again.<//>`;
  const asked = hovered ?? Number(query.at ?? steps.at(-1));
  const index = Math.max(steps.findLastIndex((step) => step <= asked), 0);
  return html`
    <div class="side-by-side">
      ${runs.map((run, i) => {
        const sample = gridAt(samples[i], steps[index]);
        return html`
          <figure key=${run.id}>
            <${Caption} number=${i + 1} name=${names[i]}><span class="muted small num">${sample ? `step ${count(sample.step)}` : ""}</span><//>
            ${sample ? html`<${Picture} path=${`train/${run.id}/samples/${sample.branch}-${sample.step}`} alt=${`What ${names[i]} drew at step ${sample.step}`} />` : html`<${Nothing} text="No pictures yet" />`}
          </figure>`;
      })}
    </div>
    <label class="side-by-side-at"><span>Step <b class="num">${count(steps[index])}</b></span>
      <input class="range" type="range" min="0" max=${steps.length - 1} step="1" value=${index} aria-label="Step" aria-valuetext=${`step ${steps[index]}`} onInput=${(event) => setQuery({ at: Number(event.target.value) === steps.length - 1 ? null : steps[Number(event.target.value)] })} /></label>`;
}

/** @param {{runs: any[], names: string[], query: Record<string, string>}} props */
function FromCheckpoints({ runs, names, query }) {
  const { changes } = useLive();
  const key = runs.map((run) => run.id).join();
  const { data, error, again } = useLoaded((signal) => Promise.all(runs.map((run) => getAll(`train/${run.id}/checkpoints`, { signal }))), [key, changes], key);
  if (error) return html`<${Trouble} error=${error} again=${again} />`;
  if (!data) return html`<${Waiting} what="the checkpoints" />`;
  const seed = Number(query.seed ?? 0);
  const picks = (query.picks ?? "").split(",");
  const chosen = runs.map((run, i) => data[i].find((one) => placeOf(one) === picks[i]) ?? usual(run, data[i]));
  const pick = (i, place) => setQuery({ picks: runs.map((_, j) => (j === i ? place : picks[j] ?? "")).join(",") });
  return html`
    <div class="side-by-side">
      ${runs.map((run, i) => html`
        <figure key=${run.id}>
          <${Caption} number=${i + 1} name=${names[i]}>
            ${chosen[i] && html`<select class="input is-filter" aria-label=${`Checkpoint of ${names[i]}`} value=${placeOf(chosen[i])} onChange=${(event) => pick(i, event.target.value)}>
              ${data[i].map((one) => html`<option key=${placeOf(one)} value=${placeOf(one)}>step ${count(one.step)}${isBest(run, one) ? ", best" : ""}</option>`)}</select>`}<//>
          ${chosen[i] ? html`<${Picture} path="generate" query=${{ model: `run:${run.id}@${placeOf(chosen[i])}`, seed, n: GRID }} alt=${`What ${names[i]} draws from seed ${seed} on`} />` : html`<${Nothing} text="No checkpoint is kept" />`}
        </figure>`)}
    </div>
    <div class="row side-by-side-at"><button class="button is-small" onClick=${() => setQuery({ seed: anySeed() })}><${Icon} name="dice" size=${15} /> Other seeds</button><span class="muted small num">All from seed ${seed} on</span></div>`;
}

/** The best, else the newest. @param {any} run @param {any[]} checkpoints */
function usual(run, checkpoints) {
  return checkpoints.find((one) => isBest(run, one)) ?? checkpoints.reduce((newest, one) => (!newest || one.step > newest.step ? one : newest), null);
}

/** @param {any} run @param {any} one */
function isBest(run, one) {
  return run.best !== null && run.best.step === one.step && run.best.branch === one.branch;
}

/** @param {any} checkpoint */
function placeOf({ branch, step }) {
  return `${branch}-${step}`;
}

/** @param {{number: number, name: string, children: any}} props */
function Caption({ number, name, children }) {
  return html`<figcaption><i class="swatch" style=${{ background: `var(--run-${number})` }}></i><span class="cut" title=${name}>${name}</span>${children}</figcaption>`;
}

/** @param {{text: string}} props */
function Nothing({ text }) {
  return html`<div class="picture is-blank"><div class="picture-note">${text}</div></div>`;
}
