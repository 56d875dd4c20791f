// Curves of several runs in one chart for each number, and a table of the options in which the runs differ.
import { html, useMemo } from "../lib/ui.js";
import { overlaid, rowsOf } from "../lib/compare.js";
import { plain, shortened, words } from "../lib/format.js";
import { setQuery } from "../lib/router.js";
import { Chart } from "./chart.js";
import { Empty } from "./empty.js";
import { smoothingOf } from "./run_charts.js";
import { Table } from "./table.js";

const CHARTS = [
  ["fd", "FD", "How far drawn pictures are from real ones as a whole. Lower is better.", true],
  ["kid", "KID", "The same by another measure, which few pictures mislead less. Lower is better.", true],
  ["g_loss", "Loss of the generator", "Comparable only between runs with one objective."],
  ["d_loss", "Loss of the discriminator", "Comparable only between runs with one objective."],
  ["d_real", "D(real)", "The discriminator's score for real pictures."],
  ["d_fake", "D(fake)", "The discriminator's score for drawn pictures."],
  ["images_per_second", "Images a second", "How fast they train."],
];
const NO_MARKS = [];

/**
 * @param {{names: string[], curves: import("../lib/curves.js").History[], kind: "step"|"images_seen"|"time", query: Record<string, string>,
 *   at: number|null, onHover: (x: number|null) => void, onPick: (x: number) => void}} props
 */
export function Overlays({ names, curves, kind, query, at, onHover, onPick }) {
  const charts = useMemo(() => CHARTS.map(([name, title, help, isPlain]) => ({ title, help, isPlain, ...overlaid(curves, name) })).filter(({ x }) => x.length), [curves]);
  if (!charts.length) return html`<${Empty} icon="runs" title="No numbers yet">The first come with the first steps.<//>`;
  return html`<div class="chart-grid">${charts.map(({ title, help, isPlain, x, values }) => html`
    <${Chart} key=${title} title=${title} help=${help} x=${x} kind=${kind} smoothing=${isPlain ? 0 : smoothingOf(query)} isLog=${query.log === "1"}
      series=${values.map((column, i) => ({ label: shortened(names[i]), colour: `run-${i + 1}`, values: column })).filter((one) => one.values.some((value) => value !== null))}
      marks=${NO_MARKS} at=${at} onHover=${onHover} onPick=${onPick} />`)}</div>`;
}

/** @param {{runs: any[], names: string[], isWhole: boolean}} props */
export function Differences({ runs, names, isWhole }) {
  const all = rowsOf(runs);
  const rows = isWhole ? all : all.filter(({ differs }) => differs);
  const columns = [
    { title: "Option", cell: (row) => words(row.name) },
    ...names.map((name, i) => ({ title: shortened(name, 30), cell: (row) => html`<span class=${row.differs ? "" : "muted"}>${shown(row.values[i])}</span>` })),
  ];
  return html`
    <section class="section" aria-label="Options">
      <div class="section-head"><h2>What was set differently</h2>
        <label class="check"><input type="checkbox" checked=${isWhole} onChange=${(event) => setQuery({ all: event.target.checked ? 1 : null })} /> All options</label></div>
      <div class="card">${rows.length
        ? html`<${Table} label="Options of each run" columns=${columns} rows=${rows} keyOf=${(row) => row.name} />`
        : html`<${Empty} icon="check" title="Nothing">${runs.length > 1 ? "They were asked for with the same options: only chance and time are not the same." : "One run alone differs from nothing."}<//>`}</div>
    </section>`;
}

/** @param {unknown} value */
function shown(value) {
  if (value === null || value === undefined) return html`<span class="muted">–</span>`;
  if (typeof value === "number") return html`<span class="num">${plain(value)}</span>`;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map((one) => (typeof one === "object" ? JSON.stringify(one) : String(one))).join(", ") || "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
