// What a version draws, small: asked for when it is scrolled to, two at a time, as each may have to be loaded first.
import { pictureOf } from "../lib/catalog.js";
import { html, useEffect, useRef, useState } from "../lib/ui.js";
import { reasonAgainst, useVisitor } from "../lib/visitor.js";
import { Frame, usePicture } from "./picture.js";

const AT_ONCE = 2;
let busy = 0;
/** @type {(() => void)[]} */
const waiting = [];

/** Call `begin` when it is its turn. @param {() => void} begin @returns {() => void} gives the turn back, or goes out of the line */
function takeTurn(begin) {
  let hasTurn = false;
  let isOver = false;
  const start = () => {
    hasTurn = true;
    busy += 1;
    begin();
  };
  if (busy < AT_ONCE) start();
  else waiting.push(start);
  return () => {
    if (isOver) return;
    isOver = true;
    const at = waiting.indexOf(start);
    if (at >= 0) waiting.splice(at, 1);
    if (!hasTurn) return;
    busy -= 1;
    waiting.shift()?.();
  };
}

/** @param {{reference: string, task?: string|null, alt: string, seed?: number, n?: number}} props reference: a pinned version */
export function Thumb({ reference, task = null, alt, seed = 0, n = 9 }) {
  const box = useRef(null);
  const end = useRef(() => {});
  const [isOn, setOn] = useState(false);
  const visitor = useVisitor();
  const { path, query } = pictureOf(reference, task, { seed, n }, reasonAgainst(visitor, "generate") === null);
  const isAsked = isOn && visitor !== undefined;
  const shown = usePicture(isAsked ? path : null, query);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      observer.disconnect();
      end.current = takeTurn(() => setOn(true));
    }, { rootMargin: "120px" });
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      end.current();
    };
  }, [reference]);
  useEffect(() => {
    if (isOn && (shown.url || shown.error)) end.current();
  }, [isOn, shown.url, shown.error]);
  return html`<div class="thumb" ref=${box}>${isAsked ? html`<${Frame} shown=${shown} alt=${alt} />` : html`<div class="picture"></div>`}</div>`;
}
