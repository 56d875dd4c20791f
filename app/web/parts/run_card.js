// A run that is not over, at a glance: its newest pictures, how far it is, how it learns, and what to do with it.
import { html, useRef, useState } from "../lib/ui.js";
import { getJson } from "../lib/api.js";
import { left, measure, metricName, runName } from "../lib/format.js";
import { useLoaded, useNow } from "../lib/load.js";
import { useMessages } from "../lib/store.js";
import { viewHash } from "../lib/url.js";
import { act, VERBS, verbsOf } from "../lib/verbs.js";
import { Deed } from "./deed.js";
import { Confirm } from "./dialog.js";
import { Icon } from "./icon.js";
import { Picture } from "./picture.js";
import { Spark } from "./spark.js";
import { Progress, StatusChip, VerdictChip } from "./status.js";

const POINTS = 80;

/** @param {{run: any}} props */
export function RunCard({ run }) {
  const now = useNow(5_000);
  const step = run.latest.sample_step;
  return html`
    <article class="card run-card" aria-label=${runName(run)}>
      <a class="run-card-picture" href=${viewHash(["runs", run.id])} aria-label=${`Open ${runName(run)}`}>
        ${step === null
          ? html`<div class="picture is-blank"><div class="picture-note">First pictures soon</div></div>`
          : html`<${Picture} path=${`train/${run.id}/samples/${run.progress.branch}-${step}`} alt=${`What it draws at step ${step}`} />`}
      </a>
      <div class="run-card-text">
        <div class="run-card-head">
          <h3><a href=${viewHash(["runs", run.id])}>${runName(run)}</a></h3>
          <${StatusChip} status=${run.status} /> <${VerdictChip} diagnosis=${run.diagnosis} />
        </div>
        <p class="muted small">${run.recipe} on ${run.dataset}</p>
        <${Progress} run=${run} />
        <div class="run-card-foot">
          <dl class="facts small">
            <div><dt>Time left</dt><dd>${run.status === "queued" ? place(run) : left(run.task && run.progress.step === 0 ? null : run.eta_at, now)}</dd></div>
            <div><dt>Images/s</dt><dd>${measure(run.progress.images_per_second)}</dd></div>
            ${score(run)}
          </dl>
          <${Losses} run=${run} />
        </div>
        <${Verbs} run=${run} />
      </div>
    </article>`;
}

/** The buttons of what a run allows. @param {{run: any}} props */
export function Verbs({ run }) {
  const [isAsking, setAsking] = useState(false);
  const verbs = verbsOf(run);
  return html`
    <div class="row">
      ${verbs.map((verb) => html`
        <${Deed} key=${verb} scope="train" of=${run} class="button is-small" onClick=${() => (verb === "cancel" ? setAsking(true) : act(run, verb))}>
          <${Icon} name=${VERBS[verb].icon} size=${15} /> ${VERBS[verb].word}
        <//>`)}
      ${isAsking && html`<${Confirm} title="Cancel this run?" verb="Cancel the run" onYes=${() => act(run, "cancel")} onClose=${() => setAsking(false)}
        text=${`“${runName(run)}” ends and keeps a last checkpoint. You can retry it later.`} />`}
    </div>`;
}

/** @param {any} run */
function place(run) {
  const { position } = run.queue;
  return position === null ? "waits" : position === 0 ? "next in line" : `${position} before it`;
}

/** @param {any} run */
function score(run) {
  const name = ["fd", "kid"].find((metric) => run.latest.metrics[metric] !== undefined && run.latest.metrics[metric] !== null);
  return name && html`<div><dt>${metricName(name)}</dt><dd>${measure(run.latest.metrics[name])}</dd></div>`;
}

/** The newest losses; each report of the run adds a point. @param {{run: any}} props */
function Losses({ run }) {
  const [, redraw] = useState(0);
  const added = useRef({ g: [], d: [] });
  const { data } = useLoaded(
    (signal) => getJson(`train/${run.id}/metrics`, { query: { columns: "g_loss,d_loss", max_points: POINTS }, signal }).catch(() => null), [run.id], run.id,
  );
  useMessages((event, message) => {
    if (event !== "metrics" || message.run !== run.id) return;
    added.current.g.push(message.data.metrics.g_loss ?? null);
    added.current.d.push(message.data.metrics.d_loss ?? null);
    redraw((count) => count + 1);
  }, [run.id]);
  const column = (name) => data?.data[data.columns.indexOf(name) + 1] ?? [];
  const series = [
    { values: [...column("d_loss"), ...added.current.d].slice(-POINTS), className: "is-discriminator" },
    { values: [...column("g_loss"), ...added.current.g].slice(-POINTS), className: "is-generator" },
  ];
  return html`<${Spark} series=${series} label="Losses of the generator (blue) and the discriminator (orange)" />`;
}
