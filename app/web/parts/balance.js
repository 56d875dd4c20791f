// How many pictures each class has, as bars; a class that is clicked is looked at alone.
import { html } from "../lib/ui.js";
import { balanceOf, evenness } from "../lib/datasets.js";
import { count, plural } from "../lib/format.js";

const MOST = 40;

/** @param {{dataset: any, chosen: string, onChoose: (label: string) => void}} props */
export function Balance({ dataset, chosen, onChoose }) {
  const { class_names: names, class_counts: counts } = dataset;
  const { bars, hidden } = balanceOf(names, counts, MOST);
  const even = evenness(counts);
  return html`
    <section class="section" aria-label="Classes">
      <div class="section-head"><h2>Classes</h2></div>
      <div class="card card-pad">
        ${names.length === 0
          ? html`<p class="muted">It has no classes: a model learns to draw all of it, and cannot be asked for one kind.</p>`
          : html`
            <p class="muted small">${plural(names.length, "class", "classes")}${even && `, ${even}`}.</p>
            <ul class="balance">
              ${bars.map((bar) => html`
                <li key=${bar.name}>
                  <button aria-pressed=${chosen === bar.name} title=${bar.name} onClick=${() => onChoose(bar.name)}>
                    <span class="balance-name">${bar.name}</span><span class="num">${count(bar.count)}</span>
                    <span class="balance-bar" aria-hidden="true"><i style=${{ width: `${100 * bar.share}%` }}></i></span>
                  </button>
                </li>`)}
            </ul>
            ${hidden > 0 && html`<p class="muted small">The ${MOST} largest; ${count(hidden)} more are not shown.</p>`}`}
      </div>
    </section>`;
}
