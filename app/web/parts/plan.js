// What a run would be, before there is one: its recipe and why, its size, its time, and what to think about.
import { html } from "../lib/ui.js";
import { bytes, count, duration, measure } from "../lib/format.js";
import { Icon } from "./icon.js";

/** @param {{plan: any, isLoading: boolean, isMeasuring: boolean, cancel: () => void, problem: any}} props */
export function Plan({ plan, isLoading, isMeasuring, cancel, problem }) {
  return html`
    <section class="card card-pad plan" aria-label="What it will be" aria-busy=${isLoading}>
      <h2>What it will be</h2>
      ${problem && html`<p class="field-error" role="alert"><${Icon} name="warn" size=${16} /><span>${problem.errors.length ? "A field cannot be as it is; see there." : problem.message}</span></p>`}
      ${!plan && !problem && html`<p class="muted">${isLoading ? "Asking the service." : "Choose a dataset."}</p>`}
      ${plan && html`
        <p><b>${plan.recipe}</b>${plan.recipe_reason && html`<span class="muted">: ${plan.recipe_reason}</span>`}</p>
        <dl class="facts">
          <div><dt>Steps</dt><dd>${count(plan.resolved.steps)}</dd></div>
          <div><dt>Batch</dt><dd>${count(plan.resolved.batch_size)}</dd></div>
          <div><dt>Device</dt><dd>${plan.device ?? "–"}</dd></div>
          <div><dt>Generator</dt><dd>${millions(plan.parameters.generator)}</dd></div>
          <div><dt>Discriminator</dt><dd>${millions(plan.parameters.discriminator)}</dd></div>
        </dl>
        <${Estimate} plan=${plan} isMeasuring=${isMeasuring} cancel=${cancel} />
        ${plan.warnings.length > 0 && html`<ul class="warnings">${plan.warnings.map((one) => html`<li key=${one.code + one.pointer}><${Icon} name="info" size=${16} /><span>${one.detail}</span></li>`)}</ul>`}`}
    </section>`;
}

/** @param {{plan: any, isMeasuring: boolean, cancel: () => void}} props */
function Estimate({ plan, isMeasuring, cancel }) {
  if (isMeasuring) return html`<div class="measuring" role="status"><span class="waiting-bar" aria-hidden="true"></span><span>Making a few real steps to tell how long it takes</span><button type="button" class="link" onClick=${cancel}>Cancel</button></div>`;
  if (!plan.time) return null;
  const range = plan.time.seconds_range;
  return html`
    <dl class="facts estimate">
      <div><dt>About</dt><dd>${duration(plan.time.seconds)}</dd></div>
      ${range && html`<div><dt>From, to</dt><dd>${duration(range.least ?? range[0])}, ${duration(range.most ?? range[1])}</dd></div>`}
      <div><dt>Images/s</dt><dd>${measure(plan.time.images_per_second)}</dd></div>
      ${plan.memory && html`<div><dt>Memory</dt><dd>${bytes(plan.memory.bytes)}</dd></div>`}
    </dl>`;
}

/** @param {number|null|undefined} value */
function millions(value) {
  return value === null || value === undefined ? "–" : value >= 1e5 ? `${(value / 1e6).toFixed(1)} M weights` : `${count(value)} weights`;
}
