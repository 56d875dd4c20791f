// Home: how the service is, what trains now, the model in production to play with; where nothing is yet, the way in.
import { html, useState } from "../lib/ui.js";
import { addressOf, getJson } from "../lib/api.js";
import { anySeed } from "../lib/drawing.js";
import { curl, ganymede, python } from "../lib/commands.js";
import { ago, bytes, plural, runName } from "../lib/format.js";
import { useHealth } from "../lib/health.js";
import { useLoaded, useNow } from "../lib/load.js";
import { go } from "../lib/router.js";
import { useLive } from "../lib/store.js";
import { viewHash } from "../lib/url.js";
import { DEMO, startDemo } from "../lib/verbs.js";
import { CopyMenu } from "../parts/copy.js";
import { Allowed, Deed, Reason } from "../parts/deed.js";
import { Empty } from "../parts/empty.js";
import { Icon } from "../parts/icon.js";
import { Frame, usePicture } from "../parts/picture.js";
import { RunCard } from "../parts/run_card.js";
import { StatusChip } from "../parts/status.js";

const GRID = 16;

export default function Home() {
  const { runs, connection } = useLive();
  const active = Object.values(runs).filter((run) => !run.is_terminal).sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? 1 : -1));
  return html`
    <div class="head">
      <div class="head-text"><h1>Home</h1><p>Two networks play against each other: one draws, the other tells drawn from real. Here you watch them learn.</p></div>
      <div class="head-actions"><a class="button is-primary" href="#/new"><${Icon} name="plus" /> New run</a></div>
    </div>
    <${Strip} />
    <div class="home">
      <section class="section" aria-label="Training now">
        <div class="section-head"><h2>Training now</h2><a href="#/runs">All runs</a></div>
        ${active.length > 0
          ? html`<div class="run-cards">${active.map((run) => html`<${RunCard} key=${run.id} run=${run} />`)}</div>`
          : html`<div class="card">${connection === "connecting" ? html`<${Empty} icon="runs" title="Looking" />` : html`<${NothingTrains} />`}</div>`}
        <${Lately} active=${active.length} />
      </section>
      <${Production} />
    </div>`;
}

/** Running ones first, then those that wait. @param {any} run */
function rank(run) {
  return ["running", "pausing", "canceling", "queued", "paused"].indexOf(run.status);
}

function Strip() {
  const { status } = useHealth();
  const workers = (status?.workers ?? []).filter((worker) => worker.is_alive);
  const busy = workers.filter((worker) => worker.current_run).length;
  const devices = [...new Set(workers.map((worker) => worker.device).filter(Boolean))].join(", ");
  const ready = status?.readiness.status === "ready";
  return html`
    <dl class="strip card">
      <${Fact} title="API" tone=${status ? (ready ? "good" : "bad") : "idle"} value=${status ? (ready ? "Ready" : "Not ready") : "–"}
        more=${ready ? `draws ${status.readiness.model}` : status?.readiness.reason} />
      <${Fact} title="Workers" tone=${status ? (workers.length ? "good" : "warn") : "idle"} value=${status ? (workers.length ? `${busy} of ${workers.length} busy` : "None") : "–"}
        more=${workers.length ? devices && `on ${devices}` : status && "runs wait until one starts"} />
      <${Fact} title="Queue" tone=${status?.queue ? "good" : "idle"} value=${status?.queue ? plural(status.queue.waiting.length, "run waits", "runs wait") : "–"}
        more=${status && !status.queue ? "Redis does not answer" : null} />
      <${Fact} title="Disk" tone=${status ? "good" : "idle"} value=${status ? `${bytes(status.storage.free_bytes)} free` : "–"}
        more=${status && `${bytes(status.storage.runs + status.storage.models + status.storage.datasets)} in use`} />
    </dl>`;
}

/** @param {{title: string, tone: string, value: string, more?: string|null}} props */
function Fact({ title, tone, value, more }) {
  return html`<div><dt><i class=${`dot is-${tone}`}></i>${title}</dt><dd>${value}</dd>${more && html`<dd class="more">${more}</dd>`}</div>`;
}

function NothingTrains() {
  const [isBusy, setBusy] = useState(false);
  const begin = async () => {
    setBusy(true);
    const run = await startDemo();
    setBusy(false);
    if (run) go([]);
  };
  const base = addressOf("").replace(/\/$/, "");
  const commands = [
    { name: "curl", text: curl(base, { method: "POST", path: "train", json: DEMO }) },
    { name: "ganymede", text: ganymede(base, ["train", DEMO.dataset, "--model", DEMO.model, "--name", DEMO.name, "--steps", "3000", "--max-duration", "180", "--set", "extractor=none", "--set", "sample_every=10"]) },
    { name: "Python", text: python(base, `train("${DEMO.dataset}", model="${DEMO.model}", name="${DEMO.name}",\n                 config={"steps": 3000, "extractor": "none", "sample_every": 10}, limits={"max_duration": 180})`) },
  ];
  return html`
    <${Empty} icon="runs" title="Nothing is training"
      actions=${html`
        <${Deed} scope="train" class="button is-primary" disabled=${isBusy} onClick=${begin}><${Icon} name="play" /> Start a three-minute demo run<//>
        <${CopyMenu} commands=${commands} /><${Reason} scope="train" />`}>
      A demo run learns to draw handwritten digits from 10,000 examples. You see its pictures turn from noise into numbers.
    <//>`;
}

/** Runs that ended lately. @param {{active: number}} props */
function Lately({ active }) {
  const { changes } = useLive();
  const now = useNow(10_000);
  const { data } = useLoaded((signal) => getJson("train", { query: { status: ["succeeded", "failed", "canceled"], limit: 4 }, signal }), [changes, active]);
  if (!data?.data.length) return null;
  return html`
    <div class="lately">
      <h2>Ended lately</h2>
      <ul class="card lines">
        ${data.data.map((run) => html`
          <li key=${run.id}><a href=${viewHash(["runs", run.id])}><span class="cut">${runName(run)}</span></a>
            <${StatusChip} status=${run.status} /><span class="muted small">${ago(run.finished_at, now)}</span></li>`)}
      </ul>
    </div>`;
}

/** The model that the service draws from unasked, with a dice. */
function Production() {
  const { status } = useHealth();
  const { models } = useLive();
  const reference = status?.readiness.model ?? null;
  const name = reference?.split("@")[0];
  const isPromoted = models[name]?.aliases.production !== undefined;
  return html`
    <section class="section" aria-label="In production">
      <div class="section-head"><h2>${isPromoted ? "In production" : "Ready to draw"}</h2><a href="#/studio">Studio</a></div>
      <div class="card production">
        ${reference
          ? html`<${Allowed} scope="generate" title=${reference}><${Sixteen} reference=${reference} /><//>`
          : html`<${Empty} icon="models" title="No model yet">${status?.readiness.reason ?? "Asking the service."}<//>`}
      </div>
    </section>`;
}

/** @param {{reference: string}} props */
function Sixteen({ reference }) {
  const [seed, setSeed] = useState(anySeed);
  const shown = usePicture("generate", { model: reference, seed, n: GRID });
  return html`
    <${Frame} shown=${shown} alt=${`Sixteen pictures that ${reference} drew, from seed ${seed} on`} />
    <div class="production-foot">
      <div><h3>${reference}</h3><p class="muted small num">seed ${seed}</p></div>
      <div class="row">
        <a class="button" href=${viewHash(["studio"], { model: reference, seed, tab: "grid" })}>Open</a>
        <button class="button is-primary" onClick=${() => setSeed(anySeed())}><${Icon} name="dice" /> Again</button>
      </div>
    </div>`;
}
