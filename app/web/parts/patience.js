// When to stop: the scores of a run, its best so far, and how many evaluations brought none better.
import { html } from "../lib/ui.js";
import { count, measure, plural } from "../lib/format.js";
import { bestOf, bestSoFar, endOf, laidOut, USUAL, withoutBetter } from "../lib/patience.js";
import { useEvaluations } from "../lib/run_data.js";
import { viewHash } from "../lib/url.js";

const [WIDTH, HEIGHT, EDGE] = [320, 92, 6];
const MOST_PIPS = 20;

/** @param {{run: any}} props */
export function Patience({ run }) {
  const { metric, points, branches } = useEvaluations(run);
  if (points.length < 2 && !run.stop.patience) return null;
  const name = metric?.toUpperCase() ?? "score";
  const best = bestOf(points);
  const without = run.ended_early?.patience ?? withoutBetter(points, branches);
  return html`
    <section class="card card-pad patience" aria-label="When to stop">
      <h3>When to stop</h3>
      ${points.length > 1 && html`<${Curve} points=${points} best=${best} label=${`${name} of ${points.length} evaluations; the best is ${measure(best.value)} at step ${best.step}`} />`}
      <p>${best
        ? html`The best ${name} is <b class="num">${measure(best.value)}</b>, of step <b class="num">${count(best.step)}</b>. ${since(without)}`
        : `It was not evaluated yet.`}</p>
      ${run.stop.patience ? html`<${Left} run=${run} without=${without} />` : html`<${Offer} run=${run} points=${points} />`}
    </section>`;
}

/** @param {number} without */
function since(without) {
  return without ? `${plural(without, "evaluation")} since brought none better.` : "It still gets better.";
}

/** What is left of its patience. @param {{run: any, without: number}} props */
function Left({ run, without }) {
  const { patience } = run.stop;
  const isOut = Boolean(run.ended_early?.patience);
  return html`
    ${patience <= MOST_PIPS && html`<div class="pips" aria-hidden="true">${Array.from({ length: patience }, (_, i) => html`<i key=${i} class=${i < without ? "is-used" : ""}></i>`)}</div>`}
    <p class="muted small">${isOut ? `That was its patience: it ended here, and its best is published.` : `${Math.min(without, patience)} of ${patience}. At ${patience} in a row it ends, and its best is published.`}</p>`;
}

/** Patience for the next run, with what it would have spared here. @param {{run: any, points: any[]}} props */
function Offer({ run, points }) {
  const end = endOf(points, USUAL);
  const last = points.at(-1)?.step ?? 0;
  return html`
    <p class="muted small">${end && end.step < last ? `With a patience of ${USUAL} it would have ended at step ${count(end.step)}.` : `A run can end by itself once ${USUAL} evaluations in a row bring none better.`}
      ${" "}<a href=${viewHash(["new"], { from: run.id, "stop.patience": USUAL })}>New run with that patience</a></p>`;
}

/** @param {{points: any[], best: any, label: string}} props */
function Curve({ points, best, label }) {
  const values = points.map(({ value }) => value);
  const all = laidOut([...values, ...bestSoFar(points)], WIDTH, HEIGHT, EDGE);
  const at = laidOut(values, WIDTH, HEIGHT, EDGE);
  const steps = all.slice(values.length).map(([, y], i) => `${i ? `H${at[i][0].toFixed(1)}V` : `M${at[0][0].toFixed(1)} `}${y.toFixed(1)}`).join("");
  const line = at.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  return html`
    <svg class="patience-curve" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${label}>
      <path class="is-best-line" d=${steps} /><path class="is-line" d=${line} />
      ${points.map((point, i) => html`<circle key=${point.step} cx=${at[i][0]} cy=${at[i][1]} r=${point === best ? 4.5 : 2.4} class=${point === best ? "is-best" : point.step > best.step ? "is-since" : ""}><title>step ${count(point.step)}: ${measure(point.value)}</title></circle>`)}
    </svg>`;
}
