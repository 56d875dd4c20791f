// The way from seed to seed: every frame at a slider, moving, or as a file that moves.
import { html, useEffect, useRef, useState } from "../lib/ui.js";
import { request } from "../lib/api.js";
import { anySeed, SEEDS } from "../lib/drawing.js";
import { useKeys } from "../lib/keys.js";
import { useLoaded } from "../lib/load.js";
import { fitting, FPS, lengthOf, MOST, morphBody, storedFiles } from "../lib/morph.js";
import { setQuery } from "../lib/router.js";
import { saveBlob } from "../lib/saving.js";
import { Trouble } from "./empty.js";
import { Icon } from "./icon.js";
import { StageTabs } from "./studio_stage.js";
import { sayError } from "./toast.js";

/** @param {{wish: any, way: import("../lib/morph.js").Way, query: Record<string, string>, fileName: string, change: (changes: any) => void}} props */
export function MorphStage({ wish, way, query, fileName, change }) {
  const { frames, error, isLoading, again, cancel } = useFrames(morphBody(wish, way));
  const [isPlaying, setPlaying] = useState(false);
  const last = Math.max(lengthOf(way) - 1, 0);
  const [shown, setShown] = useState(Math.min(Number(query.at) || 0, last));
  const index = Math.min(shown, Math.max(frames.length - 1, 0));
  useEffect(() => {
    if (!isPlaying) return undefined;
    const timer = setInterval(() => setShown((before) => (before >= frames.length - 1 ? 0 : before + 1)), 1000 / FPS);
    return () => clearInterval(timer);
  }, [isPlaying, frames.length]);
  const setKeys = (keys) => setQuery({ keys: keys.join(","), frames: null, at: null });
  const to = (next) => {
    setPlaying(false);
    setShown(next);
    setQuery({ at: next || null });
  };
  const roll = () => setKeys(way.keys.map(() => anySeed()));
  const save = (format) => saveMorph(morphBody(wish, way, { fps: FPS, scale: wish.scale > 1 ? wish.scale : null, format }), `${fileName}.${format}`);
  useKeys({ r: roll, s: () => save("webp"), ArrowLeft: () => to(Math.max(index - 1, 0)), ArrowRight: () => to(Math.min(index + 1, last)) });
  return html`
    <section class="stage" aria-label="Morph">
      <div class="stage-head"><${StageTabs} tab="morph" change=${change} />
        <div class="row">${["webp", "gif"].map((format) => html`<button key=${format} class="button" disabled=${!frames.length} onClick=${() => save(format)}><${Icon} name="download" /> ${format === "gif" ? "GIF" : "WebP"}</button>`)}</div></div>
      <div class="card stage-box">
        ${error ? html`<${Trouble} error=${error} again=${again} />` : html`
          <div class="stage-picture is-single"><div class=${`picture ${isLoading ? "is-loading" : ""}`}>${frames.length > 0 && html`<img src=${frames[index]} alt=${`Frame ${index + 1} of ${frames.length} on the way from seed ${way.keys[0]} to seed ${way.keys.at(-1)}`} draggable="false" />`}
            ${isLoading && html`<div class="picture-note">Drawing ${lengthOf(way)} frames <button class="button is-small" onClick=${cancel}>Cancel</button></div>`}
            ${!isLoading && !frames.length && html`<div class="picture-note"><button class="button is-small" onClick=${again}>Draw</button></div>`}</div></div>`}
        <input class="range" type="range" min="0" max=${last} step="1" value=${index} aria-label="Place on the way" aria-valuetext=${`frame ${index + 1} of ${last + 1}`} onInput=${(event) => to(Number(event.target.value))} />
        <${Keys} way=${way} frames=${frames} setKeys=${setKeys} to=${to} />
        <div class="stage-keys">
          <button class="button is-primary" disabled=${!frames.length} onClick=${() => setPlaying(!isPlaying)}><${Icon} name=${isPlaying ? "pause" : "play"} /> ${isPlaying ? "Stop" : "Play"}</button>
          <button class="button" onClick=${roll}><${Icon} name="dice" /> Other seeds</button>
          <label class="check"><input type="checkbox" checked=${way.isLoop} onChange=${(event) => setQuery({ loop: event.target.checked ? 1 : null, at: null })} /> Back to the first</label>
          <label class="smoothing"><span>Frames between</span><input class="range" type="range" min="1" max=${fitting(way.keys.length, way.isLoop, MOST)} step="1" value=${way.frames} onChange=${(event) => setQuery({ frames: event.target.value, at: null })} /><span class="num">${way.frames}</span></label>
        </div>
      </div>
      <p class="muted small hints"><span><kbd>R</kbd> random</span><span><kbd>←</kbd> <kbd>→</kbd> frame</span><span><kbd>S</kbd> save</span><span>Each frame on the way is as likely as any picture.</span></p>
    </section>`;
}

/** The key seeds, each with its picture; one can be typed, thrown anew, left out. @param {{way: any, frames: string[], setKeys: (keys: number[]) => void, to: (index: number) => void}} props */
function Keys({ way, frames, setKeys, to }) {
  const { keys } = way;
  const replace = (i, key) => setKeys(keys.map((old, j) => (j === i ? key : old)));
  const typed = (event, i) => {
    const key = Number(event.target.value);
    if (event.target.value !== "" && Number.isInteger(key) && key >= 0 && key < SEEDS) replace(i, key);
    else event.target.value = String(keys[i]);
  };
  return html`
    <ol class="way" aria-label="Key seeds">
      ${keys.map((key, i) => html`
        <li key=${i}>
          <button class="way-picture" aria-label=${`Go to seed ${key}`} onClick=${() => to(i * way.frames)}>${frames[i * way.frames] && html`<img src=${frames[i * way.frames]} alt="" draggable="false" />`}</button>
          <input class="input" inputmode="numeric" aria-label=${`Key ${i + 1}`} value=${key} onChange=${(event) => typed(event, i)} />
          <span class="way-verbs"><button class="icon-button" aria-label=${`Another seed for key ${i + 1}`} onClick=${() => replace(i, anySeed())}><${Icon} name="dice" size=${15} /></button>
            <button class="icon-button" aria-label=${`Leave out key ${i + 1}`} disabled=${keys.length < 3} onClick=${() => setKeys(keys.filter((_, j) => j !== i))}><${Icon} name="close" size=${15} /></button></span>
        </li>`)}
      ${keys.length < MOST / 4 && html`<li class="way-more"><button class="button is-small" onClick=${() => setKeys([...keys, anySeed()])}><${Icon} name="plus" size=${15} /> Key</button></li>`}
    </ol>`;
}

/** Every frame of the way, as addresses of pictures in this tab. @param {any} body of POST /generate/morph */
function useFrames(body) {
  const asked = JSON.stringify(body);
  const ask = async (signal) => {
    const answer = await request("generate/morph", { method: "POST", json: { ...body, format: "zip" }, signal });
    const files = storedFiles(new Uint8Array(await answer.arrayBuffer()));
    signal.throwIfAborted();
    return files.filter(({ name }) => name.endsWith(".png")).map(({ content }) => URL.createObjectURL(new Blob([content], { type: "image/png" })));
  };
  const loaded = useLoaded((signal) => (body.model ? ask(signal) : new Promise(() => {})), [asked], "");
  const held = useRef([]);
  useEffect(() => {
    held.current.filter((url) => !loaded.data?.includes(url)).forEach((url) => URL.revokeObjectURL(url));
    held.current = loaded.data ?? [];
  }, [loaded.data]);
  useEffect(() => () => held.current.forEach((url) => URL.revokeObjectURL(url)), []);
  return { ...loaded, frames: loaded.data ?? [] };
}

/** @param {any} body @param {string} name */
async function saveMorph(body, name) {
  try {
    saveBlob(await (await request("generate/morph", { method: "POST", json: body })).blob(), name);
  } catch (error) {
    sayError(error);
  }
}
