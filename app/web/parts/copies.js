// Are these copies? The fakes that come nearest to a training picture, each beside it, and how near real pictures come.
import { html } from "../lib/ui.js";
import { addressOf, getJson } from "../lib/api.js";
import { copiesCommands, placeOf, spanOf, verdictOf } from "../lib/copies.js";
import { count, measure } from "../lib/format.js";
import { useLoaded } from "../lib/load.js";
import { setQuery } from "../lib/router.js";
import { useEvaluations } from "../lib/run_data.js";
import { CopyMenu } from "./copy.js";
import { Empty, Trouble, Waiting } from "./empty.js";
import { Icon } from "./icon.js";
import { usePicture } from "./picture.js";

/** @param {{run: any, query: Record<string, string>}} props */
export function CopiesTab({ run, query }) {
  const { points } = useEvaluations(run);
  const step = query.sheet ?? "latest";
  const path = `train/${run.id}/checkpoints/${step}/nearest`;
  const { data, error, again, cancel } = useLoaded((signal) => getJson(path, { signal }), [path, step === "latest" && run.latest.evaluation_step], path);
  if (error?.code === "nearest_not_found" && step === "latest") {
    return html`<${Empty} icon="copies" title="Nothing to compare yet">With each evaluation it keeps the pictures that come nearest to a training picture. This run has none so far.<//>`;
  }
  return html`
    <div class="copies">
      <div class="copies-head">
        <${StepChoice} points=${points} chosen=${query.sheet} />
        <${CopyMenu} isSmall commands=${copiesCommands(addressOf("").replace(/\/$/, ""), run.id, step)} />
      </div>
      ${error ? html`<${Trouble} error=${error} again=${again} />` : !data ? html`<${Waiting} what="the nearest pictures" cancel=${cancel} />` : html`<${Sheet} body=${data} />`}
    </div>`;
}

/** @param {{points: {step: number, value: number}[], chosen: string|undefined}} props */
function StepChoice({ points, chosen }) {
  const isListed = !chosen || points.some(({ step }) => String(step) === chosen);
  return html`
    <label class="copies-step"><span>Evaluated at</span>
      <select class="input" value=${chosen ?? ""} onChange=${(event) => setQuery({ sheet: event.target.value || null }, { step: true })}>
        <option value="">the newest step</option>
        ${!isListed && html`<option value=${chosen}>${chosen.split("-").at(-1)}</option>`}
        ${points.slice().reverse().map(({ step }) => html`<option key=${step} value=${String(step)}>step ${count(step)}</option>`)}
      </select></label>`;
}

/** @param {{body: any}} props */
function Sheet({ body }) {
  const { tone, title, text } = verdictOf(body);
  const sheet = usePicture(`train/${body.run}/checkpoints/${body.branch}-${body.step}/nearest`);
  return html`
    <div class=${`notice is-${tone}`}><${Icon} name=${tone === "good" ? "check" : "warn"} /><span><b>${title}.</b> ${text}</span></div>
    <${Distances} body=${body} />
    ${sheet.error && html`<${Trouble} error=${sheet.error} again=${sheet.again} />`}
    <ul class="pairs" aria-label=${`Pairs of step ${body.step}: drawn at the left, real at the right`}>
      ${body.pairs.map((pair, i) => html`<${Pair} key=${`${pair.seed} ${i}`} pair=${pair} place=${placeOf(i, body.columns, body.pairs.length)} url=${sheet.url} />`)}
    </ul>
    <p class="muted small">Left drawn, right the nearest of ${count(body.compared)} real pictures (the dataset has ${count(body.images)}), nearest first. Distances are between the features of both, as the ${body.extractor} sees them: near means alike to it.</p>`;
}

/** @param {{pair: any, place: {size: string, position: string}, url: string|null}} props */
function Pair({ pair, place, url }) {
  const style = url ? { backgroundImage: `url(${url})`, backgroundSize: place.size, backgroundPosition: place.position } : {};
  const words = `seed ${pair.seed} beside picture ${pair.index}, distance ${measure(pair.distance)}`;
  return html`
    <li>
      <div class="pair" role="img" aria-label=${words} title=${words} style=${style}></div>
      <span><b class="num">${measure(pair.distance)}</b>${pair.ratio !== null && html` <span class="muted small num">${measure(pair.ratio, 2)} of usual</span>`}</span>
    </li>`;
}

/** Both rows of distances on one ruler. @param {{body: any}} props */
function Distances({ body }) {
  const rows = [["Drawn pictures", body.fakes, "generator"], ["Real pictures", body.reals, "muted"]];
  const most = 1.1 * Math.max(body.fakes.median, body.reals.median) || 1;
  return html`
    <div class="table-box"><table class="table is-small distances" aria-label="How far the nearest training picture is">
      <thead><tr><th scope="col">To the nearest real picture</th><th scope="col">Nearest</th><th scope="col">One in 20 within</th><th scope="col">Half within</th><th scope="col" class="is-ruler"><span class="visually-hidden">On a ruler</span></th></tr></thead>
      <tbody>${rows.map(([name, distances, colour]) => {
        const { least, fifth, median } = spanOf(distances, most);
        return html`
          <tr key=${name}><th scope="row">${name} <span class="muted small">of ${count(distances.count)}</span></th><td data-title="Nearest">${measure(distances.least)}</td><td data-title="One in 20 within">${measure(distances.fifth_percentile)}</td><td data-title="Half within">${measure(distances.median)}</td>
            <td class="is-ruler"><div class="ruler" aria-hidden="true" style=${{ color: `var(--${colour})` }}><i class="is-span" style=${{ left: `${100 * least}%`, width: `${100 * (median - least)}%` }}></i>${[least, fifth, median].map((at, i) => html`<i key=${i} class="is-tick" style=${{ left: `${100 * at}%` }}></i>`)}</div></td></tr>`;
      })}</tbody></table></div>`;
}
