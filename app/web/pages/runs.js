// Runs: all of them, newest first, filtered as the address says.
import { html, useEffect, useState } from "../lib/ui.js";
import { addressOf, getJson } from "../lib/api.js";
import { curl, ganymede, options, python } from "../lib/commands.js";
import { idsOf, MOST, toggled } from "../lib/compare.js";
import { ago, count, left, measure, runName, shortId } from "../lib/format.js";
import { useLoaded, useNow } from "../lib/load.js";
import { setQuery } from "../lib/router.js";
import { useLive } from "../lib/store.js";
import { viewHash } from "../lib/url.js";
import { CopyMenu } from "../parts/copy.js";
import { Empty, Trouble, Waiting } from "../parts/empty.js";
import { Icon } from "../parts/icon.js";
import { StatusChip, VerdictChip } from "../parts/status.js";
import { Table } from "../parts/table.js";

const PAGE = 50;
const STATUSES = { "": "All", running: "Running", queued: "Queued", paused: "Paused", succeeded: "Succeeded", failed: "Failed", canceled: "Canceled" };
const FILTERS = ["dataset", "recipe", "model", "tag"];

/** @param {{query: Record<string, string>}} props */
export default function Runs({ query }) {
  const { status, dataset, recipe, model, tag } = query;
  const filters = { status, dataset, recipe, model, tag };
  const key = JSON.stringify(filters);
  const { runs: live, changes } = useLive();
  const [older, setOlder] = useState([]);
  const page = useLoaded((signal) => getJson("train", { query: { ...filters, limit: PAGE }, signal }), [key, changes], key);
  useEffect(() => setOlder([]), [key]);
  const rows = [...(page.data?.data ?? []), ...older].map((run) => live[run.id] ?? run);
  const cursor = older.length ? older.cursor : page.data?.next_cursor;
  const more = async () => {
    const next = await getJson("train", { query: { ...filters, limit: PAGE, cursor } });
    setOlder(Object.assign([...older, ...next.data], { cursor: next.next_cursor }));
  };
  const isFiltered = Object.values(filters).some(Boolean);
  return html`
    <div class="head">
      <div class="head-text"><h1>Runs</h1><p>Every training that was asked for, newest first.</p></div>
      <div class="head-actions"><a class="button is-primary" href="#/new"><${Icon} name="plus" /> New run</a><${CopyMenu} commands=${commandsOf(filters)} /></div>
    </div>
    <${Filters} query=${query} rows=${rows} />
    <${Picked} ids=${idsOf(query.pick)} />
    <div class="card">
      ${page.error ? html`<${Trouble} error=${page.error} again=${page.again} />`
        : !page.data ? (page.isLoading ? html`<${Waiting} what="runs" cancel=${page.cancel} />` : html`<${Empty} title="Cancelled" actions=${html`<button class="button" onClick=${page.again}>Load</button>`} />`)
        : rows.length ? html`<${List} rows=${rows} picked=${idsOf(query.pick)} />`
        : isFiltered ? html`<${Empty} icon="runs" title="No run is like that" actions=${html`<button class="button" onClick=${() => setQuery({ status: null, dataset: null, recipe: null, model: null, tag: null })}>Show all</button>`}>None has all that you filter by.<//>`
        : html`<${Empty} icon="runs" title="No runs yet" actions=${html`<a class="button is-primary" href="#/">Start the demo</a>`}>A run is one training of a model. The first takes three minutes.<//>`}
      ${cursor && html`<div class="card-pad row"><button class="button" onClick=${more}>Older runs</button></div>`}
    </div>`;
}

/** @param {Record<string, string>} filters */
function commandsOf(filters) {
  const base = addressOf("").replace(/\/$/, "");
  const { model, ...asked } = filters; // the command filters by all but the model
  const words = Object.entries(asked).filter(([, value]) => value).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ");
  return [
    { name: "curl", text: curl(base, { path: "train", query: filters }) },
    { name: "ganymede", text: ganymede(base, ["runs", "ls", ...options(asked)]) },
    { name: "Python", text: python(base, `runs.list(${words})`) },
  ];
}

/** @param {{query: Record<string, string>, rows: any[]}} props */
function Filters({ query, rows }) {
  return html`
    <div class="filters">
      <div class="tabs" role="group" aria-label="Status">
        ${Object.entries(STATUSES).map(([value, word]) => html`
          <button key=${value} aria-pressed=${(query.status ?? "") === value} onClick=${() => setQuery({ status: value || null }, { step: true })}>${word}</button>`)}
      </div>
      <div class="row">
        ${FILTERS.filter((name) => query[name]).map((name) => html`
          <button key=${name} class="button is-small is-on" aria-label=${`Remove the filter ${name}`} onClick=${() => setQuery({ [name]: null }, { step: true })}>${name}: ${query[name]} ×</button>`)}
        ${FILTERS.slice(0, 3).filter((name) => !query[name]).map((name) => html`<${Choice} key=${name} name=${name} values=${[...new Set(rows.map((run) => run[name]))].sort()} />`)}
      </div>
    </div>`;
}

/** A filter to choose; there where there is a choice. @param {{name: string, values: string[]}} props */
function Choice({ name, values }) {
  if (values.length < 2) return null;
  return html`
    <select class="input is-filter" aria-label=${`Filter by ${name}`} onChange=${(event) => setQuery({ [name]: event.target.value }, { step: true })}>
      <option value="">Any ${name}</option>
      ${values.map((value) => html`<option key=${value} value=${value}>${value}</option>`)}
    </select>`;
}

/** What is marked, and where it leads. @param {{ids: string[]}} props */
function Picked({ ids }) {
  if (!ids.length) return null;
  return html`
    <div class="notice picked" role="status">
      <span>${ids.length === 1 ? "One run is marked. Mark another to compare them." : `${ids.length} runs are marked${ids.length === MOST ? ": no more fit" : ""}.`}</span>
      ${ids.length > 1 && html`<a class="button is-small is-primary" href=${viewHash(["compare"], { runs: ids.join(",") })}><${Icon} name="compare" size=${15} /> Compare them</a>`}
      <button class="button is-small" onClick=${() => setQuery({ pick: null })}>Clear</button>
    </div>`;
}

/** @param {{run: any, picked: string[]}} props */
function Mark({ run, picked }) {
  const isOn = picked.includes(run.id);
  return html`<label class="mark" title="Mark to compare"><input type="checkbox" checked=${isOn} disabled=${!isOn && picked.length >= MOST} aria-label=${`Mark ${runName(run)} ${shortId(run.id)} to compare`} onChange=${() => setQuery({ pick: toggled(picked, run.id) })} /></label>`;
}

/** @param {{rows: any[], picked: string[]}} props */
function List({ rows, picked }) {
  const now = useNow(10_000);
  const columns = [
    { title: "Compare", isControl: true, cell: (run) => html`<${Mark} run=${run} picked=${picked} />` },
    { title: "Run", cell: (run) => html`<span class="cut">${runName(run)}</span><span class="muted small">${shortId(run.id)}</span>` },
    { title: "Status", cell: (run) => html`<span class="row"><${StatusChip} status=${run.status} />${!run.is_terminal && html`<${VerdictChip} diagnosis=${run.diagnosis} />`}</span>` },
    { title: "Recipe", cell: (run) => run.recipe },
    { title: "Dataset", cell: (run) => html`<span class="cut">${run.dataset}</span>` },
    { title: "Steps", isNumber: true, cell: (run) => html`${count(run.progress.step)}<span class="muted"> / ${count(run.progress.total)}</span>` },
    { title: "FD", isNumber: true, cell: (run) => measure(run.latest.metrics.fd) },
    { title: "Images/s", isNumber: true, isMinor: true, cell: (run) => (run.status === "running" ? measure(run.progress.images_per_second) : "–") },
    { title: "Time left", isNumber: true, isMinor: true, cell: (run) => left(run.eta_at, now) },
    { title: "Begun", isNumber: true, cell: (run) => ago(run.created_at, now) },
  ];
  return html`<${Table} label="Runs" columns=${columns} rows=${rows} keyOf=${(run) => run.id} hrefOf=${(run) => viewHash(["runs", run.id])} />`;
}
