// The aliases of a model, and every time that one of them moved.
import { html } from "../lib/ui.js";
import { getJson } from "../lib/api.js";
import { ago } from "../lib/format.js";
import { useLoaded, useNow } from "../lib/load.js";
import { Empty, Trouble, Waiting } from "./empty.js";

const SHOWN = 30;

/** @param {{model: any}} props */
export function AliasHistory({ model }) {
  const now = useNow(10_000);
  const { data, error, again, cancel } = useLoaded((signal) => movesOf(model, signal), [JSON.stringify(model.aliases)], model.name);
  return html`
    <section class="section" aria-label="History of aliases">
      <div class="section-head"><h2>History</h2></div>
      <div class="card">
        ${error && !data ? html`<${Trouble} error=${error} again=${again} />`
          : !data ? html`<${Waiting} what="the history" cancel=${cancel} />`
          : data.length ? html`<ol class="moves">${data.slice(0, SHOWN).map((move) => html`
              <li key=${`${move.alias}${move.at}`}>
                <div><b class="cut">${move.alias}</b> <span class="num">${wordsOf(move)}</span></div>
                ${move.reason && html`<p>${move.reason}</p>`}
                <span class="muted small" title=${move.at}>${ago(move.at, now)}</span>
              </li>`)}</ol>`
          : html`<${Empty} icon="flag" title="Nothing was promoted yet">Promote a version, and who draws by the name gets it from then on.<//>`}
      </div>
    </section>`;
}

/** The moves of all aliases but `latest`, which follows every publish; newest first. @param {any} model @param {AbortSignal} signal */
async function movesOf(model, signal) {
  const names = [...new Set(["production", ...Object.keys(model.aliases)])].filter((name) => name !== "latest");
  const path = `models/${encodeURIComponent(model.name)}/aliases`;
  const ask = (name) => getJson(`${path}/${encodeURIComponent(name)}/history`, { signal });
  const known = model.aliases.production === undefined ? names.slice(1) : names;
  const pages = await Promise.all(known.map(ask));
  return pages.flatMap((page) => page.data).sort((a, b) => (a.at < b.at ? 1 : -1));
}

/** @param {{version: number|null, previous: number|null}} move */
function wordsOf({ version, previous }) {
  if (version === null) return `removed, was version ${previous}`;
  if (previous === null) return `points to version ${version}`;
  return `${previous} → ${version}`;
}
