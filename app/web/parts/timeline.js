// One seed through a run: what each thing that is kept of it draws, from its first step to its last.
import { html } from "../lib/ui.js";
import { addressOf, getJson } from "../lib/api.js";
import { anySeed, SEEDS } from "../lib/drawing.js";
import { count } from "../lib/format.js";
import { useLoaded } from "../lib/load.js";
import { setQuery } from "../lib/router.js";
import { useLive } from "../lib/store.js";
import { goneWords, timelineCommands } from "../lib/timeline.js";
import { viewHash } from "../lib/url.js";
import { CopyMenu } from "./copy.js";
import { Allowed } from "./deed.js";
import { Empty, Trouble, Waiting } from "./empty.js";
import { Icon } from "./icon.js";

/** @param {{run: any, query: Record<string, string>}} props */
export function TimelineTab({ run, query }) {
  return html`<${Allowed} scope="generate" title="Each step is drawn anew"><${Timeline} run=${run} query=${query} /><//>`;
}

/** @param {{run: any, query: Record<string, string>}} props */
function Timeline({ run, query }) {
  const { changes } = useLive();
  const seed = Number(query.seed ?? 0);
  const isKept = run.latest.checkpoint_step !== null || run.published.length > 0;
  const ask = (signal) => getJson("generate/timeline", { query: { run: run.id, seed, format: "json" }, signal });
  const { data, error, isLoading, again, cancel } = useLoaded((signal) => (isKept ? ask(signal) : Promise.resolve(null)), [run.id, seed, isKept, changes], run.id);
  if (!isKept) return html`<${Empty} icon="flag" title="Nothing to draw with yet">With its first checkpoint a run can be drawn from. Until then its sample grids show how it learns.<//>`;
  const set = (event) => {
    const next = Number(event.target.value);
    if (event.target.value !== "" && Number.isInteger(next) && next >= 0 && next < SEEDS) setQuery({ seed: next || null });
    else event.target.value = String(seed);
  };
  return html`
    <div class="copies">
      <div class="copies-head">
        <label class="copies-step"><span>Seed</span><input class="input" inputmode="numeric" value=${seed} onChange=${set} />
          <button class="icon-button" type="button" aria-label="Another seed" onClick=${() => setQuery({ seed: anySeed() })}><${Icon} name="dice" /></button></label>
        <${CopyMenu} isSmall commands=${timelineCommands(addressOf("").replace(/\/$/, ""), run.id, seed)} />
      </div>
      ${error ? html`<${Trouble} error=${error} again=${again} />`
        : !data ? (isLoading ? html`<${Waiting} what="each step" cancel=${cancel} />` : html`<${Empty} title="Cancelled" actions=${html`<button class="button" onClick=${again}>Draw</button>`} />`)
        : html`
          <ol class=${`timeline ${isLoading ? "is-loading" : ""}`} aria-label="Steps">
            ${data.frames.map((frame) => html`
              <li key=${frame.reference}><a href=${viewHash(["studio"], { model: frame.reference, seed })} title=${`Draw with ${frame.reference}`}>
                <span class="picture"><img src=${`data:image/png;base64,${frame.png}`} alt=${`Seed ${data.seed} at step ${frame.step}`} /></span>
                <b class="num">${count(frame.step)}</b><span class="muted small cut">${frame.reference.startsWith("run:") ? "checkpoint" : frame.reference}</span></a></li>`)}
          </ol>
          <p class="muted small">${goneWords(data)}</p>`}
    </div>`;
}
