// Run: one training, live. Charts beside the pictures, one cursor for both; what it means, and what can be done.
import { html, useMemo, useState } from "../lib/ui.js";
import { addressOf } from "../lib/api.js";
import { curl, ganymede, python } from "../lib/commands.js";
import { nearest } from "../lib/curves.js";
import { ago, count, duration, left, measure, runName, shortId } from "../lib/format.js";
import { useNow } from "../lib/load.js";
import { marksOf } from "../lib/marks.js";
import { go, setQuery } from "../lib/router.js";
import { useEvents, useHistory, useRun, useSamples } from "../lib/run_data.js";
import { viewHash } from "../lib/url.js";
import { remove } from "../lib/verbs.js";
import { CopiesTab } from "../parts/copies.js";
import { CopyMenu } from "../parts/copy.js";
import { Deed, Reason } from "../parts/deed.js";
import { Banner } from "../parts/diagnosis.js";
import { Confirm } from "../parts/dialog.js";
import { Empty, Trouble, Waiting } from "../parts/empty.js";
import { Icon } from "../parts/icon.js";
import { Lane } from "../parts/lane.js";
import { Patience } from "../parts/patience.js";
import { Verbs } from "../parts/run_card.js";
import { ChartControls, Charts } from "../parts/run_charts.js";
import { CheckpointsTab, ConfigTab, EventsTab, LogTab } from "../parts/run_tabs.js";
import { Scrubber } from "../parts/scrubber.js";
import { Progress, StatusChip, VerdictChip } from "../parts/status.js";
import { TimelineTab } from "../parts/timeline.js";

const TABS = { events: "Events", log: "Log", config: "Config", checkpoints: "Checkpoints", timeline: "Timeline", copies: "Copies?" };

/** @param {{params: {id: string}, query: Record<string, string>}} props */
export default function Run({ params, query }) {
  const { run, error, again } = useRun(params.id);
  if (!run) return error ? html`<${Trouble} error=${error} again=${again} />` : html`<${Waiting} what="the run" />`;
  return html`<${Head} run=${run} /><${Banner} run=${run} /><${Standing} run=${run} /><${Course} run=${run} query=${query} />`;
}

/** @param {{run: any}} props */
function Head({ run }) {
  const [isAsking, setAsking] = useState(false);
  const base = addressOf("").replace(/\/$/, "");
  const commands = [
    { name: "curl", text: curl(base, { path: `train/${run.id}` }) },
    { name: "ganymede", text: ganymede(base, ["runs", run.is_terminal ? "show" : "watch", run.id]) },
    { name: "Python", text: python(base, `runs.get("${run.id}")`) },
  ];
  const canGo = run.is_terminal || run.status === "paused";
  return html`
    <div class="head">
      <div class="head-text">
        <a class="back" href="#/runs"><${Icon} name="left" size=${15} /> Runs</a>
        <div class="row"><h1>${runName(run)}</h1><${StatusChip} status=${run.status} />${!run.is_terminal && html`<${VerdictChip} diagnosis=${run.diagnosis} />`}</div>
        <p>${run.recipe} on ${run.dataset}, for the model <a href=${viewHash(["studio"], { model: run.model })}>${run.model}</a></p>
        <${Reason} scope="train" of=${run} />
      </div>
      <div class="head-actions">
        <${Verbs} run=${run} />
        ${canGo && html`<${Deed} scope="train" of=${run} class="button is-small is-danger" onClick=${() => setAsking(true)}><${Icon} name="trash" size=${15} /> Delete<//>`}
        <a class="button is-small" href=${viewHash(["new"], { from: run.id })}><${Icon} name="plus" size=${15} /> New run like this</a>
        <${CopyMenu} commands=${commands} />
      </div>
      ${isAsking && html`<${Confirm} title="Delete this run?" verb="Delete" onClose=${() => setAsking(false)} onYes=${async () => (await remove(run)) && go(["runs"])}
        text="Its numbers, pictures, checkpoints and log go for good. The models that it published stay." />`}
    </div>`;
}

/** How it stands, in one strip. @param {{run: any}} props */
function Standing({ run }) {
  const now = useNow(2_000);
  const { metrics } = run.latest;
  const until = run.finished_at ?? (run.status === "running" ? null : run.last_heartbeat_at);
  const took = run.started_at && ((until ? Date.parse(until) : now) - Date.parse(run.started_at)) / 1000;
  return html`
    <section class="card standing" aria-label="How it stands">
      <${Progress} run=${run} />
      <dl class="facts">
        <div><dt>${run.is_terminal ? "Ended" : "Time left"}</dt><dd>${run.is_terminal ? ago(run.finished_at, now) : left(run.eta_at, now)}</dd></div>
        <div><dt>${run.is_terminal ? "Took" : run.status === "running" ? "Running for" : "Ran for"}</dt><dd>${duration(took)}</dd></div>
        <div><dt>Images/s</dt><dd>${measure(run.progress.images_per_second)}</dd></div>
        <div><dt>Images seen</dt><dd>${count(run.progress.images_seen)}</dd></div>
        ${metrics.fd !== undefined && html`<div><dt>FD (real: ${measure(metrics.fd_floor)})</dt><dd>${measure(metrics.fd)}</dd></div>`}
        ${run.attempt > 1 && html`<div><dt>Attempt</dt><dd>${run.attempt}</dd></div>`}
        ${run.execution?.device && html`<div><dt>Device</dt><dd>${run.execution.device}</dd></div>`}
        ${run.made_by && html`<div><dt>Made by</dt><dd title=${`the key ${run.made_by.id}`}>${run.made_by.name}</dd></div>`}
        <div><dt>Id</dt><dd title=${run.id}><code>${shortId(run.id)}</code></dd></div>
      </dl>
    </section>`;
}

/** Charts and pictures with one cursor, and the tabs below. @param {{run: any, query: Record<string, string>}} props */
function Course({ run, query }) {
  const kind = ["images_seen", "time"].includes(query.x) ? query.x : "step";
  const { history, error, again } = useHistory(run.id, kind);
  const samples = useSamples(run.id);
  const events = useEvents(run.id);
  const [hovered, setHovered] = useState(null);
  const toX = (step, at) => (kind === "time" ? Date.parse(at) / 1000 : kind === "images_seen" ? (step * run.progress.images_seen) / (run.progress.step || 1) : step);
  const marks = useMemo(() => marksOf(events).map((mark) => ({ ...mark, x: toX(mark.step, mark.at) })), [events.length, kind, kind === "images_seen" && run.progress.step]);
  const pinned = samples ? samples.findIndex((sample) => `${sample.branch}-${sample.step}` === query.at) : -1;
  const isNewest = hovered === null && pinned < 0;
  const index = samples ? Math.min(hovered ?? (pinned < 0 ? samples.length - 1 : pinned), samples.length - 1) : -1;
  const shown = samples?.[index];
  const pin = (next) => {
    setHovered(null);
    setQuery({ at: next === null ? null : `${samples[next].branch}-${samples[next].step}` });
  };
  const nearestTo = (x) => nearest(samples.map((sample) => toX(sample.step, sample.at)), x);
  const onHover = (x) => setHovered(x === null || !samples?.length ? null : nearestTo(x));
  const onPick = (x) => samples?.length && pin(nearestTo(x));
  const isEmpty = history && !history.data[0].length;
  return html`
    <div class="course">
      <section class="card course-charts" aria-label="Curves" onMouseLeave=${() => setHovered(null)}>
        ${useMemo(() => html`<${ChartControls} query=${query} />`, [JSON.stringify(query)])}
        ${error && html`<${Trouble} error=${error} again=${again} />`}
        ${!history && !error && html`<${Waiting} what="the numbers" />`}
        ${isEmpty && html`<${Empty} icon="runs" title="No numbers yet">The first come with its first steps.<//>`}
        ${history && !isEmpty && html`
          <${Lane} marks=${marks} from=${history.data[0][0]} to=${history.data[0].at(-1)} onPick=${onPick} />
          <${Charts} history=${history} query=${query} marks=${marks} at=${shown ? toX(shown.step, shown.at) : null} onHover=${onHover} onPick=${onPick} />`}
      </section>
      <div class="course-pictures">
        ${shown
          ? html`<${Scrubber} run=${run} samples=${samples} index=${index} isNewest=${isNewest} onIndex=${pin} hasReal=${query.real === "1"} />`
          : html`<div class="card"><${Empty} icon="data" title=${samples ? "No pictures yet" : "Looking"}>It draws the same seeds again and again, so that you see what it learns.<//></div>`}
        ${useMemo(() => html`<${Patience} run=${run} />`, [run])}
      </div>
    </div>
    ${useMemo(() => html`<${Below} run=${run} events=${events} query=${query} tab=${TABS[query.tab] ? query.tab : "events"} />`, [run, events.length, query.tab, query.sheet, query.seed])}`;
}

/** @param {{run: any, events: any[], query: Record<string, string>, tab: string}} props */
function Below({ run, events, query, tab }) {
  return html`
    <section class="below" aria-label="More">
      <div class="tabs" role="group" aria-label="More about the run">
        ${Object.entries(TABS).map(([value, word]) => html`<button key=${value} aria-pressed=${tab === value} onClick=${() => setQuery({ tab: value === "events" ? null : value })}>${word}</button>`)}
      </div>
      <div class="card">
        ${tab === "log" && html`<${LogTab} run=${run} />`}
        ${tab === "events" && html`<${EventsTab} events=${events} />`}
        ${tab === "config" && html`<${ConfigTab} run=${run} />`}
        ${tab === "checkpoints" && html`<${CheckpointsTab} run=${run} />`}
        ${tab === "timeline" && html`<${TimelineTab} run=${run} query=${query} />`}
        ${tab === "copies" && html`<${CopiesTab} run=${run} query=${query} />`}
      </div>
    </section>`;
}
