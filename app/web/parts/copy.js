// "Copy as": what the view does as curl, as `ganymede` and as Python, to be read before it is taken.
import { html, useEffect, useRef, useState } from "../lib/ui.js";
import { copyText } from "../lib/saving.js";
import { Icon } from "./icon.js";

const SHOWN_MS = 1_500;

/** @param {{commands: import("../lib/commands.js").Command[], label?: string, isSmall?: boolean}} props */
export function CopyMenu({ commands, label = "Copy as", isSmall = false }) {
  const [isOpen, setOpen] = useState(false);
  const box = useRef(null);
  useEffect(() => {
    if (!isOpen) return undefined;
    const onDown = (event) => box.current?.contains(event.target) || setOpen(false);
    const onKey = (event) => event.key === "Escape" && setOpen(false);
    addEventListener("pointerdown", onDown);
    addEventListener("keydown", onKey);
    return () => {
      removeEventListener("pointerdown", onDown);
      removeEventListener("keydown", onKey);
    };
  }, [isOpen]);
  return html`
    <div class="copy" ref=${box}>
      <button class=${isSmall ? "button is-small" : "button"} aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}><${Icon} name="copy" size=${isSmall ? 15 : 18} /> ${label}</button>
      ${isOpen && html`
        <div class="copy-panel" role="group" aria-label="The same as a command">
          ${commands.map((command) => html`<${Command} key=${command.name} ...${command} />`)}
        </div>`}
    </div>`;
}

/** @param {import("../lib/commands.js").Command} command */
export function Command({ name, text }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    setCopied(await copyText(text));
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return html`
    <div class="command">
      <div class="command-head">
        <span>${name}</span>
        <button class="button is-small" aria-label=${`Copy as ${name}`} onClick=${copy}>
          <${Icon} name=${isCopied ? "check" : "copy"} size=${14} /> ${isCopied ? "Copied" : "Copy"}
        </button>
      </div>
      <pre tabindex="0">${text}</pre>
    </div>`;
}
