// What is wrong with a run, in plain words with its numbers, and what to do, one click away.
import { html } from "../lib/ui.js";
import { measure, metricName, words } from "../lib/format.js";
import { viewHash } from "../lib/url.js";
import { act, verbsOf } from "../lib/verbs.js";
import { Deed } from "./deed.js";
import { Icon } from "./icon.js";
import { isHealthy } from "./status.js";

/** What each verdict means to somebody who hears of it for the first time. */
const MEANING = {
  exploding: "The numbers of the training run away. What it draws from here on is worth nothing.",
  discriminator_too_strong: "The network that judges always wins, so the one that draws no longer learns from its answers.",
  silence: "Most of what it makes is silent.",
  mode_collapse: "The pictures have become alike: the generator has found one trick and repeats it.",
  label_ignored: "It draws something else than the class that it is asked for.",
  memorising: "Its pictures come too near to single training pictures.",
  discriminator_overfitting: "The network that judges knows the training pictures by heart, and the drawn ones get no better.",
  stalled: "Its pictures have not become better for long.",
};

/** @param {{run: any}} props */
export function Banner({ run }) {
  if (run.status === "failed") return html`<${Failure} run=${run} />`;
  if (run.ended_early) return html`<${EndedEarly} run=${run} />`;
  if (isHealthy(run.diagnosis)) return null;
  const { verdict, summary, numbers, advice } = run.diagnosis;
  return html`
    <section class="banner is-warn" role="alert">
      <${Icon} name="warn" size=${22} />
      <div>
        <h2>${sentence(words(verdict))}</h2>
        <p>${MEANING[verdict] ?? ""} <span class="muted">${sentence(summary)}</span></p>
        <dl class="facts small">${Object.entries(numbers).slice(0, 6).map(([name, value]) => html`<div key=${name}><dt>${metricName(name)}</dt><dd>${measure(value)}</dd></div>`)}</dl>
        ${advice.length > 0 && html`
          <h3>What helps</h3>
          <ul class="advice">${advice.map((one) => html`<${Advice} key=${one.text} run=${run} advice=${one} />`)}</ul>`}
        <div class="row">
          ${verbsOf(run).includes("pause") && html`<${Deed} scope="train" of=${run} class="button is-small" onClick=${() => act(run, "pause")}><${Icon} name="pause" size=${15} /> Pause it<//>`}
          <a class="button is-small" href=${viewHash(["runs", run.id], { tab: "checkpoints" })}>Publish an earlier checkpoint</a>
        </div>
      </div>
    </section>`;
}

/** @param {{run: any, advice: any}} props */
function Advice({ run, advice }) {
  const href = advice.field && viewHash(["new"], { from: run.id, [advice.field]: String(advice.value) });
  return html`<li><span>${sentence(adviceWords(advice.text))}</span>${href && html` <a class="button is-small" href=${href}>New run with this</a>`}</li>`;
}

/** @param {{run: any}} props */
function Failure({ run }) {
  const { failure } = run;
  return html`
    <section class="banner is-bad" role="alert">
      <${Icon} name="warn" size=${22} />
      <div>
        <h2>It failed: ${words(failure?.code ?? "unknown")}</h2>
        <p>${failure?.message}</p>
        <div class="row">
          ${verbsOf(run).includes("retry") && html`<${Deed} scope="train" of=${run} class="button is-small" onClick=${() => act(run, "retry")}><${Icon} name="retry" size=${15} /> Retry from its last checkpoint<//>`}
        </div>
      </div>
    </section>`;
}

/** @param {{run: any}} props */
function EndedEarly({ run }) {
  return html`
    <section class="banner is-quiet">
      <${Icon} name="info" size=${22} />
      <div><h2>It ended before its last step, with its best version</h2><p>${sentence(run.ended_early.message)}</p></div>
    </section>`;
}

/** "config.generator_lr=0.001: why" as people say it. @param {string} text */
function adviceWords(text) {
  return text.replace(/^(?:\w+\.)*(\w+)=([^\s:]+)/, (_, name, value) => `${words(name)} ${value}`);
}

/** @param {string} text */
function sentence(text) {
  const full = text.charAt(0).toUpperCase() + text.slice(1);
  return full;
}
