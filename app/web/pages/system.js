// System: who works, what waits, what fills the disk, what is in memory, and what to do about what is wrong.
import { html, useState } from "../lib/ui.js";
import { addressOf, getAll, getJson } from "../lib/api.js";
import { curl, ganymede, python } from "../lib/commands.js";
import { ago, bytes, count, duration, plural, runName, shortId } from "../lib/format.js";
import { lookAgain, useHealth } from "../lib/health.js";
import { useLoaded, useNow } from "../lib/load.js";
import { useLive } from "../lib/store.js";
import { bySize, partsOfDisk, troublesOf } from "../lib/system.js";
import { viewHash } from "../lib/url.js";
import { CopyMenu } from "../parts/copy.js";
import { Empty, Trouble, Waiting } from "../parts/empty.js";
import { Icon } from "../parts/icon.js";
import { Table } from "../parts/table.js";

const MOST_RUNS = 30;

export default function System() {
  const { status, isReached } = useHealth();
  const base = addressOf("").replace(/\/$/, "");
  const commands = [
    { name: "curl", text: curl(base, { path: "status" }) },
    { name: "ganymede", text: ganymede(base, ["doctor"]) },
    { name: "Python", text: python(base, "status()") },
  ];
  return html`
    <div class="head">
      <div class="head-text"><h1>System</h1><p>Who trains, what waits, what draws, and how much room there is.</p></div>
      <div class="head-actions"><${CopyMenu} commands=${commands} /></div>
    </div>
    ${!status
      ? isReached === false ? html`<div class="card"><${Empty} icon="warn" title="No answer" actions=${html`<button class="button" onClick=${lookAgain}>Ask again</button>`}>The service does not answer. Is it running?<//></div>` : html`<${Waiting} what="the state of the service" />`
      : html`
        <${Troubles} status=${status} />
        <${Workers} workers=${status.workers} />
        <div class="system">
          <${Queue} queue=${status.queue} />
          <${Engine} status=${status} />
        </div>
        <${Storage} storage=${status.storage} />`}`;
}

/** @param {{status: any}} props */
function Troubles({ status }) {
  const troubles = troublesOf(status);
  if (!troubles.length) return html`<p class="notice is-good"><${Icon} name="check" /> <span>Nothing hinders it. Version ${status.version}, up for ${duration(status.uptime_s)}.</span></p>`;
  return html`<ul class="troubles" role="alert">${troubles.map(({ tone, what, todo }) => html`<li key=${what} class=${`notice is-${tone}`}><${Icon} name="warn" /> <span><b>${what}</b> ${todo}</span></li>`)}</ul>`;
}

/** @param {{workers: any[]|null}} props */
function Workers({ workers }) {
  const now = useNow(5_000);
  const columns = [
    { title: "Worker", cell: (worker) => html`<span class="cut" title=${worker.name}>${worker.host}</span><span class="muted small" title=${worker.hosts.join(", ")}> ${worker.processes > 1 ? `${worker.processes} processes on ${worker.hosts.length} ${worker.hosts.length > 1 ? "hosts" : "host"}` : `process ${worker.pid}`}</span>` },
    { title: "State", cell: (worker) => html`<span class=${`chip is-${worker.is_alive ? (worker.current_run ? "live" : "good") : "bad"}`}><i class="dot"></i>${worker.is_alive ? worker.state : "silent"}</span>` },
    { title: "Trains", cell: (worker) => (worker.current_run ? html`<a href=${viewHash(["runs", worker.current_run])}>${shortId(worker.current_run)}</a>` : html`<span class="muted">nothing</span>`) },
    { title: "Device", cell: (worker) => worker.device ?? "–" },
    { title: "Heard of", isNumber: true, cell: (worker) => ago(worker.last_heartbeat_at, now) },
    { title: "Since", isNumber: true, isMinor: true, cell: (worker) => ago(worker.started_at, now) },
  ];
  return html`
    <section class="section" aria-label="Workers"><div class="section-head"><h2>Workers</h2></div>
      <div class="card">
        ${workers === null ? html`<${Empty} icon="warn" title="Nobody knows">Redis does not answer, and only it knows the workers.<//>`
          : workers.length ? html`<${Table} label="Workers" columns=${columns} rows=${workers} keyOf=${(worker) => worker.name} />`
          : html`<${Empty} icon="system" title="No worker">Runs wait until one starts: <code>python -m worker</code><//>`}
      </div>
    </section>`;
}

/** @param {{queue: any}} props */
function Queue({ queue }) {
  const { runs } = useLive();
  const name = (id) => (runs[id] ? runName(runs[id]) : shortId(id));
  return html`
    <section class="section" aria-label="Queue"><div class="section-head"><h2>Queue</h2><a href="#/runs?status=queued">Queued runs</a></div>
      <div class="card">
        ${!queue ? html`<${Empty} icon="warn" title="Nobody knows">Redis does not answer. Runs that are asked for meanwhile are kept.<//>`
          : queue.waiting.length ? html`<ol class="lines">${queue.waiting.map((one) => html`<li key=${one.run}><a href=${viewHash(["runs", one.run])}><span class="cut">${name(one.run)}</span></a><span class="muted small num">${one.position === 0 ? "next in line" : `${one.position} before it`}</span></li>`)}</ol>`
          : html`<${Empty} icon="check" title="Nobody waits">${queue.running.length ? `${plural(queue.running.length, "run")} being trained now.` : "A run that is started now begins at once."}<//>`}
      </div>
    </section>`;
}

/** @param {{status: any}} props */
function Engine({ status }) {
  const { engine } = status;
  return html`
    <section class="section" aria-label="Drawing"><div class="section-head"><h2>Drawing</h2><a href="#/models">Models</a></div>
      <div class="card">
        <dl class="lines-facts">
          <div><dt>Device</dt><dd>${engine.device}</dd></div>
          <div><dt>Unasked it draws</dt><dd>${status.readiness.model ?? "nothing"}</dd></div>
          <div><dt>Pictures that wait</dt><dd>${count(engine.waiting_images)}</dd></div>
          <div><dt>In memory</dt><dd class="chips-row">${engine.loaded.length ? engine.loaded.map((reference) => html`<a key=${reference} class="chip is-idle" href=${viewHash(["models", reference.split("@")[0]])}><span class="cut">${reference}</span></a>`) : "no version yet"}</dd></div>
        </dl>
      </div>
    </section>`;
}

/** @param {{storage: any}} props */
function Storage({ storage }) {
  const [isAsked, setAsked] = useState(false);
  const parts = partsOfDisk(storage);
  return html`
    <section class="section" aria-label="Storage"><div class="section-head"><h2>Storage</h2></div>
      <div class="card card-pad storage">
        <div class="disk" aria-hidden="true">${parts.map(({ name, share, className }) => html`<i key=${name} class=${className} style=${{ flexGrow: share }}></i>`)}</div>
        <dl class="facts">${parts.map(({ name, bytes: size, className }) => html`<div key=${name}><dt><i class=${`dot disk-dot ${className}`}></i> ${name}</dt><dd>${bytes(size)}</dd></div>`)}</dl>
        ${isAsked ? html`<${ByRun} />` : html`<div><button class="button is-small" onClick=${() => setAsked(true)}>What each run keeps</button></div>`}
      </div>
    </section>`;
}

/** The newest runs by what their checkpoints take. */
function ByRun() {
  const { data, error, isLoading, again, cancel } = useLoaded(async (signal) => {
    const page = await getJson("train", { query: { limit: MOST_RUNS }, signal });
    return bySize(await Promise.all(page.data.map(async (run) => ({ run, checkpoints: await getAll(`train/${run.id}/checkpoints`, { signal }) }))));
  }, []);
  if (error) return html`<${Trouble} error=${error} again=${again} />`;
  if (!data) return isLoading ? html`<${Waiting} what="the checkpoints of each run" cancel=${cancel} />` : null;
  if (!data.length) return html`<p class="muted">There are no runs.</p>`;
  const columns = [
    { title: "Run", cell: ({ run }) => html`<span class="cut">${runName(run)}</span><span class="muted small">${shortId(run.id)}</span>` },
    { title: "Checkpoints", isNumber: true, cell: ({ kept }) => count(kept) },
    { title: "Bytes", isNumber: true, cell: (row) => bytes(row.bytes) },
  ];
  return html`<${Table} label="Runs by size" columns=${columns} rows=${data} keyOf=${({ run }) => run.id} hrefOf=${({ run }) => viewHash(["runs", run.id])} />
    <p class="muted small">Checkpoints of the newest ${MOST_RUNS} runs. A run that is deleted frees all of it; its models stay.</p>`;
}
