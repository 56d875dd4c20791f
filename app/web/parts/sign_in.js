// Signing in, where the service has keys: a key is traded for a cookie, which goes with pictures and the stream, too.
import { html, useEffect, useRef, useState } from "../lib/ui.js";
import { postJson, request, told, UNKNOWN_VISITOR } from "../lib/api.js";
import { useVisitor } from "../lib/visitor.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icon.js";

/** Asks for a key as soon as the service refuses somebody whom it does not know. */
export function SignIn() {
  const [isAsked, setAsked] = useState(false);
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState(null);
  const isDismissed = useRef(false); // who closed it is not asked again by every request that is refused
  useEffect(() => {
    const ask = (event) => (event.detail?.isWanted || !isDismissed.current) && setAsked(true);
    addEventListener(UNKNOWN_VISITOR, ask);
    return () => removeEventListener(UNKNOWN_VISITOR, ask);
  }, []);
  if (!isAsked) return null;
  const close = () => {
    isDismissed.current = true;
    setAsked(false);
  };
  const enter = async (event) => {
    event.preventDefault();
    try {
      await postJson("session", { key: key.trim() });
      location.reload(); // all that was refused is asked for again
    } catch (error) {
      setProblem(told(error));
    }
  };
  return html`
    <${Dialog} title="This service asks for a key" onClose=${close}>
      <form class="dialog-form" onSubmit=${enter}>
        <p class="muted">Whoever runs it can make one: <code>ganymede keys create</code>. Your browser keeps a cookie instead of the key, for a day at most.</p>
        <div class="field">
          <label for="sign-in-key">Key</label>
          <input id="sign-in-key" class="input" type="password" autofocus autocomplete="current-password" value=${key} aria-invalid=${problem ? "true" : null} aria-describedby=${problem ? "sign-in-problem" : null} onInput=${(event) => setKey(event.target.value)} />
          ${problem && html`<p class="field-error" id="sign-in-problem" role="alert"><${Icon} name="warn" size=${16} /><span>${problem}</span></p>`}
        </div>
        <div class="dialog-actions"><button class="button is-primary" disabled=${!key.trim()}>Sign in</button></div>
      </form>
    <//>`;
}

/** Whose key is used, and the way out; nothing where no key is needed. */
export function SignedIn() {
  const visitor = useVisitor();
  const ask = () => dispatchEvent(new CustomEvent(UNKNOWN_VISITOR, { detail: { isWanted: true } }));
  if (visitor?.isUnknown) return html`<button class="button is-small" onClick=${ask}>Sign in</button>`;
  if (!visitor?.key) return null;
  const name = visitor.key.name ?? visitor.key.id;
  const leave = async () => {
    await request("session", { method: "DELETE" }).catch(() => {});
    location.reload();
  };
  return html`<div class="signed-in"><span class="cut" title=${name}>${name}</span><button class="link" onClick=${leave}>Sign out</button></div>`;
}
