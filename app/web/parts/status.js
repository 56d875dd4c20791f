// Small signs of how a run stands: its status, what its diagnosis says, how far it is.
import { html } from "../lib/ui.js";
import { count, percent, words } from "../lib/format.js";

const TONES = {
  queued: "idle", running: "live", pausing: "warn", paused: "warn", canceling: "warn",
  canceled: "idle", succeeded: "good", failed: "bad",
};
const HEALTHY = new Set(["healthy", "warming_up"]);

/** @param {{status: string}} props */
export function StatusChip({ status }) {
  return html`<span class=${`chip is-${TONES[status] ?? "idle"}`}><i class="dot"></i>${words(status)}</span>`;
}

/** The verdict of a run that has one. @param {{diagnosis: any}} props */
export function VerdictChip({ diagnosis }) {
  if (!diagnosis) return null;
  return html`<span class=${`chip is-${isHealthy(diagnosis) ? "quiet" : "warn"}`} title=${diagnosis.summary}>${words(diagnosis.verdict)}</span>`;
}

/** @param {any} diagnosis */
export function isHealthy(diagnosis) {
  return !diagnosis || HEALTHY.has(diagnosis.verdict);
}

/** How far a run is: its steps, or what it does before them. @param {{run: any}} props */
export function Progress({ run }) {
  const { progress, task } = run;
  const isTask = task !== null && task !== undefined && progress.step === 0;
  const fraction = isTask ? task.fraction : progress.fraction;
  const what = isTask ? taskWords(task.name) : `${count(progress.step)} of ${count(progress.total)} steps`;
  return html`
    <div class="progress">
      <div class=${`bar ${fraction === null ? "is-unknown" : ""} ${isTask ? "is-task" : ""}`} role="progressbar" aria-label=${what}
        aria-valuemin="0" aria-valuemax="100" aria-valuenow=${fraction === null ? undefined : Math.floor(fraction * 100)}>
        <i style=${{ width: `${100 * (fraction ?? 1)}%` }}></i>
      </div>
      <div class="progress-text"><span>${what}</span><span>${percent(fraction)}</span></div>
    </div>`;
}

const TASKS = {
  dataset_check: "Checking the dataset",
  classifier: "Training the judge that will score the pictures",
  real_features: "Looking at the real pictures",
  floor: "Measuring how real pictures score",
  evaluation: "Scoring what it draws now",
  waiting: "Waiting for another run that makes the same",
};

/** @param {string} name */
export function taskWords(name) {
  return TASKS[name] ?? words(name);
}
