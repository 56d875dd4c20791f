// What became of an upload: what was taken, every file that was not and why, and where to go from there.
import { html } from "../lib/ui.js";
import { sizeWords } from "../lib/datasets.js";
import { count, plural } from "../lib/format.js";
import { viewHash } from "../lib/url.js";
import { Icon } from "./icon.js";

const CHANGES = {
  created: "It is new.",
  unchanged: "These very pictures were here already.",
  repaired: "These very pictures were here, but damaged; they are whole again.",
};

/** @param {{added: any}} props */
export function Report({ added }) {
  const { report } = added;
  const unnamed = report.bad - report.bad_files.length;
  return html`
    <div class="report">
      <p>${CHANGES[added.change] ?? added.change} ${count(added.count)} pictures of ${sizeWords(added)}, ${added.class_names.length ? plural(added.class_names.length, "class", "classes") : "without classes"}.</p>
      <dl class="facts">
        <div><dt>Taken</dt><dd>${count(report.taken)} of ${count(report.files)}</dd></div>
        <div><dt>Not taken</dt><dd class=${report.bad ? "is-warn" : ""}>${count(report.bad)}</dd></div>
        <div><dt>Ignored</dt><dd>${count(report.ignored)}</dd></div>
        <div><dt>Enlarged</dt><dd>${count(report.enlarged)}</dd></div>
      </dl>
      ${report.notes.length > 0 && html`<ul class="notes">${report.notes.map((note) => html`<li key=${note}>${note}</li>`)}</ul>`}
      ${report.bad > 0 && html`
        <h3><${Icon} name="warn" size=${16} /> ${plural(report.bad, "file")} could not be taken</h3>
        <ul class="bad-files" tabindex="0" aria-label="Files that could not be taken">
          ${report.bad_files.map((file) => html`<li key=${file.name}><code>${file.name}</code><span>${file.reason}</span></li>`)}
          ${unnamed > 0 && html`<li><span>and ${count(unnamed)} more</span></li>`}
        </ul>`}
      <div class="dialog-actions">
        <a class="button" href=${viewHash(["data", added.name])}>Look at it</a>
        <a class="button is-primary" href=${viewHash(["new"], { dataset: added.name })}><${Icon} name="play" /> Train on it</a>
      </div>
    </div>`;
}
