// What a view says where there is nothing yet, or where something went wrong: a sentence, and what to do.
import { html } from "../lib/ui.js";
import { Icon } from "./icon.js";

/** @param {{icon?: string, title: string, children?: any, actions?: any}} props */
export function Empty({ icon = "info", title, children, actions }) {
  return html`
    <div class="empty">
      <span class="empty-icon"><${Icon} name=${icon} size=${26} /></span>
      <h3>${title}</h3>
      ${children && html`<p>${children}</p>`}
      ${actions && html`<div class="empty-actions">${actions}</div>`}
    </div>`;
}

/** An error in the place of what it hindered. @param {{error: any, again?: () => void, title?: string}} props */
export function Trouble({ error, again, title }) {
  return html`
    <div class="empty is-bad" role="alert">
      <span class="empty-icon"><${Icon} name="warn" size=${26} /></span>
      <h3>${title ?? error.title ?? "Something went wrong"}</h3>
      <p>${error.message} ${error.code && html`<code>${error.code}</code>`}</p>
      ${again && html`<div class="empty-actions"><button class="button" onClick=${again}><${Icon} name="retry" /> Try again</button></div>`}
    </div>`;
}

/** What is on its way; it can be called off. @param {{what: string, cancel?: () => void}} props */
export function Waiting({ what, cancel }) {
  return html`
    <div class="waiting" role="status">
      <span class="waiting-bar" aria-hidden="true"></span>
      <span>Loading ${what}</span>
      ${cancel && html`<button class="link" onClick=${cancel}>Cancel</button>`}
    </div>`;
}
