// A small curve of the newest losses, without axes: the direction at a glance. The numbers are on the run's own view.
import { html } from "../lib/ui.js";

const WIDTH = 120;
const HEIGHT = 34;

/** @param {{series: {values: (number|null)[], className: string}[], label: string}} props */
export function Spark({ series, label }) {
  const all = series.flatMap(({ values }) => values.filter((value) => value !== null));
  if (all.length < 4) return html`<div class="spark"></div>`;
  const least = Math.min(...all);
  const most = Math.max(...all);
  return html`
    <svg class="spark" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label=${label}>
      ${series.map(({ values, className }) => html`<path key=${className} class=${className} d=${curve(values, least, most)} />`)}
    </svg>`;
}

/** @param {(number|null)[]} values @param {number} least @param {number} most */
export function curve(values, least, most) {
  const height = (value) => HEIGHT - 2 - ((HEIGHT - 4) * (value - least)) / (most - least || 1);
  let isDown = false;
  return values.map((value, i) => {
    if (value === null) {
      isDown = false;
      return "";
    }
    const point = `${isDown ? "L" : "M"}${((WIDTH * i) / Math.max(values.length - 1, 1)).toFixed(1)} ${height(value).toFixed(1)}`;
    isDown = true;
    return point;
  }).join("");
}
