// uPlot, loaded when the first chart is drawn; its file puts it on the window.
const FOLDER = new URL("../vendor/uplot/", import.meta.url);

/** @type {Promise<any>|null} */
let loaded = null;

/** @returns {Promise<any>} the constructor of charts */
export function loadPlot() {
  loaded ??= new Promise((resolve, reject) => {
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = new URL("uPlot.min.css", FOLDER).href;
    const script = document.createElement("script");
    script.src = new URL("uPlot.iife.min.js", FOLDER).href;
    script.onload = () => resolve(window.uPlot);
    script.onerror = () => reject(new Error("The charts could not be loaded."));
    document.head.append(style, script);
  });
  return loaded;
}

/** What is to be drawn, by whom; a frame draws one. @type {Map<object, () => void>} */
const turns = new Map();

/** Draw in a frame of its own: all charts in one would hold up what people do meanwhile. @param {object} who waits once @param {() => void} draw */
export function inTurn(who, draw) {
  if (!turns.size) requestAnimationFrame(next);
  turns.set(who, draw);
}

/** @param {object} who draws no longer */
export function leaveTurn(who) {
  turns.delete(who);
}

function next() {
  const [first] = turns;
  if (!first) return;
  turns.delete(first[0]);
  if (turns.size) requestAnimationFrame(next);
  first[1]();
}

/** Each asks for the style of all that changed since the last, so they are kept until the colours change. @type {Map<string, string>} */
const colours = new Map();
addEventListener("themechange", () => colours.clear());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("themechange")));

/** A colour of the style sheet as a canvas understands it. @param {string} name of a custom property, without -- */
export function colourOf(name) {
  if (!colours.has(name)) {
    const probe = document.createElement("span");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    colours.set(name, getComputedStyle(probe).color);
    probe.remove();
  }
  return colours.get(name);
}
