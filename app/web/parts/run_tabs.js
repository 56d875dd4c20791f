// What lies below the charts of a run: its log, its events, its numbers as asked and as used, its checkpoints.
import { html, useEffect, useRef, useState } from "../lib/ui.js";
import { addressOf, getAll, postJson, request } from "../lib/api.js";
import { bytes, count, measure, moment, plain, words } from "../lib/format.js";
import { useEvery, useLoaded } from "../lib/load.js";
import { eventWords } from "../lib/marks.js";
import { JUDGED } from "../lib/patience.js";
import { setQuery } from "../lib/router.js";
import { useLive } from "../lib/store.js";
import { viewHash } from "../lib/url.js";
import { Deed } from "./deed.js";
import { Dialog } from "./dialog.js";
import { Empty, Trouble, Waiting } from "./empty.js";
import { Icon } from "./icon.js";
import { Table } from "./table.js";
import { say, sayError } from "./toast.js";

/** The log, followed while the run is not over. @param {{run: any}} props */
export function LogTab({ run }) {
  const [text, setText] = useState(null);
  const offset = useRef(null);
  const box = useRef(null);
  const read = async () => {
    try {
      const query = offset.current === null ? { tail: 500 } : { after: offset.current };
      const answer = await request(`train/${run.id}/log`, { query });
      offset.current = answer.headers.get("Next-Offset");
      const more = await answer.text();
      setText((before) => (before ?? "") + more);
    } catch (error) {
      if (offset.current === null) setText(String(error.message));
    }
  };
  useEffect(() => {
    read();
  }, [run.id]);
  useEvery(() => !run.is_terminal && offset.current !== null && read(), 2_000);
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);
  if (text === null) return html`<${Waiting} what="the log" />`;
  if (!text) return html`<${Empty} title="Nothing is in the log yet" />`;
  return html`<pre class="log" ref=${box} tabindex="0">${text}</pre>
    <div class="card-pad row"><a class="button is-small" href=${addressOf(`train/${run.id}/log`, { tail: 100_000 })}>All of it</a></div>`;
}

/** @param {{events: any[]}} props */
export function EventsTab({ events }) {
  if (!events.length) return html`<${Empty} title="Nothing has happened yet" />`;
  return html`<ol class="events">${events.slice().reverse().map((event) => html`
    <li key=${event.id}><time class="muted small num" dateTime=${event.at}>${moment(event.at)}</time><span class="event-kind">${words(event.type)}</span><span>${eventWords(event)}</span></li>`)}</ol>`;
}

/** @param {{run: any}} props */
export function ConfigTab({ run }) {
  const flat = { ...run.resolved, ...run.resolved.network };
  const rows = Object.keys(flat).filter((name) => name !== "network" && name !== "recipe_reason").map((name) => ({ name, asked: run.config[name], used: flat[name] })).concat(endRows(run));
  const columns = [
    { title: "Option", cell: (row) => html`<span title=${row.name}>${words(row.name)}</span>` },
    { title: "As asked", cell: (row) => (row.asked === undefined ? html`<span class="muted">left out</span>` : value(row.asked)) },
    { title: "As used", cell: (row) => value(row.used) },
  ];
  return html`
    ${run.recipe_reason && html`<p class="card-pad muted small">${run.recipe} was chosen: ${run.recipe_reason}.</p>`}
    <${Table} label="Options" columns=${columns} rows=${rows} keyOf=${(row) => row.name} />`;
}

/** When it ends, and what it does about trouble. @param {any} run */
function endRows({ stop, limits }) {
  const given = { stop_patience: stop.patience, stop_action: stop.action, stop_on: stop.on, ...limits };
  return Object.entries(given).map(([name, one]) => ({ name, asked: one ?? undefined, used: one }));
}

/** @param {any} one */
function value(one) {
  if (one === null || one === undefined) return html`<span class="muted">–</span>`;
  return typeof one === "number" ? html`<span class="num">${plain(one)}</span>` : Array.isArray(one) ? one.join(", ") || "none" : String(one);
}

/** @param {{run: any}} props */
export function CheckpointsTab({ run }) {
  const { changes } = useLive();
  const [picked, setPicked] = useState(null);
  const { data, error, again } = useLoaded((signal) => getAll(`train/${run.id}/checkpoints`, { signal }), [run.id, changes], run.id);
  if (error) return html`<${Trouble} error=${error} again=${again} />`;
  if (!data) return html`<${Waiting} what="checkpoints" />`;
  if (!data.length) return html`<${Empty} title="No checkpoint yet">A run keeps its newest two and the best.<//>`;
  const isBest = (one) => run.best && run.best.step === one.step && run.best.branch === one.branch;
  const isScored = (one) => JUDGED.some((name) => Number.isFinite(one.metrics[name]));
  const reference = (one) => `run:${run.id}@${one.branch}-${one.step}`;
  const columns = [
    { title: "Step", cell: (one) => html`${count(one.step)} ${one.branch > 0 && html`<span class="muted small">branch ${one.branch}</span>`} ${isBest(one) && html`<span class="chip is-good">best</span>`}` },
    { title: "FD", isNumber: true, cell: (one) => measure(one.metrics.fd) },
    { title: "KID", isNumber: true, cell: (one) => measure(one.metrics.kid) },
    { title: "Size", isNumber: true, isMinor: true, cell: (one) => bytes(one.bytes) },
    { title: "Kept", isNumber: true, isMinor: true, cell: (one) => moment(one.created_at) },
    { title: "Published as", cell: (one) => one.published.map((version) => `${version.model}@${version.version}`).join(", ") || html`<span class="muted">–</span>` },
    { title: "", cell: (one) => html`<span class="row"><${Deed} scope="models:write" of=${run} class="button is-small" onClick=${() => setPicked(one)}>Publish<//><a class="button is-small" href=${viewHash(["studio"], { model: reference(one) })}>Draw</a>${isScored(one) && html`<button class="button is-small" onClick=${() => setQuery({ tab: "copies", sheet: `${one.branch}-${one.step}` }, { step: true })}>Copies?</button>`}</span>` },
  ];
  return html`
    <${Table} label="Checkpoints" columns=${columns} rows=${data} keyOf=${reference} />
    ${picked && html`<${Publish} run=${run} checkpoint=${picked} onClose=${() => setPicked(null)} onDone=${again} />`}`;
}

/** @param {{run: any, checkpoint: any, onClose: () => void, onDone: () => void}} props */
function Publish({ run, checkpoint, onClose, onDone }) {
  const [name, setName] = useState(run.model);
  const [problem, setProblem] = useState(null);
  const publish = async (event) => {
    event.preventDefault();
    try {
      const version = await postJson(`train/${run.id}/checkpoints/${checkpoint.branch}-${checkpoint.step}/publish`, { model: name });
      say(`Step ${count(checkpoint.step)} is ${version.model}@${version.version} now.`);
      onDone();
      onClose();
    } catch (error) {
      if (error.errors?.length) setProblem(error.errors[0].detail);
      else sayError(error);
    }
  };
  return html`
    <${Dialog} title="Publish a version" onClose=${onClose}>
      <form class="dialog-form" onSubmit=${publish}>
        <p class="muted">What the generator was at step ${count(checkpoint.step)} becomes the newest version of a model. It can be drawn from at once.</p>
        <div class="field">
          <label for="publish-name">Model</label>
          <input id="publish-name" class="input" value=${name} aria-invalid=${Boolean(problem)} onInput=${(event) => setName(event.target.value)} />
          ${problem && html`<p class="field-error"><${Icon} name="warn" size=${16} /> ${problem}</p>`}
        </div>
        <div class="dialog-actions"><button type="button" class="button" onClick=${onClose}>Not now</button><button class="button is-primary">Publish</button></div>
      </form>
    <//>`;
}
