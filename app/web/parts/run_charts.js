// The charts of a run, and what is chosen of them: x, smoothing, a logarithm.
import { html, useMemo } from "../lib/ui.js";
import { columnOf, hasColumn } from "../lib/curves.js";
import { setQuery } from "../lib/router.js";
import { Chart } from "./chart.js";

const KINDS = { step: "Steps", images_seen: "Images", time: "Time" };
const CHARTS = [
  { title: "Losses", help: "Both stay in motion while the game goes on. A loss alone does not say how good the pictures are.",
    series: [["g_loss", "generator", "generator"], ["d_loss", "discriminator", "discriminator"]] },
  { title: "D(real) and D(fake)", help: "The discriminator's score for real and for drawn pictures. The nearer they are, the less it tells them apart.",
    series: [["d_real", "real", "discriminator"], ["d_fake", "drawn", "generator"]] },
  { title: "FD", help: "How far drawn pictures are from real ones as a whole. Lower is better; dashed: what other real pictures get.",
    isPlain: true, series: [["fd", "drawn", "text"], ["fd_floor", "real", "muted", true]] },
  { title: "KID", help: "The same by another measure, which few pictures mislead less. Lower is better; dashed: what other real pictures get.",
    isPlain: true, series: [["kid", "drawn", "text"], ["kid_floor", "real", "muted", true]] },
  { title: "Gradient norms", help: "How hard each network is pushed. Sudden peaks tell of trouble before pictures do.", isLog: true,
    series: [["g_gradient", "generator", "generator"], ["d_gradient", "discriminator", "discriminator"]] },
  { title: "Images a second", help: "How fast it trains. It drops while pictures are scored or the machine is busy.", series: [["images_per_second", "images/s", "muted"]] },
];

/** @param {{query: Record<string, string>}} props */
export function ChartControls({ query }) {
  const kind = KINDS[query.x] ? query.x : "step";
  return html`
    <div class="chart-controls">
      <div class="tabs" role="group" aria-label="Horizontal axis">
        ${Object.entries(KINDS).map(([value, word]) => html`<button key=${value} aria-pressed=${kind === value} onClick=${() => setQuery({ x: value === "step" ? null : value })}>${word}</button>`)}
      </div>
      <label class="smoothing"><span>Smoothing</span><input class="range" type="range" min="0" max="0.98" step="0.02" value=${smoothingOf(query)} onInput=${(event) => setQuery({ smooth: event.target.value === "0" ? null : event.target.value })} /></label>
      <label class="check"><input type="checkbox" checked=${query.log === "1"} onChange=${(event) => setQuery({ log: event.target.checked ? 1 : null })} /> Logarithmic</label>
    </div>`;
}

/** @param {Record<string, string>} query */
export function smoothingOf(query) {
  const value = Number(query.smooth);
  return value > 0 && value < 1 ? value : 0;
}

/**
 * @param {{history: import("../lib/curves.js").History, query: Record<string, string>, marks: {x: number, tone: string}[], at: number|null, onHover: (x: number|null) => void, onPick: (x: number) => void}} props
 */
export function Charts({ history, query, marks, at, onHover, onPick }) {
  const there = useMemo(() => CHARTS.map((chart) => ({ ...chart, series: chart.series.filter(([name]) => hasColumn(history, name)) })).filter(({ series }) => series.length), [history]);
  return there.map(({ title, help, series, isLog, isPlain }) => html`
    <${Chart} key=${title} title=${title} help=${help} x=${history.data[0]} kind=${history.x} smoothing=${isPlain ? 0 : smoothingOf(query)} isLog=${query.log === "1" || Boolean(isLog)}
      series=${series.map(([name, label, colour, isFloor]) => ({ label, colour, isDashed: isFloor, values: columnOf(history, name) }))}
      marks=${marks} at=${at} onHover=${onHover} onPick=${onPick} />`);
}
