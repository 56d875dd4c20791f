// Promote a version, or roll back to it: first what it draws beside what is drawn with now, from the same seeds; then the move.
import { html, useState } from "../lib/ui.js";
import { addressOf, request } from "../lib/api.js";
import { conditionOf, currentOf, differences, isDrawn, pictureOf, promoteCommands } from "../lib/catalog.js";
import { anySeed } from "../lib/drawing.js";
import { measure } from "../lib/format.js";
import { setQuery } from "../lib/router.js";
import { Command } from "./copy.js";
import { Deed, useReason } from "./deed.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icon.js";
import { Picture } from "./picture.js";
import { say } from "./toast.js";

const GRID = 16;
const USUAL = "production";

/**
 * @param {{model: any, version: any, versions: any[], query: Record<string, string>, onClose: () => void, onDone: () => void}} props
 */
export function Promote({ model, version, versions, query, onClose, onDone }) {
  const [alias, setAlias] = useState(query.alias ?? (model.aliases[USUAL] === version.version ? "" : USUAL));
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const [looked, setLooked] = useState(model); // what the decision is made by, also when it changes meanwhile
  const seen = looked.aliases[alias];
  const isMoved = model.aliases[alias] !== seen;
  const old = versions.find((one) => one.version === currentOf(looked, alias));
  const isBack = seen !== undefined && version.version < seen;
  const move = { model: model.name, version: version.version, alias, reason: reason.trim(), seen };

  const promote = async (event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await put(move);
      say(`${alias} of ${model.name} points to version ${version.version} now.`);
      onClose();
      onDone();
    } catch (error) {
      setProblem(error);
      setBusy(false);
      if (error.status === 412) onDone();
    }
  };

  return html`
    <${Dialog} isWide title=${`${isBack ? "Roll back" : "Promote"} ${model.name} to version ${version.version}`} onClose=${onClose}>
      <form class="promote" onSubmit=${promote}>
        <${SameSeeds} old=${old} fresh=${version} seed=${Number(query.seed ?? 0)} />
        <${Deltas} old=${old} fresh=${version} />
        <div class="promote-fields">
          <${Field} name="alias" label="Alias" value=${alias} problem=${problem} placeholder="production" isRequired onInput=${(value) => setAlias(value.trim())}
            help=${seen === version.version ? "It points to this version already." : seen === undefined ? "It is new." : `It points to version ${seen} now.`} />
          <${Field} name="reason" label="Why (kept in the history)" value=${reason} problem=${problem} placeholder="the sharpest so far" onInput=${setReason} />
        </div>
        ${problem && html`<p class="field-error" role="alert"><${Icon} name="warn" size=${16} /> <span>${problem.message} <code>${problem.code}</code></span></p>`}
        ${isMoved && html`
          <div class="notice is-warn" role="status"><span>Somebody else moved ${alias} meanwhile: it ${model.aliases[alias] === undefined ? "is gone" : `points to version ${model.aliases[alias]} now`}.</span>
            <button type="button" class="button is-small" onClick=${() => { setLooked(model); setProblem(null); }}>Look again</button></div>`}
        <details class="as-command"><summary>The same as a command</summary>${promoteCommands(addressOf("").replace(/\/$/, ""), move).map((command) => html`<${Command} key=${command.name} ...${command} />`)}</details>
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${onClose}>Leave it</button>
          <${Deed} scope="models:write" of=${model} class="button is-primary" disabled=${isBusy || !alias || seen === version.version}>${isBack ? "Roll back" : "Promote"}<//>
        </div>
      </form>
    <//>`;
}

/** @param {{model: string, version: number, alias: string, reason: string, seen: number|undefined}} move */
function put({ model, version, alias, reason, seen }) {
  const path = `models/${encodeURIComponent(model)}/aliases/${encodeURIComponent(alias)}`;
  const headers = { "Content-Type": "application/json", ...conditionOf(seen) };
  return request(path, { method: "PUT", body: JSON.stringify({ version, reason: reason || null }), headers });
}

/** @param {{old: any, fresh: any, seed: number}} props */
function SameSeeds({ old, fresh, seed }) {
  const mayDraw = useReason("generate") === null;
  const grid = (version) => pictureOf(`${version.model}@${version.version}`, version.task, { seed, n: GRID }, mayDraw);
  const isSame = !old || old.version === fresh.version;
  return html`
    <div class="same-seeds">
      ${!isSame && html`<figure><figcaption>Now: version ${old.version}</figcaption><${Picture} ...${grid(old)} alt=${`What version ${old.version} draws from seed ${seed} on`} /></figure>`}
      <figure><figcaption>${isSame ? "" : "Then: "}version ${fresh.version}</figcaption><${Picture} ...${grid(fresh)} alt=${`What version ${fresh.version} draws from seed ${seed} on`} /></figure>
    </div>
    ${mayDraw && isDrawn(fresh.task) && html`
      <div class="row"><button type="button" class="button is-small" onClick=${() => setQuery({ seed: anySeed() })}><${Icon} name="dice" size=${15} /> Other seeds</button><span class="muted small num">${isSame ? "From" : "Both from"} seed ${seed} on</span></div>`}`;
}

/** @param {{old: any, fresh: any}} props */
function Deltas({ old, fresh }) {
  if (!old || old.version === fresh.version) return null;
  const rows = differences(old.metrics, fresh.metrics);
  if (!rows.length) return html`<p class="muted small">Neither was scored: the pictures are all there is to go by.</p>`;
  return html`
    <dl class="facts deltas">
      ${rows.map(({ name, before, after, tone }) => html`<div key=${name}><dt>${name}</dt><dd>${measure(before)} → <span class=${`is-${tone === "idle" ? "plain" : tone}`}>${measure(after)}<span class="visually-hidden">${tone === "good" ? " better" : tone === "bad" ? " worse" : ""}</span></span></dd></div>`)}
    </dl>`;
}

/** @param {{name: string, label: string, value: string, problem: any, placeholder: string, help?: string, isRequired?: boolean, onInput: (value: string) => void}} props */
function Field({ name, label, value, problem, placeholder, help, isRequired = false, onInput }) {
  const found = problem?.errors?.find((error) => error.pointer.replace(/^\//, "") === name);
  return html`
    <div class="field">
      <label for=${`promote-${name}`}>${label}</label>
      <input id=${`promote-${name}`} class="input" value=${value} placeholder=${placeholder} required=${isRequired} autocomplete="off" spellcheck=${false}
        aria-invalid=${Boolean(found)} aria-describedby=${`promote-${name}-help`} onInput=${(event) => onInput(event.target.value)} />
      <span id=${`promote-${name}-help`} class=${found ? "field-error" : "field-help"}>${found ? found.detail : help}</span>
    </div>`;
}
