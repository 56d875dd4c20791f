// Who uses the page, asked once; and why a change that the service would refuse cannot be made.
import { useEffect, useState } from "./ui.js";
import { getJson } from "./api.js";

/** @typedef {{key: {id: string, name: string}|null, scopes: string[], isUnknown: boolean}} Visitor */

const WHAT = { generate: "draw", train: "train", "models:write": "change models", "datasets:write": "change datasets", "webhooks:write": "set webhooks" };

/** @type {Promise<Visitor|null>|undefined} of this load of the page: who signs in or out loads it again */
let asked;
/** @type {Visitor|null|undefined} what it came to */
let known;

/** null where it cannot be known: then nothing is forbidden, and the service decides. @returns {Promise<Visitor|null>} */
function visitor() {
  asked ??= getJson("session").then(
    ({ key, scopes }) => ({ key, scopes, isUnknown: false }),
    (error) => (error.status === 401 ? { key: null, scopes: [], isUnknown: true } : null),
  );
  return asked;
}

/** @returns {Visitor|null|undefined} undefined until it is known */
export function useVisitor() {
  const [found, setFound] = useState(known);
  useEffect(() => {
    visitor().then((one) => setFound((known = one)));
  }, []);
  return found;
}

/**
 * Why this visitor may not change things, in words; null: nothing is against it. The service has the last word.
 * @param {Visitor|null|undefined} visitor @param {string} scope that it takes
 * @param {({id: string, name: string}|null|undefined)[]} makers keys that made what is changed; null: everyone's
 */
export function reasonAgainst(visitor, scope, makers = []) {
  if (!visitor || visitor.scopes.includes("admin")) return null;
  if (visitor.isUnknown) return "Sign in first.";
  if (!visitor.scopes.includes(scope)) return `Your key may not ${WHAT[scope] ?? scope}: that takes the scope ${scope}.`;
  const other = makers.find((maker) => maker && maker.id !== visitor.key?.id);
  return other ? `Made with another key, ${other.name}: only that one, or one with the scope admin, may change it.` : null;
}
