// Cards to choose one of: datasets with a glance at their pictures, recipes with what they are for.
import { html } from "../lib/ui.js";
import { countWords } from "../lib/datasets.js";
import { plural } from "../lib/format.js";
import { Picture } from "./picture.js";

const GLANCE = 24; // pictures

/** @param {{datasets: any[], chosen: string, onChoose: (name: string) => void}} props */
export function DatasetCards({ datasets, chosen, onChoose }) {
  return html`
    <div class="choice-cards" role="group" aria-label="Dataset">
      ${datasets.map((dataset) => html`
        <button key=${dataset.name} type="button" class="choice has-picture" aria-pressed=${chosen === dataset.name} onClick=${() => onChoose(dataset.name)}>
          <${Picture} path=${`datasets/${dataset.name}/preview`} query=${{ n: GLANCE }} alt="" />
          <span class="choice-text"><b>${dataset.name}</b><span>${countWords(dataset)} of ${dataset.audio ? `${dataset.audio.seconds} s` : `${dataset.width} px`}${dataset.class_names.length ? `, ${plural(dataset.class_names.length, "class", "classes")}` : ""}</span></span>
        </button>`)}
    </div>`;
}

/** @param {{recipes: Record<string, any>, auto: string, chosen: string, taken: string|null, onChoose: (name: string) => void}} props taken: what auto comes to */
export function RecipeCards({ recipes, auto, chosen, taken, onChoose }) {
  const all = [["", { what: `Chosen for you by the pictures and the device${taken && !chosen ? `: ${taken}` : ""}.` }], ...Object.entries(recipes)];
  return html`
    <div class="choice-cards is-recipes" role="group" aria-label="Recipe">
      ${all.map(([name, recipe]) => html`
        <button key=${name} type="button" class="choice" title=${recipe.expect ?? auto} aria-pressed=${chosen === name} onClick=${() => onChoose(name)}>
          <span class="choice-text"><b>${name || "auto"}</b><span>${recipe.what}</span></span>
        </button>`)}
    </div>
    ${chosen && recipes[chosen] && html`<p class="field-help">${recipes[chosen].expect} <span>(${recipes[chosen].source})</span></p>`}`;
}
