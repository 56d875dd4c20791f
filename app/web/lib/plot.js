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

/** A colour of the style sheet as a canvas understands it. @param {string} name of a custom property, without -- */
export function colourOf(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
