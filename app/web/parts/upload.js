// Add pictures: choose files, say how they are taken, see them leave and be read, and learn which could not be taken.
import { classes, html, useRef, useState } from "../lib/ui.js";
import { addressOf, getJson, Problem, upload } from "../lib/api.js";
import { byField, importCommands, nameFrom, partsOf, SIZES } from "../lib/datasets.js";
import { bytes, percent } from "../lib/format.js";
import { useEvery } from "../lib/load.js";
import { Command } from "./copy.js";
import { Deed } from "./deed.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icon.js";
import { Report } from "./report.js";
import { sayError } from "./toast.js";

const LOOK_EVERY_MS = 700;
const CHOICES = {
  size: ["Size", ["", ...SIZES], "as they are, or as most allow"],
  channels: ["Colour", ["", "1", "3"], "grey if all of them are"],
  crop: ["Crop", ["", "none"], "the middle square"],
};
const WORDS = { 1: "grey", 3: "colour", none: "none: with margins" };

/** @param {{onClose: () => void, onDone: () => void}} props */
export function Upload({ onClose, onDone }) {
  const [files, setFiles] = useState([]);
  const [typed, setTyped] = useState({ name: "" });
  const [sending, setSending] = useState(null);
  const [problem, setProblem] = useState(null);
  const [added, setAdded] = useState(null);
  const set = (field, value) => setTyped((before) => ({ ...before, [field]: value }));
  const choose = (chosen) => {
    if (!chosen.length) return;
    setFiles(chosen);
    setProblem(null);
    if (!typed.name) set("name", nameFrom(chosen[0].name));
  };
  const send = async (event) => {
    event.preventDefault();
    const connection = new AbortController();
    const id = `page-${Math.random().toString(36).slice(2, 12)}`;
    setProblem(null);
    setSending({ id, done: 0, total: files.reduce((sum, file) => sum + file.size, 0), cancel: () => connection.abort() });
    try {
      setAdded(await upload("datasets", bodyOf(typed, files), {
        headers: { "Request-Id": id }, signal: connection.signal, onSent: (done, total) => setSending((before) => before && { ...before, done, total }),
      }));
      onDone();
    } catch (error) {
      if (error instanceof Problem) setProblem(error);
      else sayError(error);
    }
    setSending(null);
  };
  const leave = () => {
    sending?.cancel();
    onClose();
  };
  const title = added ? `${added.name} is there` : "Add pictures";
  return html`
    <${Dialog} isWide title=${title} onClose=${leave}>
      ${added ? html`<${Report} added=${added} />`
        : sending ? html`<${Sending} sending=${sending} />`
        : html`<${Form} files=${files} choose=${choose} typed=${typed} set=${set} problem=${problem} onSubmit=${send} onClose=${onClose} />`}
    <//>`;
}

/** @param {Record<string, string>} typed @param {File[]} files */
function bodyOf(typed, files) {
  const body = new FormData();
  for (const [name, value] of partsOf(typed)) body.append(name, value);
  for (const file of files) body.append("file", file);
  return body;
}

/** @param {{files: File[], choose: (files: File[]) => void, typed: Record<string, string>, set: (field: string, value: string) => void, problem: any, onSubmit: (event: Event) => void, onClose: () => void}} props */
function Form({ files, choose, typed, set, problem, onSubmit, onClose }) {
  const wrong = byField(problem?.errors ?? []);
  const isElsewhere = problem && !["file", "name", "licence", "source", ...Object.keys(CHOICES)].some((field) => wrong[field]);
  const base = addressOf("").replace(/\/$/, "");
  return html`
    <form class="upload" onSubmit=${onSubmit}>
      <${Drop} files=${files} choose=${choose} wrong=${wrong.file} />
      <${Text} name="name" label="Name" value=${typed.name} wrong=${wrong.name} set=${set} isRequired help="Lower-case letters, digits, dots and dashes. A name that is there gets a new version." />
      <div class="upload-fields">
        ${Object.entries(CHOICES).map(([name, [label, values, usual]]) => html`
          <div class="field" key=${name}><label for=${`upload-${name}`}>${label}</label>
            <select id=${`upload-${name}`} class="input" value=${typed[name] ?? ""} aria-invalid=${Boolean(wrong[name])} onChange=${(event) => set(name, event.target.value)}>
              ${values.map((value) => html`<option key=${value} value=${value}>${value === "" ? `auto: ${usual}` : WORDS[value] ?? `${value} px`}</option>`)}
            </select>${wrong[name] && html`<span class="field-error">${wrong[name]}</span>`}</div>`)}
      </div>
      <div class="upload-fields is-two">
        <${Text} name="licence" label="Licence" value=${typed.licence ?? ""} wrong=${wrong.licence} set=${set} help="It goes with every model that learns from it." placeholder="CC0-1.0" />
        <${Text} name="source" label="Where they are from" value=${typed.source ?? ""} wrong=${wrong.source} set=${set} placeholder="my own camera" />
      </div>
      ${isElsewhere && html`<p class="field-error" role="alert"><${Icon} name="warn" size=${16} /> <span>${problem.message} <code>${problem.code}</code></span></p>`}
      <details class="as-command"><summary>The same as a command</summary>${importCommands(base, partsOf(typed), files.map((file) => file.name)).map((command) => html`<${Command} key=${command.name} ...${command} />`)}</details>
      <div class="dialog-actions"><button type="button" class="button" onClick=${onClose}>Leave it</button><${Deed} scope="datasets:write" class="button is-primary" disabled=${!files.length || !typed.name.trim()}><${Icon} name="upload" /> Send<//></div>
    </form>`;
}

/** @param {{files: File[], choose: (files: File[]) => void, wrong?: string}} props */
function Drop({ files, choose, wrong }) {
  const [isOver, setOver] = useState(false);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    choose([...event.dataTransfer.files]);
  };
  const words = files.length === 0 ? "Choose a zip of pictures, or drop it here"
    : files.length === 1 ? files[0].name : `${files.length} files`;
  return html`
    <div class="field">
      <label class=${classes("drop", isOver && "is-over", wrong && "is-wrong")} onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)} onDrop=${drop}>
        <${Icon} name="upload" size=${22} /><b class="wrapped">${words}</b>
        <span class="muted small">${files.length ? bytes(files.reduce((sum, file) => sum + file.size, 0)) : "Each folder in it becomes a class. Also tar, .npz, .npy and IDX files."}</span>
        <input class="visually-hidden" type="file" multiple aria-invalid=${Boolean(wrong)} onChange=${(event) => choose([...event.target.files])} />
      </label>
      ${wrong && html`<span class="field-error" role="alert"><${Icon} name="warn" size=${16} /> <span>${wrong}</span></span>`}
    </div>`;
}

/** @param {{name: string, label: string, value: string, wrong?: string, help?: string, placeholder?: string, isRequired?: boolean, set: (field: string, value: string) => void}} props */
function Text({ name, label, value, wrong, help, placeholder = "", isRequired = false, set }) {
  return html`
    <div class="field"><label for=${`upload-${name}`}>${label}</label>
      <input id=${`upload-${name}`} class="input" value=${value} placeholder=${placeholder} required=${isRequired} autocomplete="off" spellcheck=${false} aria-invalid=${Boolean(wrong)}
        aria-describedby=${`upload-${name}-help`} onInput=${(event) => set(name, event.target.value)} />
      <span id=${`upload-${name}-help`} class=${wrong ? "field-error" : "field-help"}>${wrong ?? help}</span>
    </div>`;
}

const PHASES = { receiving: "Sending", waiting: "Waiting for another import", unpacking: "Unpacking", looking: "Looking at every file", decoding: "Reading the pictures", storing: "Storing them" };

/** How much has left, then how far the service is with it. @param {{sending: {id: string, done: number, total: number, cancel: () => void}}} props */
function Sending({ sending }) {
  const [there, setThere] = useState(null);
  const isSent = sending.done >= sending.total && sending.total > 0;
  const look = useRef(() => {});
  look.current = async () => {
    if (!isSent) return;
    const status = await getJson("status").catch(() => null);
    setThere(status?.imports.find((one) => one.request_id === sending.id) ?? null);
  };
  useEvery(useRef(() => look.current()).current, LOOK_EVERY_MS);
  const fraction = !isSent ? sending.done / Math.max(sending.total, 1) : there?.total ? there.done / there.total : null;
  const what = isSent ? PHASES[there?.phase] ?? "Reading the pictures" : `Sending ${bytes(sending.done)} of ${bytes(sending.total)}`;
  return html`
    <div class="sending" role="status">
      <div class=${classes("bar", fraction === null && "is-unknown")} role="progressbar" aria-label=${what} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${fraction === null ? undefined : Math.floor(100 * fraction)}><i style=${{ width: `${100 * (fraction ?? 1)}%` }}></i></div>
      <div class="progress-text"><span>${what}</span><span>${fraction !== null && percent(fraction)}</span></div>
      <div class="dialog-actions"><button class="button" onClick=${sending.cancel}>Cancel</button></div>
    </div>`;
}
