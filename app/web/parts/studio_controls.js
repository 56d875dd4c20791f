// The left side of the studio: what is drawn.
import { isDrawn } from "../lib/catalog.js";
import { html } from "../lib/ui.js";
import { COUNTS, SEEDS } from "../lib/drawing.js";
import { useLive } from "../lib/store.js";
import { Icon } from "./icon.js";

/**
 * @param {{wish: import("../lib/drawing.js").Wish, facts: {model: any, labels: string[]}, isLocked: boolean, onLock: () => void,
 *   change: (changes: Partial<import("../lib/drawing.js").Wish>) => void, roll: () => void}} props
 */
export function Controls({ wish, facts, isLocked, onLock, change, roll }) {
  return html`
    <form class="card card-pad controls" aria-label="What is drawn" onSubmit=${(event) => event.preventDefault()}>
      <${ModelChoice} reference=${wish.model} model=${facts.model} change=${change} />
      ${wish.tab !== "morph" && html`<${SeedChoice} wish=${wish} isLocked=${isLocked} onLock=${onLock} change=${change} roll=${roll} hasLabels=${facts.labels.length > 0} />`}
      ${facts.labels.length > 0 && html`<${LabelChoice} labels=${facts.labels} label=${wish.label} change=${change} />`}
      <div class="field">
        <div class="field-head"><label for="truncation">Truncation</label><output class="num small">${wish.truncation.toFixed(2)}</output></div>
        <input id="truncation" class="range" type="range" min="0.05" max="1" step="0.05" value=${wish.truncation} onInput=${(event) => change({ truncation: Number(event.target.value) })} />
        <p class="field-help">Less is tamer: fewer failures, less variety.</p>
      </div>
      ${wish.tab === "grid" && html`
        <div class="field">
          <span class="field-name" id="count-name">Pictures</span>
          <div class="chips" role="group" aria-labelledby="count-name">
            ${COUNTS.map((n) => html`<button key=${n} type="button" aria-pressed=${wish.n === n} onClick=${() => change({ n })}>${n}</button>`)}
          </div>
        </div>`}
      ${wish.tab !== "map" && html`<div class="field">
        <label for="scale">Size of a saved file</label>
        <select id="scale" class="input" value=${wish.scale} onChange=${(event) => change({ scale: Number(event.target.value) })}>
          ${[1, 2, 3, 4, 6, 8].map((scale) => html`<option key=${scale} value=${scale}>${scale === 1 ? "As drawn" : `${scale} times`}${facts.size && wish.tab === "single" ? ` (${facts.size * scale} px)` : ""}</option>`)}
        </select>
      </div>`}
    </form>`;
}

/** A model, and one of its versions or aliases. @param {{reference: string, model: any, change: (changes: any) => void}} props */
function ModelChoice({ reference, model, change }) {
  const { models } = useLive();
  const isCheckpoint = reference.startsWith("run:");
  const name = isCheckpoint ? reference : reference.split(/[@:]/)[0];
  const names = [...new Set([...Object.keys(models).filter((one) => isDrawn(models[one].task)), ...(isCheckpoint || !name ? [] : [name])])].sort();
  const aliases = Object.entries(model?.aliases ?? {});
  return html`
    <div class="field">
      <label for="model">Model</label>
      <select id="model" class="input" value=${name} onChange=${(event) => change({ model: event.target.value, label: "" })}>
        ${isCheckpoint && html`<option value=${reference}>Checkpoint ${reference.slice(4)}</option>`}
        ${names.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
      </select>
    </div>
    ${model && html`
      <div class="field">
        <label for="version">Version</label>
        <select id="version" class="input" value=${reference} onChange=${(event) => change({ model: event.target.value })}>
          <option value=${name}>As served (${model.aliases.production === undefined ? "latest" : "production"})</option>
          ${aliases.map(([alias, version]) => html`<option key=${alias} value=${`${name}:${alias}`}>${alias} (version ${version})</option>`)}
          ${model.versions.map(({ version, step }) => html`<option key=${version} value=${`${name}@${version}`}>Version ${version}, step ${step}</option>`)}
        </select>
      </div>`}`;
}

/** @param {{wish: any, isLocked: boolean, onLock: () => void, change: (changes: any) => void, roll: () => void, hasLabels: boolean}} props */
function SeedChoice({ wish, isLocked, onLock, change, roll, hasLabels }) {
  const set = (event) => {
    const seed = Number(event.target.value);
    if (event.target.value !== "" && Number.isInteger(seed) && seed >= 0 && seed < SEEDS) change({ seed });
    else event.target.value = wish.seed;
  };
  const lock = isLocked ? "Let the dice choose the seed" : "Keep the seed: then the dice chooses the label";
  return html`
    <div class="field">
      <label for="seed">Seed</label>
      <div class="joined">
        <input id="seed" class="input" inputmode="numeric" value=${wish.seed} onChange=${set} />
        <button type="button" class=${isLocked ? "button is-on" : "button"} aria-pressed=${isLocked} aria-label="Keep the seed" title=${lock} onClick=${onLock}><${Icon} name=${isLocked ? "lock" : "unlock"} /></button>
        <button type="button" class="button" aria-label=${isLocked ? "Another label" : "Another seed"} title="R" disabled=${isLocked && !hasLabels} onClick=${roll}><${Icon} name="dice" /></button>
      </div>
      ${isLocked && html`<p class="field-help">Kept. The dice chooses ${hasLabels ? "another label" : "nothing: this model has no labels"}.</p>`}
    </div>`;
}

/** @param {{labels: string[], label: string, change: (changes: any) => void}} props */
function LabelChoice({ labels, label, change }) {
  return html`
    <div class="field">
      <span class="field-name" id="label-name">Label</span>
      <div class="chips labels" role="group" aria-labelledby="label-name">
        <button type="button" aria-pressed=${label === ""} onClick=${() => change({ label: "" })}>any</button>
        ${labels.map((name) => html`<button key=${name} type="button" title=${name} aria-pressed=${label === name} onClick=${() => change({ label: name })}>${name}</button>`)}
      </div>
    </div>`;
}
