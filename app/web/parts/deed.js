// What takes a key of a scope, for whom it is open; for whom it is not, it says why.
import { html } from "../lib/ui.js";
import { reasonAgainst, useVisitor } from "../lib/visitor.js";
import { Empty } from "./empty.js";
import { Icon } from "./icon.js";

/** Why the one who is signed in may not. @param {string} scope @param {any} [of] what is changed, or several; each may have `made_by` */
export function useReason(scope, of = []) {
  return reasonAgainst(useVisitor(), scope, [of].flat().map((one) => one?.made_by));
}

/** A button of a change. @param {{scope: string, of?: any, disabled?: boolean, title?: string, children: any, [more: string]: any}} props */
export function Deed({ scope, of = [], disabled = false, title, children, ...button }) {
  const reason = useReason(scope, of);
  return html`<button ...${button} disabled=${disabled || reason !== null} title=${reason ?? title}>${children}${reason && html`<span class="visually-hidden"> ${reason}</span>`}</button>`;
}

/** The same reason in plain sight, once for all buttons of a view; nothing where there is none. @param {{scope: string, of?: any}} props */
export function Reason({ scope, of = [] }) {
  const reason = useReason(scope, of);
  return reason && html`<p class="reason muted small"><${Icon} name="info" size=${15} /> <span>${reason}</span></p>`;
}

/**
 * What is nothing without a scope, or the reason in its place. Empty until the visitor is known: nothing is asked for in vain.
 * @param {{scope: string, title: string, children: any}} props title: over the reason
 */
export function Allowed({ scope, title, children }) {
  const visitor = useVisitor();
  if (visitor === undefined) return null;
  const reason = reasonAgainst(visitor, scope);
  return reason === null ? children : html`<${Empty} title=${title}>${reason}<//>`;
}
