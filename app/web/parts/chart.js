// One chart: curves over a shared x, with a cursor that all charts of a view have in common, and a table behind it.
import { html, useEffect, useMemo, useRef } from "../lib/ui.js";
import { smoothed, summaryOf } from "../lib/curves.js";
import { count, duration, measure, plain } from "../lib/format.js";
import { colourOf, inTurn, leaveTurn, loadPlot } from "../lib/plot.js";

const HEIGHT = 168;
const DASH = [5, 4];

/**
 * @typedef {{label: string, values: (number|null)[], colour: string, isDashed?: boolean}} Series colour: a custom property
 */

/**
 * @param {{title: string, help: string, x: number[], kind: "step"|"images_seen"|"time", series: Series[], smoothing: number, isLog: boolean,
 *   marks: {x: number, tone: string}[], at: number|null, onHover: (x: number|null) => void, onPick: (x: number) => void}} props
 */
export function Chart({ title, help, x, kind, series, smoothing, isLog, marks, at, onHover, onPick }) {
  const box = useRef(null);
  const plot = useRef(null);
  const now = useRef({});
  now.current = { marks, onHover, onPick, kind, at, draw: () => dataOf(x, series, smoothing) };
  const summaries = useMemo(() => series.map(({ values }) => summaryOf(values)), [x, series.length]);
  const shape = JSON.stringify([series.map(({ label, isDashed }) => [label, isDashed]), kind, smoothing > 0, isLog]);

  useEffect(() => {
    const turn = {};
    let stop = () => {};
    const make = (Plot) => {
      plot.current?.destroy();
      plot.current = new Plot(optionsOf(Plot, series, smoothing > 0, isLog, now), now.current.draw(), box.current);
      place(plot.current, now.current.at);
      stop = fitTo(box.current, plot.current, () => place(plot.current, now.current.at));
    };
    let isGone = false;
    loadPlot().then((Plot) => isGone || inTurn(turn, () => make(Plot)));
    return () => {
      isGone = true;
      leaveTurn(turn);
      stop();
    };
  }, [shape]);
  useEffect(() => {
    if (!plot.current) return undefined; // it will be made of what is there then
    const redraw = () => {
      plot.current.setData(now.current.draw());
      place(plot.current, now.current.at);
    };
    inTurn(plot, redraw);
    return () => leaveTurn(plot);
  }, [x, smoothing]);
  useEffect(() => plot.current?.redraw(false), [marks]);
  useEffect(() => place(plot.current, at), [at]);
  useEffect(() => () => plot.current?.destroy(), []);
  useEffect(() => {
    const repaint = () => recolour(plot.current, series, smoothing > 0);
    addEventListener("themechange", repaint);
    return () => removeEventListener("themechange", repaint);
  }, [shape]);

  return html`
    <figure class="chart" aria-label=${title}>
      <figcaption>
        <h3>${title}</h3>
        <ul class="legend">${series.map((one, i) => html`<li key=${one.label}><i class=${one.isDashed ? "is-dashed" : ""} style=${{ borderColor: `var(--${one.colour})` }}></i>${one.label} <b class="num">${measure(summaries[i]?.last)}</b></li>`)}</ul>
      </figcaption>
      <div class="plot" ref=${box}></div>
      ${useMemo(() => html`<details class="behind"><summary>${help}</summary><${Numbers} series=${series} summaries=${summaries} /></details>`, [x, series.length])}
    </figure>`;
}

/** The numbers behind a chart, for who does not see it. @param {{series: Series[], summaries: any[]}} props */
function Numbers({ series, summaries }) {
  return html`
    <table class="table is-small"><thead><tr><th scope="col">Curve</th><th scope="col">Last</th><th scope="col">Least</th><th scope="col">Most</th><th scope="col">Points</th></tr></thead>
      <tbody>${series.map(({ label }, i) => {
        const found = summaries[i];
        return html`<tr key=${label}><th scope="row">${label}</th><td>${measure(found?.last)}</td><td>${measure(found?.least)}</td><td>${measure(found?.most)}</td><td>${count(found?.count ?? 0)}</td></tr>`;
      })}</tbody></table>`;
}

/** Raw curves lie pale behind the smoothed ones. @param {number[]} x @param {Series[]} series @param {number} smoothing */
function dataOf(x, series, smoothing) {
  const raw = smoothing > 0 ? series.map(({ values }) => values) : [];
  return [x, ...raw, ...series.map(({ values }) => smoothed(values, smoothing))];
}

/** @param {Series[]} series @param {boolean} isSmooth */
function linesOf(series, isSmooth) {
  const pale = isSmooth ? series.map((one) => ({ ...one, alpha: 0.22 })) : [];
  return [...pale, ...series];
}

/** @param {any} Plot @param {Series[]} series @param {boolean} isSmooth @param {boolean} isLog @param {{current: any}} now */
function optionsOf(Plot, series, isSmooth, isLog, now) {
  const axis = { stroke: () => colourOf("muted"), grid: { stroke: () => colourOf("line"), width: 1 }, ticks: { show: false }, font: "11px Inter, sans-serif" };
  const values = (self, ticks) => ticks.map((value) => axisText(value, now.current.kind, self.data[0][0]));
  return {
    width: 300,
    height: HEIGHT,
    legend: { show: false },
    cursor: { sync: { key: "run" }, drag: { x: false, y: false }, y: false, points: { size: 6 } },
    scales: { x: { time: false }, y: { distr: isLog ? 3 : 1 } },
    axes: [{ ...axis, size: 26, values }, { ...axis, size: 54, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : plain(tick))) }],
    series: [{}, ...linesOf(series, isSmooth).map(({ colour, isDashed, alpha }) => ({
      stroke: () => colourOf(colour), width: alpha ? 1 : 1.8, alpha: alpha ?? 1, dash: isDashed ? DASH : undefined, spanGaps: true, points: { show: false },
    }))],
    hooks: { drawAxes: [(self) => drawMarks(self, now.current.marks)], setCursor: [(self) => hovered(self, now)], ready: [(self) => listen(self, now)] },
  };
}

/** The chart that the pointer is over; the others only follow its cursor. */
let underPointer = null;

/** @param {any} self @param {{current: any}} now */
function listen(self, now) {
  self.over.addEventListener("click", () => pick(self, now));
  self.over.addEventListener("mouseenter", () => {
    underPointer = self;
  }, true);
}

/** @param {any} self @param {{current: any}} now */
function hovered(self, now) {
  if (self.cursor.event && underPointer === self) now.current.onHover(self.cursor.left >= 0 ? self.posToVal(self.cursor.left, "x") : null);
}

/** @param {any} self @param {{current: any}} now */
function pick(self, now) {
  if (self.cursor.left >= 0) now.current.onPick(self.posToVal(self.cursor.left, "x"));
}

/** A number on the x axis. @param {number} value @param {string} kind @param {number} first */
function axisText(value, kind, first) {
  if (kind === "time") return duration(value - first);
  return value >= 1e6 ? `${measure(value / 1e6)} M` : value >= 1e4 ? `${measure(value / 1e3)} k` : count(value);
}

/** @param {any} self @param {{x: number, tone: string}[]} marks */
function drawMarks(self, marks) {
  const { ctx, bbox } = self;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const { x, tone } of marks) {
    const left = Math.round(self.valToPos(x, "x", true)) + 0.5;
    if (left < bbox.left || left > bbox.left + bbox.width) continue;
    ctx.strokeStyle = colourOf(tone === "idle" ? "muted" : tone);
    ctx.beginPath();
    ctx.moveTo(left, bbox.top);
    ctx.lineTo(left, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

/** The line where the pictures beside the charts are of. @param {any} plot @param {number|null} at */
function place(plot, at) {
  if (!plot) return;
  let line = plot.over.querySelector(".chart-at");
  if (!line) {
    line = document.createElement("i");
    line.className = "chart-at";
    plot.over.append(line);
  }
  const left = at === null ? -1 : plot.valToPos(at, "x");
  line.hidden = !(left >= 0 && left <= plot.bbox.width / devicePixelRatio);
  line.style.transform = `translateX(${left}px)`;
}

/** @param {any} plot @param {Series[]} series @param {boolean} isSmooth */
function recolour(plot, series, isSmooth) {
  if (!plot) return;
  linesOf(series, isSmooth).forEach(({ colour }, i) => {
    plot.series[i + 1].stroke = () => colourOf(colour);
  });
  plot.redraw();
}

/** @param {HTMLElement} box @param {any} plot @param {() => void} then @returns {() => void} */
function fitTo(box, plot, then) {
  const observer = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (width > 0 && width !== plot.width) {
      plot.setSize({ width, height: HEIGHT });
      then();
    }
  });
  observer.observe(box);
  return () => observer.disconnect();
}
