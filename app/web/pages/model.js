// One model: its versions with what they draw, how good they are and where they come from; aliases, and how they moved.
import { classes, html, useState } from "../lib/ui.js";
import { addressOf, getAll, getJson, request } from "../lib/api.js";
import { aliasesOf, currentOf, isDrawn, lineageOf, scoresOf, versionCommands } from "../lib/catalog.js";
import { ago, bytes, measure } from "../lib/format.js";
import { useLoaded, useNow } from "../lib/load.js";
import { setQuery } from "../lib/router.js";
import { useLive } from "../lib/store.js";
import { viewHash } from "../lib/url.js";
import { AliasHistory } from "../parts/alias_history.js";
import { Classify } from "../parts/classify.js";
import { CopyMenu } from "../parts/copy.js";
import { Deed, Reason } from "../parts/deed.js";
import { Confirm } from "../parts/dialog.js";
import { Empty, Trouble, Waiting } from "../parts/empty.js";
import { Icon } from "../parts/icon.js";
import { Promote } from "../parts/promote.js";
import { Thumb } from "../parts/thumb.js";
import { say, sayError } from "../parts/toast.js";
import { AliasChip } from "./models.js";

/** @param {{params: Record<string, string>, query: Record<string, string>}} props */
export default function Model({ params, query }) {
  const { name } = params;
  const { models: live } = useLive();
  const path = `models/${encodeURIComponent(name)}`;
  const page = useLoaded((signal) => getJson(path, { signal }), [name, JSON.stringify(live[name])], name);
  const older = useOlder(path, page.data);
  if (page.error && !page.data) return html`<${Back} /><div class="card"><${Trouble} error=${page.error} again=${page.again} /></div>`;
  if (!page.data) return page.isLoading ? html`<${Waiting} what="the model" cancel=${page.cancel} />` : html`<div class="card"><${Empty} icon="models" title="Cancelled" actions=${html`<button class="button" onClick=${page.again}>Load</button>`} /></div>`;
  const model = page.data;
  const versions = [...model.versions, ...older.rows];
  const asked = versions.find((version) => String(version.version) === query.promote);
  const close = () => setQuery({ promote: null, alias: null, seed: null });
  return html`
    <${Back} />
    <div class="head">
      <div class="head-text"><h1>${name}</h1><${Serving} model=${model} /><${Reason} scope="models:write" of=${model} /></div>
      <div class="head-actions"><${Use} model=${model} /></div>
    </div>
    ${model.task === "classification" && html`<${Classify} model=${name} />`}
    <div class="model-page">
      <section class="section" aria-label="Versions">
        <div class="section-head"><h2>Versions</h2></div>
        <ul class="versions">${versions.map((version) => html`<${Version} key=${version.version} version=${version} model=${model} onGone=${page.again} />`)}</ul>
        ${older.isMore && html`<button class="button" onClick=${older.more}>Older versions</button>`}
        <${Damaged} versions=${model.damaged_versions} />
      </section>
      <${AliasHistory} model=${model} />
    </div>
    ${asked && html`<${Promote} key=${asked.version} model=${model} version=${asked} versions=${versions} query=${query} onClose=${close} onDone=${page.again} />`}`;
}

function Back() {
  return html`<a class="back" href="#/models"><${Icon} name="left" size=${14} /> Models</a>`;
}

/** Where the model is used. @param {{model: any}} props */
function Use({ model }) {
  if (model.task === "classification") return null; // it is used below
  if (model.task === "completion") return html`<a class="button" href=${viewHash(["complete"], { model: model.name })}><${Icon} name="edit" /> Complete a picture</a>`;
  return html`<a class="button" href=${viewHash(["studio"], { model: model.name })}><${Icon} name="studio" /> Open in the studio</a>`;
}

/** @param {{model: any}} props */
function Serving({ model }) {
  const isPromoted = model.aliases.production !== undefined;
  const how = isPromoted ? "which is in production" : "its newest, as none is in production";
  return html`<p>The name alone ${isDrawn(model.task) ? "draws with" : "stands for"} version ${currentOf(model, "production")}, ${how}.${model.made_by && ` It was made by ${model.made_by.name}.`}</p>`;
}

/** The versions beyond the newest hundred. @param {string} path @param {any} model */
function useOlder(path, model) {
  const [rows, setRows] = useState([]);
  const isMore = model !== null && model.versions.length >= 100 && rows.length === 0;
  const more = async () => {
    try {
      const all = await getAll(`${path}/versions`);
      const least = Math.min(...model.versions.map((version) => version.version));
      setRows(all.filter((version) => version.version < least));
    } catch (error) {
      sayError(error);
    }
  };
  return { rows, isMore, more };
}

/** @param {{version: any, model: any, onGone: () => void}} props */
function Version({ version, model, onGone }) {
  const now = useNow(10_000);
  const reference = `${version.model}@${version.version}`;
  const aliases = aliasesOf(model.aliases, version.version);
  const current = model.aliases.production;
  const isOlder = current !== undefined && version.version < current;
  const place = placeOf(version, reference);
  const base = addressOf("").replace(/\/$/, "");
  return html`
    <li class="card version" aria-label=${`Version ${version.version}`}>
      <a class="version-picture" href=${place.href} aria-label=${place.words}>
        ${version.problem ? html`<div class="picture is-blank"><div class="picture-note is-bad">Cannot be drawn</div></div>` : html`<${Thumb} reference=${reference} task=${version.task} alt=${`What ${reference} draws`} />`}
      </a>
      <div class="version-text">
        <div class="version-head"><h3>Version ${version.version}</h3>${aliases.map((name) => html`<${AliasChip} key=${name} name=${name} />`)}<span class="muted small">${ago(version.created_at, now)}</span></div>
        ${version.problem && html`<p class="field-error"><${Icon} name="warn" size=${16} /> ${version.problem}</p>`}
        <${Scores} metrics=${version.metrics} />
        <${Lineage} version=${version} aliases=${model.aliases} />
        <p class="muted small num">${version.image_size} × ${version.image_size} px, ${bytes(version.bytes)}, <code title=${version.digest}>${version.digest.slice(0, 19)}…</code></p>
        <div class="row">
          ${current !== version.version && html`
            <${Deed} scope="models:write" of=${model} class=${classes("button is-small", version.version === model.newest_version && "is-primary")} disabled=${Boolean(version.problem)} onClick=${() => setQuery({ promote: version.version }, { step: true })}>
              <${Icon} name=${isOlder ? "retry" : "flag"} size=${15} /> ${isOlder ? "Roll back to this" : "Promote"}
            <//>`}
          ${current === version.version && html`<${Deed} scope="models:write" of=${model} class="button is-small" onClick=${() => setQuery({ promote: version.version }, { step: true })}><${Icon} name="flag" size=${15} /> Another alias<//>`}
          <a class="button is-small" href=${addressOf(version.links.weights)} download=${`${version.model}-${version.version}.safetensors`}><${Icon} name="download" size=${15} /> Weights</a>
          <${Delete} model=${model} reference=${reference} path=${version.links.self} aliases=${aliases} onGone=${onGone} />
          <${CopyMenu} isSmall commands=${versionCommands(base, version.model, version.version)} />
        </div>
      </div>
    </li>`;
}

/** Where a version is used, by what it is for. @param {any} version @param {string} reference */
function placeOf(version, reference) {
  if (isDrawn(version.task)) return { href: viewHash(["studio"], { model: reference, tab: "grid", seed: 0 }), words: `Open ${reference} in the studio` };
  if (version.task === "completion") return { href: viewHash(["complete"], { model: reference }), words: `Fill holes with ${reference}` };
  return { href: addressOf(version.links.samples), words: `Samples of ${reference}` };
}

/** @param {{metrics: Record<string, number|null>}} props */
function Scores({ metrics }) {
  const scores = scoresOf(metrics);
  if (!scores.length) return html`<p class="muted small">It was published without being scored.</p>`;
  return html`
    <dl class="facts">
      ${scores.map(({ name, value, floor }) => html`<div key=${name}><dt>${name}</dt><dd>${measure(value)}${floor !== null && html`<small class="muted"> real ${measure(floor)}</small>`}</dd></div>`)}
    </dl>`;
}

/** @param {{version: any, aliases: Record<string, number>}} props */
function Lineage({ version, aliases }) {
  return html`
    <ol class="lineage" aria-label="Where it comes from">
      ${lineageOf(version, aliases).map(({ what, text, path }) => html`
        <li key=${what}><span class="muted">${what}</span> ${path ? html`<a href=${viewHash(path)} title=${text}>${text}</a>` : html`<b title=${text}>${text}</b>`}</li>`)}
    </ol>
    ${version.init && html`<p class="muted small">Its run began from ${version.init.reference}.</p>`}`;
}

/** @param {{model: any, reference: string, path: string, aliases: string[], onGone: () => void}} props */
function Delete({ model, reference, path, aliases, onGone }) {
  const [isAsking, setAsking] = useState(false);
  const remove = async () => {
    try {
      await request(path, { method: "DELETE" });
      say(`${reference} is deleted.`);
      onGone();
    } catch (error) {
      sayError(error);
    }
  };
  const why = aliases.length ? `${aliases.join(" and ")} points to it` : undefined;
  return html`
    <${Deed} scope="models:write" of=${model} class="button is-small" disabled=${aliases.length > 0} title=${why} onClick=${() => setAsking(true)}><${Icon} name="trash" size=${15} /> Delete<//>
    ${isAsking && html`<${Confirm} title=${`Delete ${reference}?`} verb="Delete the version" onYes=${remove} onClose=${() => setAsking(false)}
      text="Its weights are removed for good, and its number is never used again. The run that trained it stays." />`}`;
}

/** @param {{versions: Record<string, string>}} props */
function Damaged({ versions }) {
  const found = Object.entries(versions);
  if (!found.length) return null;
  return html`
    <div class="card card-pad damaged"><h3>Cannot be used</h3>
      <ul>${found.map(([version, why]) => html`<li key=${version}><b>Version ${version}</b>: ${why}</li>`)}</ul>
    </div>`;
}
