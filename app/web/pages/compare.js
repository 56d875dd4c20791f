// Compare: some runs beside each other. Their curves in one chart each, the options in which they differ, their pictures.
import { html, useMemo, useState } from "../lib/ui.js";
import { addressOf, getAll, getJson } from "../lib/api.js";
import { compareCommands, idsOf, MOST, namesOf, toggled } from "../lib/compare.js";
import { useEvery, useLoaded } from "../lib/load.js";
import { setQuery } from "../lib/router.js";
import { useLive } from "../lib/store.js";
import { viewHash } from "../lib/url.js";
import { Differences, Overlays } from "../parts/compared.js";
import { SameSeeds } from "../parts/compared_pictures.js";
import { CopyMenu } from "../parts/copy.js";
import { Empty, Waiting } from "../parts/empty.js";
import { Icon } from "../parts/icon.js";
import { ChartControls } from "../parts/run_charts.js";
import { StatusChip } from "../parts/status.js";

const POINTS = 600; // of each curve
const AGAIN_EVERY_MS = 10_000;

/** @param {{query: Record<string, string>}} props */
export default function Compare({ query }) {
  const ids = idsOf(query.runs);
  const { runs, lost, isLoading } = useRuns(ids);
  const kind = ["images_seen", "time"].includes(query.x) ? query.x : "step";
  const here = runs.map((run) => run.id);
  const { data: curves } = useWhileRunning(runs, (signal) => Promise.all(here.map((id) => getJson(`train/${id}/metrics`, { query: { x: kind, max_points: POINTS }, signal }))), [here.join(), kind]);
  const { data: samples } = useWhileRunning(runs, (signal) => Promise.all(here.map((id) => getAll(`train/${id}/samples`, { query: { limit: 500 }, signal }))), [here.join()]);
  const [hovered, setHovered] = useState(null);
  const names = namesOf(runs);
  const onPick = (x) => kind === "step" && setQuery({ at: Math.round(x) });
  return html`
    <div class="head">
      <div class="head-text"><a class="back" href=${viewHash(["runs"], { pick: ids.join(",") })}><${Icon} name="left" size=${15} /> Runs</a><h1>Compare</h1><p>Curves over one another, what was set differently, and the same seeds side by side.</p></div>
      <div class="head-actions">${ids.length > 0 && html`<${CopyMenu} commands=${compareCommands(addressOf("").replace(/\/$/, ""), ids, kind)} />`}</div>
    </div>
    <${Chosen} ids=${ids} runs=${runs} names=${names} lost=${lost} />
    ${!runs.length && (isLoading ? html`<${Waiting} what="the runs" />` : html`<div class="card"><${Empty} icon="compare" title="Nothing to compare" actions=${html`<a class="button is-primary" href="#/runs">Choose runs</a>`}>Mark two runs or more in the list.<//></div>`)}
    ${runs.length > 0 && html`
      <section class="card course-charts compared-charts" aria-label="Curves" onMouseLeave=${() => setHovered(null)}>
        ${useMemo(() => html`<${ChartControls} query=${query} />`, [JSON.stringify(query)])}
        ${curves ? html`<${Overlays} names=${names} curves=${curves} kind=${kind} query=${query} at=${kind === "step" && query.at ? Number(query.at) : null} onHover=${(x) => setHovered(kind === "step" ? x : null)} onPick=${onPick} />` : html`<${Waiting} what="the numbers" />`}
      </section>
      <${SameSeeds} runs=${runs} names=${names} samples=${samples} query=${query} hovered=${hovered} />
      <${Differences} runs=${runs} names=${names} isWhole=${query.all === "1"} />`}`;
}

/** The runs of these ids, as new as they can be had. @param {string[]} ids @returns {{runs: any[], lost: string[], isLoading: boolean}} */
function useRuns(ids) {
  const { runs: live } = useLive();
  const { data, isLoading } = useLoaded((signal) => Promise.all(ids.map((id) => getJson(`train/${encodeURIComponent(id)}`, { signal }).catch(() => null))), [ids.join()], ids.join());
  const found = ids.map((id, i) => live[id] ?? data?.[i] ?? null);
  return { runs: found.filter(Boolean), lost: isLoading || !data ? [] : ids.filter((_, i) => !found[i]), isLoading };
}

/** What is asked again in a while as long as one of the runs is not over. @param {any[]} runs @param {(signal: AbortSignal) => Promise<any>} ask @param {string[]} inputs */
function useWhileRunning(runs, ask, inputs) {
  const loaded = useLoaded(ask, inputs, inputs.join(" "));
  const isOn = runs.some((run) => !run.is_terminal && run.status !== "paused");
  useEvery(() => isOn && loaded.again(), AGAIN_EVERY_MS);
  return loaded;
}

/** @param {{ids: string[], runs: any[], names: string[], lost: string[]}} props */
function Chosen({ ids, runs, names, lost }) {
  if (!ids.length) return null;
  return html`
    <ul class="compared" aria-label="Runs">
      ${runs.map((run, i) => html`
        <li key=${run.id} class="card"><i class="swatch" style=${{ background: `var(--run-${i + 1})` }}></i>
          <a class="cut" href=${viewHash(["runs", run.id])} title=${names[i]}>${names[i]}</a><${StatusChip} status=${run.status} />
          <button class="icon-button" aria-label=${`Leave out ${names[i]}`} onClick=${() => setQuery({ runs: toggled(ids, run.id), picks: null }, { step: true })}><${Icon} name="close" size=${15} /></button></li>`)}
      ${lost.map((id) => html`<li key=${id} class="card is-lost"><span class="cut" title=${id}>There is no run ${id}</span>
          <button class="icon-button" aria-label=${`Leave out ${id}`} onClick=${() => setQuery({ runs: toggled(ids, id), picks: null })}><${Icon} name="close" size=${15} /></button></li>`)}
      ${ids.length < MOST && html`<li><a class="button is-small" href=${viewHash(["runs"], { pick: ids.join(",") })}><${Icon} name="plus" size=${15} /> Add runs</a></li>`}
    </ul>`;
}
