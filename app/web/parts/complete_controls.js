// The left side of Complete: which model fills the hole, and what paints it.
import { html } from "../lib/ui.js";
import { anySeed, SEEDS } from "../lib/drawing.js";
import { percent } from "../lib/format.js";
import { shareOf } from "../lib/hole.js";
import { Icon } from "./icon.js";

/**
 * @param {{wish: any, names: {trained: string[], searched: string[]}, facts: any, isSearched: boolean, subject: any, change: (changes: any) => void}} props
 */
export function CompleteControls({ wish, names, facts, isSearched, subject, change }) {
  const name = wish.model.split(/[@:]/)[0];
  const groups = [["Learnt to complete", names.trained], ["By search, slower", names.searched]];
  const isListed = groups.some(([, all]) => all.includes(wish.model));
  return html`
    <form class="card card-pad controls" aria-label="How it is filled" onSubmit=${(event) => event.preventDefault()}>
      <div class="field">
        <label for="model">Model</label>
        <select id="model" class="input" value=${wish.model} onChange=${(event) => change({ model: event.target.value, label: null })}>
          ${!isListed && name && html`<option value=${wish.model}>${wish.model}</option>`}
          ${groups.map(([title, all]) => all.length > 0 && html`<optgroup key=${title} label=${title}>${all.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</optgroup>`)}
        </select>
        ${facts && html`<p class="field-help">${isSearched
          ? "It learnt to draw, not to complete: its noise is searched for what fits the rest, which takes a while."
          : "It learnt to fill holes, and does it at once."} ${facts.image_size} × ${facts.image_size} px, ${facts.channels === 1 ? "grey" : "colour"}.</p>`}
      </div>
      <${Tools} subject=${subject} />
      ${facts?.labels.length > 0 && html`
        <div class="field">
          <label for="label">What it is of</label>
          <select id="label" class="input" value=${wish.label} onChange=${(event) => change({ label: event.target.value || null })}>
            <option value="">${isSearched ? "What fits best" : "Of each draft another"}</option>
            ${facts.labels.map((label) => html`<option key=${label} value=${label}>${label}</option>`)}
          </select>
        </div>`}
      <${Seed} seed=${wish.seed} change=${change} />
    </form>`;
}

/** @param {{subject: any}} props */
function Tools({ subject }) {
  const { tool, setTool, isErasing, setErasing, thickness, setThickness, hole } = subject;
  const choose = (next, erases) => () => {
    setTool(next);
    setErasing(erases);
  };
  const tools = [["Brush", "brush", false], ["Box", "box", false], ["Eraser", "brush", true]];
  return html`
    <div class="field">
      <span class="field-name" id="tool-name">The hole</span>
      <div class="chips" role="group" aria-labelledby="tool-name">
        ${tools.map(([word, value, erases]) => html`<button key=${word} type="button" aria-pressed=${tool === value && isErasing === erases} onClick=${choose(value, erases)}>${word}</button>`)}
      </div>
      ${tool === "brush" && html`
        <div class="field-head"><label for="thickness">Thickness</label><output class="num small">${percent(thickness)}</output></div>
        <input id="thickness" class="range" type="range" min="0.04" max="0.5" step="0.02" value=${thickness} onInput=${(event) => setThickness(Number(event.target.value))} />`}
      <div class="row">
        <button type="button" class="button is-small" disabled=${!subject.canUndo} onClick=${subject.undo}><${Icon} name="retry" size=${15} /> Undo</button>
        <button type="button" class="button is-small" disabled=${!hole || shareOf(hole) === 0} onClick=${subject.clear}><${Icon} name="close" size=${15} /> No hole</button>
        ${hole && html`<span class="muted small num">${percent(shareOf(hole))} of it</span>`}
      </div>
    </div>`;
}

/** @param {{seed: number, change: (changes: any) => void}} props */
function Seed({ seed, change }) {
  const set = (event) => {
    const typed = Number(event.target.value);
    if (event.target.value !== "" && Number.isInteger(typed) && typed >= 0 && typed < SEEDS) change({ seed: typed });
    else event.target.value = seed;
  };
  return html`
    <div class="field">
      <label for="seed">Seed of the first draft</label>
      <div class="joined">
        <input id="seed" class="input" inputmode="numeric" value=${seed} onChange=${set} />
        <button type="button" class="button" aria-label="Another seed" onClick=${() => change({ seed: anySeed() })}><${Icon} name="dice" /></button>
      </div>
    </div>`;
}
