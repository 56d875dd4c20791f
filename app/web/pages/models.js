// Models: all that can be drawn with, each with what it draws now.
import { html } from "../lib/ui.js";
import { addressOf, getAll } from "../lib/api.js";
import { aliasesOf, currentOf, kindWords } from "../lib/catalog.js";
import { curl, ganymede, python } from "../lib/commands.js";
import { plural } from "../lib/format.js";
import { useLoaded } from "../lib/load.js";
import { useLive } from "../lib/store.js";
import { viewHash } from "../lib/url.js";
import { CopyMenu } from "../parts/copy.js";
import { Empty, Trouble, Waiting } from "../parts/empty.js";
import { Thumb } from "../parts/thumb.js";

export default function Models() {
  const { models: live } = useLive();
  const page = useLoaded((signal) => getAll("models", { signal }), [JSON.stringify(live)]);
  const base = addressOf("").replace(/\/$/, "");
  const commands = [
    { name: "curl", text: curl(base, { path: "models" }) },
    { name: "ganymede", text: ganymede(base, ["models", "ls"]) },
    { name: "Python", text: python(base, "models.list()") },
  ];
  return html`
    <div class="head">
      <div class="head-text"><h1>Models</h1><p>A model is a name with numbered versions. An alias such as production says which of them is drawn with.</p></div>
      <div class="head-actions"><${CopyMenu} commands=${commands} /></div>
    </div>
    ${page.error ? html`<div class="card"><${Trouble} error=${page.error} again=${page.again} /></div>`
      : !page.data ? (page.isLoading ? html`<${Waiting} what="models" cancel=${page.cancel} />` : html`<div class="card"><${Empty} icon="models" title="Cancelled" actions=${html`<button class="button" onClick=${page.again}>Load</button>`} /></div>`)
      : page.data.length ? html`<ul class="models">${page.data.map((model) => html`<${Model} key=${model.name} model=${model} />`)}</ul>`
      : html`<div class="card"><${Empty} icon="models" title="No models yet" actions=${html`<a class="button is-primary" href="#/">Start the demo</a>`}>A training publishes its best version as a model.<//></div>`}`;
}

/** @param {{model: any}} props */
function Model({ model }) {
  const current = currentOf(model, "production");
  const reference = `${model.name}@${current}`;
  return html`
    <li class="card model">
      <${Thumb} reference=${reference} task=${model.task} alt=${`What ${reference} draws`} />
      <div class="model-text">
        <h2><a class="row-link" href=${viewHash(["models", model.name])}>${model.name}</a></h2>
        <p class="muted small">${plural(model.newest_version, "version")}${model.newest_version > 1 ? ` so far, now ${current}` : ""}${kindWords(model) && `, ${kindWords(model)}`}</p>
        <div class="chips-row">${[...new Set(Object.values(model.aliases))].flatMap((version) => aliasesOf(model.aliases, version).map((name) => html`<${AliasChip} key=${name} name=${name} version=${version} />`))}</div>
      </div>
    </li>`;
}

/** @param {{name: string, version?: number}} props */
export function AliasChip({ name, version }) {
  return html`<span class=${`chip ${name === "production" ? "is-good" : "is-idle"}`}><span class="cut">${name}</span>${version !== undefined && html` <span class="num">${version}</span>`}</span>`;
}
