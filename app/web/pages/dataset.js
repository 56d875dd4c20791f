// One dataset: its pictures, its classes, where it is from, and what training would do with it.
import { html, useState } from "../lib/ui.js";
import { addressOf, getJson, postJson, request } from "../lib/api.js";
import { countWords, datasetCommands, planLines, sizeWords } from "../lib/datasets.js";
import { bytes, measure, moment } from "../lib/format.js";
import { useLoaded } from "../lib/load.js";
import { go, setQuery } from "../lib/router.js";
import { viewHash } from "../lib/url.js";
import { Balance } from "../parts/balance.js";
import { CopyMenu } from "../parts/copy.js";
import { Allowed, Deed, Reason } from "../parts/deed.js";
import { Confirm } from "../parts/dialog.js";
import { Empty, Trouble, Waiting } from "../parts/empty.js";
import { Icon } from "../parts/icon.js";
import { Picture } from "../parts/picture.js";
import { Player } from "../parts/player.js";
import { say, sayError } from "../parts/toast.js";

const SHOWN = 60;

/** @param {{params: Record<string, string>, query: Record<string, string>}} props */
export default function Dataset({ params, query }) {
  const { name } = params;
  const path = `datasets/${encodeURIComponent(name)}`;
  const page = useLoaded((signal) => getJson(path, { signal }), [name], name);
  const back = html`<a class="back" href="#/data"><${Icon} name="left" size=${14} /> Data</a>`;
  if (page.error) return html`${back}<div class="card"><${Trouble} error=${page.error} again=${page.again} /></div>`;
  if (!page.data) return page.isLoading ? html`<${Waiting} what="the dataset" cancel=${page.cancel} />` : html`<div class="card"><${Empty} icon="data" title="Cancelled" actions=${html`<button class="button" onClick=${page.again}>Load</button>`} /></div>`;
  const dataset = page.data;
  const base = addressOf("").replace(/\/$/, "");
  return html`
    ${back}
    <div class="head">
      <div class="head-text"><h1>${name}</h1><p class="num">${countWords(dataset)}, ${sizeWords(dataset)}, ${bytes(dataset.bytes)}</p><${Reason} scope="datasets:write" of=${dataset} /></div>
      <div class="head-actions">
        <a class="button is-primary" href=${viewHash(["new"], { dataset: name })}><${Icon} name="play" /> Train on it</a>
        <${CopyMenu} commands=${datasetCommands(base, name)} />
        <${Delete} dataset=${dataset} path=${path} />
      </div>
    </div>
    <div class="dataset">
      <div>
        <${Pictures} path=${path} dataset=${dataset} label=${query.label ?? ""} />
        <${About} dataset=${dataset} />
      </div>
      <div>
        <${Balance} dataset=${dataset} chosen=${query.label ?? ""} onChoose=${(label) => setQuery({ label: label === query.label ? null : label })} />
        <${Plan} name=${name} />
      </div>
    </div>`;
}

/** @param {{path: string, dataset: any, label: string}} props */
function Pictures({ path, dataset, label }) {
  const isClass = dataset.class_names.includes(label);
  const what = dataset.audio ? "Spectrograms" : "Pictures";
  return html`
    <section class="section" aria-label="Pictures">
      <div class="section-head"><h2>${what}${isClass && html` of <span class="wrapped">${label}</span>`}</h2>
        ${isClass && html`<button class="link" onClick=${() => setQuery({ label: null })}>All classes</button>`}</div>
      <div class="card preview"><${Picture} path=${`${path}/preview`} query=${{ n: SHOWN, label: isClass ? label : null }} alt=${isClass ? `Pictures of the class ${label}` : `Pictures of ${dataset.name}`} /></div>
      ${dataset.audio && html`<p class="field-help">Time runs to the right, high tones are on top.</p><${Player} path=${`${path}/clip`} query=${{ label: isClass ? label : null }} label=${isClass ? `A clip of the class ${label}` : `A clip of ${dataset.name}`} />`}
    </section>`;
}

/** @param {{dataset: any}} props */
function About({ dataset }) {
  const facts = [
    ["Source", dataset.source], ["Licence", dataset.licence ?? "not told"], ["Attribution", dataset.attribution],
    ["Since", moment(dataset.created_at)], ["Made by", dataset.made_by?.name], ["There twice", dataset.duplicates],
    ["Brightness", dataset.mean && dataset.mean.map((value) => measure(value)).join(", ")], ["Version", dataset.version],
    ["Imported with", dataset.options && Object.entries(dataset.options).map(([name, value]) => `${name} ${value}`).join(", ")],
  ];
  return html`
    <section class="section" aria-label="About it"><div class="section-head"><h2>About it</h2></div>
      <dl class="card lines-facts">${facts.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    </section>`;
}

/** What `auto` would make of it. @param {{name: string}} props */
function Plan({ name }) {
  return html`
    <section class="section" aria-label="What training would do">
      <div class="section-head"><h2>What training would do</h2></div>
      <div class="card"><${Allowed} scope="train" title="Not with this key"><${Planned} name=${name} /><//></div>
    </section>`;
}

/** Nothing is measured, so it is there at once. @param {{name: string}} props */
function Planned({ name }) {
  const { data, error, isLoading, again, cancel } = useLoaded((signal) => postJson("train/validate", { dataset: name }, { query: { estimate: false }, signal }), [name], name);
  return html`
    ${error ? html`<${Trouble} error=${error} again=${again} />`
      : !data ? (isLoading ? html`<${Waiting} what="the plan" cancel=${cancel} />` : html`<${Empty} title="Cancelled" actions=${html`<button class="button" onClick=${again}>Load</button>`} />`)
      : html`
      <div class="plan">
        <h3>Recipe ${data.recipe}</h3>
        ${data.recipe_reason && html`<p class="muted">Chosen because ${data.recipe_reason}.</p>`}
        <dl>${planLines(data).map(([what, value]) => html`<div key=${what}><dt>${what}</dt><dd class="num">${value}</dd></div>`)}</dl>
        ${data.warnings.map((warning) => html`<p key=${warning.code + warning.detail} class="plan-warning"><${Icon} name="info" size=${16} /> <span>${warning.detail}</span></p>`)}
        <a class="button" href=${viewHash(["new"], { dataset: name })}>Change it, and start</a>
      </div>`}`;
}

/** @param {{dataset: any, path: string}} props */
function Delete({ dataset, path }) {
  const { name } = dataset;
  const [isAsking, setAsking] = useState(false);
  const remove = async () => {
    try {
      await request(path, { method: "DELETE" });
      say(`${name} is deleted.`);
      go(["data"]);
    } catch (error) {
      sayError(error);
    }
  };
  return html`
    <${Deed} scope="datasets:write" of=${dataset} class="button is-danger" onClick=${() => setAsking(true)}><${Icon} name="trash" /> Delete<//>
    ${isAsking && html`<${Confirm} title=${`Delete ${name}?`} verb="Delete the dataset" onYes=${remove} onClose=${() => setAsking(false)}
      text="Its pictures are removed, with all its versions. Models that learnt from it stay." />`}`;
}
