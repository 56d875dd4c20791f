// Data: what can be trained on, and the way in for more.
import { html } from "../lib/ui.js";
import { addressOf, getAll } from "../lib/api.js";
import { curl, ganymede, python } from "../lib/commands.js";
import { countWords, sizeWords } from "../lib/datasets.js";
import { bytes, plural } from "../lib/format.js";
import { useLoaded } from "../lib/load.js";
import { setQuery } from "../lib/router.js";
import { viewHash } from "../lib/url.js";
import { CopyMenu } from "../parts/copy.js";
import { Deed, Reason } from "../parts/deed.js";
import { Empty, Trouble, Waiting } from "../parts/empty.js";
import { Icon } from "../parts/icon.js";
import { Picture } from "../parts/picture.js";
import { Upload } from "../parts/upload.js";

const SHOWN = 24;

/** @param {{query: Record<string, string>}} props */
export default function Data({ query }) {
  const page = useLoaded((signal) => getAll("datasets", { signal }), []);
  const isAdding = query.add !== undefined;
  const base = addressOf("").replace(/\/$/, "");
  const commands = [
    { name: "curl", text: curl(base, { path: "datasets" }) },
    { name: "ganymede", text: ganymede(base, ["datasets", "ls"]) },
    { name: "Python", text: python(base, "datasets.list()") },
  ];
  const add = html`<${Deed} scope="datasets:write" class="button is-primary" onClick=${() => setQuery({ add: "1" }, { step: true })}><${Icon} name="upload" /> Add pictures<//>`;
  return html`
    <div class="head">
      <div class="head-text"><h1>Data</h1><p>A dataset is what a model learns to draw: pictures of one size, in classes or not.</p><${Reason} scope="datasets:write" /></div>
      <div class="head-actions">${add}<${CopyMenu} commands=${commands} /></div>
    </div>
    ${page.error ? html`<div class="card"><${Trouble} error=${page.error} again=${page.again} /></div>`
      : !page.data ? (page.isLoading ? html`<${Waiting} what="datasets" cancel=${page.cancel} />` : html`<div class="card"><${Empty} icon="data" title="Cancelled" actions=${html`<button class="button" onClick=${page.again}>Load</button>`} /></div>`)
      : page.data.length ? html`<ul class="models">${page.data.map((dataset) => html`<${Dataset} key=${dataset.name} dataset=${dataset} />`)}</ul>`
      : html`<div class="card"><${Empty} icon="data" title="No pictures yet" actions=${add}>Send a zip of pictures: each folder in it becomes a class.<//></div>`}
    ${isAdding && html`<${Upload} onClose=${() => setQuery({ add: null })} onDone=${page.again} />`}`;
}

/** @param {{dataset: any}} props */
function Dataset({ dataset }) {
  return html`
    <li class="card model">
      <${Picture} path=${`datasets/${encodeURIComponent(dataset.name)}/preview`} query=${{ n: SHOWN }} alt=${`Pictures of ${dataset.name}`} />
      <div class="model-text">
        <h2><a class="row-link" href=${viewHash(["data", dataset.name])}>${dataset.name}</a></h2>
        <p class="muted small num">${countWords(dataset)}, ${sizeWords(dataset)}</p>
        <p class="muted small num">${dataset.class_names.length ? plural(dataset.class_names.length, "class", "classes") : "no classes"}, ${bytes(dataset.bytes)}${dataset.licence && `, ${dataset.licence}`}</p>
      </div>
    </li>`;
}
