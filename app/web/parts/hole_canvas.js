// A picture and the hole in it, painted by mouse, finger or keys: a brush, or a box from corner to corner.
import { classes, html, useLayoutEffect, useRef, useState } from "../lib/ui.js";
import { box, stroke } from "../lib/hole.js";

const PAINT = [64, 112, 255, 176]; // of the hole: blue is the generator
const FAR = 5; // pixels of an arrow with shift

/**
 * What is painted is told as a function of the hole, and keys see the cursor through a ref: several events may come before
 * there is time to draw again, and each goes on from the one before.
 * @param {{picture: ImageData, hole: import("../lib/hole.js").Hole, tool: "brush"|"box", isErasing: boolean, radius: number,
 *   onBegin: () => void, onHole: (next: (hole: import("../lib/hole.js").Hole) => import("../lib/hole.js").Hole) => void}} props onBegin: before something of the hole changes
 */
export function HoleCanvas({ picture, hole, tool, isErasing, radius, onBegin, onHole }) {
  const side = picture.width;
  const frame = useRef(null);
  const drawing = useRef(null);
  const pointer = useRef({ cursor: null, corner: null });
  const [{ cursor, corner }, show] = useState(pointer.current);
  const value = isErasing ? 0 : 1;
  const point = (changes) => show((pointer.current = { ...pointer.current, ...changes }));
  const place = (event) => {
    const { left, top, width, height } = frame.current.getBoundingClientRect();
    return { x: (side * (event.clientX - left)) / width, y: (side * (event.clientY - top)) / height };
  };
  const paint = (from, to, begun = {}) => onHole((now) => {
    begun.before ??= now;
    return tool === "box" ? box(begun.before, from, to, value) : stroke(now, from, to, radius, value);
  });
  const down = (event) => {
    if (event.button > 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const at = place(event);
    onBegin();
    point({ corner: null });
    drawing.current = { at };
    paint(at, at, drawing.current);
  };
  const move = (event) => {
    const at = place(event);
    point({ cursor: { ...at, isKeyed: false } });
    if (!drawing.current) return;
    paint(drawing.current.at, at, drawing.current);
    if (tool !== "box") drawing.current.at = at;
  };
  const up = () => {
    drawing.current = null;
  };
  const key = (event) => {
    const now = pointer.current;
    const at = now.cursor?.isKeyed ? now.cursor : { x: Math.floor(side / 2) + 0.5, y: Math.floor(side / 2) + 0.5, isKeyed: true };
    const step = ARROWS[event.key];
    const within = (to) => Math.min(Math.max(to, 0.5), side - 0.5);
    if (step) {
      const by = event.shiftKey ? FAR : 1;
      point({ cursor: { x: within(at.x + by * step[0]), y: within(at.y + by * step[1]), isKeyed: true } });
    } else if (event.key === " " || event.key === "Enter") {
      if (tool === "box" && !now.corner) point({ cursor: at, corner: at });
      else {
        onBegin();
        paint(now.corner ?? at, at);
        point({ cursor: at, corner: null });
      }
    } else if (event.key === "Escape" && now.corner) point({ corner: null });
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const help = `The picture, ${side} by ${side} pixels. Arrows move the ${tool}, with shift by ${FAR} pixels; space ${tool === "box" ? "sets a corner of the box" : isErasing ? "takes the hole away" : "paints the hole"}.`;
  return html`
    <div class=${classes("hole", cursor && !cursor.isKeyed && "is-pointed")} ref=${frame} tabindex="0" role="application" aria-label=${help}
      onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onPointerCancel=${up} onPointerLeave=${() => drawing.current || point({ cursor: null })} onKeyDown=${key}>
      <${Pixels} pixels=${picture} />
      <${Paint} hole=${hole} />
      ${cursor && html`<${Brush} at=${cursor} corner=${corner} side=${side} radius=${tool === "box" ? 0.5 : Math.max(radius, 0.5)} isBox=${tool === "box"} />`}
      ${cursor?.isKeyed && html`<span class="visually-hidden" role="status">Column ${Math.ceil(cursor.x)}, row ${Math.ceil(cursor.y)}${corner ? ", one corner is set" : ""}</span>`}
    </div>`;
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {{pixels: ImageData}} props */
function Pixels({ pixels }) {
  const canvas = useRef(null);
  useLayoutEffect(() => canvas.current.getContext("2d").putImageData(pixels, 0, 0), [pixels]);
  return html`<canvas ref=${canvas} width=${pixels.width} height=${pixels.height}></canvas>`;
}

/** @param {{hole: import("../lib/hole.js").Hole}} props */
function Paint({ hole }) {
  const canvas = useRef(null);
  useLayoutEffect(() => {
    const paint = new ImageData(hole.side, hole.side);
    hole.painted.forEach((is, i) => is && paint.data.set(PAINT, 4 * i));
    canvas.current.getContext("2d").putImageData(paint, 0, 0);
  }, [hole]);
  return html`<canvas class="hole-paint" ref=${canvas} width=${hole.side} height=${hole.side}></canvas>`;
}

/** Where the next touch goes. @param {{at: {x: number, y: number}, corner: {x: number, y: number}|null, side: number, radius: number, isBox: boolean}} props */
function Brush({ at, corner, side, radius, isBox }) {
  const share = (pixels) => `${(100 * pixels) / side}%`;
  const [left, top] = [Math.min(at.x, corner?.x ?? at.x) - radius, Math.min(at.y, corner?.y ?? at.y) - radius];
  const [width, height] = [Math.abs(at.x - (corner?.x ?? at.x)) + 2 * radius, Math.abs(at.y - (corner?.y ?? at.y)) + 2 * radius];
  return html`<i class=${classes("hole-brush", isBox && "is-box")} aria-hidden="true" style=${{ left: share(left), top: share(top), width: share(width), height: share(height) }}></i>`;
}
