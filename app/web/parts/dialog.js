// A dialog over the page: the browser's own element, which keeps the focus and closes with Escape.
import { html, useEffect, useRef } from "../lib/ui.js";
import { Icon } from "./icon.js";

/**
 * Shown while it is rendered.
 * @param {{title: string, onClose: () => void, children: any, isWide?: boolean}} props
 */
export function Dialog({ title, onClose, children, isWide = false }) {
  const box = useRef(null);
  useEffect(() => {
    const asker = document.activeElement;
    box.current.showModal();
    (box.current.querySelector("[autofocus]") ?? box.current.querySelector("h2")).focus();
    return () => asker instanceof HTMLElement && asker.isConnected && asker.focus();
  }, []);
  const onClick = (event) => event.target === box.current && onClose();
  return html`
    <dialog ref=${box} class=${isWide ? "dialog is-wide" : "dialog"} aria-label=${title} onClick=${onClick}
      onCancel=${(event) => { event.preventDefault(); onClose(); }}>
      <div class="dialog-head">
        <h2 tabindex="-1">${title}</h2>
        <button class="icon-button" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button>
      </div>
      <div class="dialog-body">${children}</div>
    </dialog>`;
}

/**
 * A question before something that cannot be taken back.
 * @param {{title: string, text: string, verb: string, onYes: () => void, onClose: () => void, isDanger?: boolean}} props
 */
export function Confirm({ title, text, verb, onYes, onClose, isDanger = true }) {
  const yes = () => {
    onClose();
    onYes();
  };
  return html`
    <${Dialog} title=${title} onClose=${onClose}>
      <p>${text}</p>
      <div class="dialog-actions">
        <button class="button" onClick=${onClose}>Keep</button>
        <button class=${isDanger ? "button is-danger" : "button is-primary"} onClick=${yes}>${verb}</button>
      </div>
    <//>`;
}
