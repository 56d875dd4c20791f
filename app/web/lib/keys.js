// Keys of a view: a letter or an arrow does something, but never while somebody types or a dialog is open.
import { useEffect, useRef } from "./ui.js";

/** @param {Record<string, (event: KeyboardEvent) => void>} actions by `event.key`, letters in lower case; the newest are taken */
export function useKeys(actions) {
  const now = useRef(actions);
  now.current = actions;
  useEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
      const action = now.current[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!action) return;
      event.preventDefault();
      action(event);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

/** @param {EventTarget|null} target */
function isTyping(target) {
  return target instanceof HTMLElement && target.matches("input, textarea, select, [role=slider], [contenteditable]");
}
