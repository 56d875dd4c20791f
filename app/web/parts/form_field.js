// One field of a form: made as its kind says, with what it will be when left out, and what is wrong with it beside it.
import { html } from "../lib/ui.js";
import { plain, words } from "../lib/format.js";
import { Icon } from "./icon.js";

/**
 * @param {{field: import("../lib/form.js").FormField, text: string, used?: unknown, error?: string, onText: (text: string) => void}} props
 *   used: what it will be, as the service tells
 */
export function FormField({ field, text, used, error, onText }) {
  const id = `field-${field.path}`;
  const about = error ? `${id}-error` : `${id}-help`;
  return html`
    <div class="field" data-path=${field.path}>
      <label for=${id}>${sentence(words(field.name))}</label>
      <${Control} id=${id} field=${field} text=${text} used=${used} error=${error} about=${about} onText=${onText} />
      ${error
        ? html`<p class="field-error" id=${`${id}-error`} role="alert"><${Icon} name="warn" size=${16} /><span>${error}</span></p>`
        : html`<p class="field-help" id=${`${id}-help`}>${field.help.replace(/\bnull: /, "Left out: ")}${field.auto && !field.help.includes("auto:") ? ` Left out: ${field.auto}.` : ""}</p>`}
    </div>`;
}

/** @param {any} props */
function Control({ id, field, text, used, error, about, onText }) {
  const shared = { id, class: "input", "aria-describedby": about, "aria-invalid": error ? "true" : null };
  const left = field.usual === null && !field.auto && !used ? "Not set" : `Auto${used === undefined || used === null ? "" : `: ${shown(used)}`}`;
  if (field.kind === "choice" || field.kind === "yes or no") {
    const choices = field.kind === "choice" ? field.choices : ["true", "false"];
    return html`
      <select ...${shared} value=${text} onChange=${(event) => onText(event.target.value)}>
        <option value="">${left}</option>
        ${choices.map((choice) => html`<option key=${choice} value=${choice}>${choice === "true" ? "yes" : choice === "false" ? "no" : words(choice)}</option>`)}
      </select>`;
  }
  const isNumber = field.kind === "integer" || field.kind === "number";
  return html`<input ...${shared} value=${text} inputmode=${isNumber ? "decimal" : null} placeholder=${isNumber || used ? left : null} autocomplete="off" spellcheck=${false} onInput=${(event) => onText(event.target.value)} />`;
}

/** @param {any} value */
function shown(value) {
  if (typeof value === "number") return plain(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return Array.isArray(value) ? value.join(", ") || "none" : String(value);
}

/** @param {string} text */
function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
