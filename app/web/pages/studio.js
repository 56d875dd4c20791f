// Studio: draw with any version, find a seed, keep it. All that is chosen is in the address; the keys are R, arrows and S.
import { html, useCallback, useEffect, useState } from "../lib/ui.js";
import { addressOf, getJson, request } from "../lib/api.js";
import { drawCommands } from "../lib/commands.js";
import { anySeed, besideSeed, drawQuery, fileName, queryOf, wishFrom, wishOf } from "../lib/drawing.js";
import { useDrop } from "../lib/drop.js";
import { useHealth } from "../lib/health.js";
import { useKeys } from "../lib/keys.js";
import { bodyAt, mapCommands, placeOf } from "../lib/lattice.js";
import { useLoaded } from "../lib/load.js";
import { recall, remember } from "../lib/memory.js";
import { morphBody, morphCommands, wayOf } from "../lib/morph.js";
import { setQuery } from "../lib/router.js";
import { saveBlob } from "../lib/saving.js";
import { viewHash } from "../lib/url.js";
import { CopyMenu } from "../parts/copy.js";
import { Allowed } from "../parts/deed.js";
import { Empty } from "../parts/empty.js";
import { History, withNewest } from "../parts/history.js";
import { Icon } from "../parts/icon.js";
import { labelOf, MapStage } from "../parts/map_stage.js";
import { MorphStage } from "../parts/morph_stage.js";
import { usePicture } from "../parts/picture.js";
import { Controls } from "../parts/studio_controls.js";
import { Stage } from "../parts/studio_stage.js";
import { say, sayError } from "../parts/toast.js";

const DWELL_MS = 700; // a picture that is looked at for so long goes into the history

/** @param {{query: Record<string, string>}} props */
export default function Studio({ query }) {
  return html`<${Allowed} scope="generate" title="The studio draws"><${Drawing} query=${query} /><//>`;
}

/** @param {{query: Record<string, string>}} props */
function Drawing({ query }) {
  const { status } = useHealth();
  const usual = status?.readiness.model?.split("@")[0] ?? "";
  const wish = { ...wishOf(query), model: query.model || usual };
  const [isLocked, setLocked] = useState(false);
  const [kept, setKept] = useState(() => recall("history", []));
  const facts = useFacts(wish.model);
  const change = useCallback((changes) => setQuery(queryOf({ ...wishOf(query), ...changes })), [JSON.stringify(query)]);

  useEffect(() => {
    if (query.seed === undefined) setQuery({ seed: anySeed() });
  }, [query.seed]);
  const isReady = wish.model !== "" && query.seed !== undefined;
  const isStill = wish.tab === "single" || wish.tab === "grid";
  const shown = usePicture(isReady && isStill ? "generate" : null, drawQuery(wish));
  const pinned = pinnedReference(shown.headers);

  useEffect(() => {
    if (!isStill || !pinned || shown.isLoading || shown.error || pinned.startsWith("run:")) return undefined;
    const timer = setTimeout(() => setKept((before) => keep(withNewest(before, { ...wish, model: pinned, scale: 1 }))), DWELL_MS);
    return () => clearTimeout(timer);
  }, [isStill, pinned, shown.url, shown.isLoading]);

  const roll = () => {
    if (!isLocked) change({ seed: anySeed() });
    else if (facts.labels.length) change({ label: otherLabel(facts.labels, wish.label) });
  };
  const beside = (by) => isLocked || change({ seed: besideSeed(wish.seed, by) });
  const save = (format) => saveDrawing(wish, pinned, format, facts.isSound);
  useKeys(isStill ? { r: roll, s: () => save("png"), ArrowLeft: () => beside(-1), ArrowRight: () => beside(1) } : {});
  const restore = async (file) => {
    const found = await readRecipe(file);
    if (found) setQuery(queryOf(found), { step: true });
  };
  useDrop(restore);

  const shared = { wish, query, change, fileName: fileName({ ...wish, tab: wish.tab === "single" ? "single" : "" }, wish.model, "").replace(/\.$/, `-${wish.tab}`) };
  const noModel = html`<div class="card"><${Empty} icon="models" title="No model can be drawn">${status?.readiness.reason}<//></div>`;
  const stages = {
    morph: () => html`<${MorphStage} ...${shared} way=${wayOf(query, wish.seed)} />`,
    map: () => html`<${MapStage} ...${shared} facts=${facts} />`,
  };
  const still = () => html`<${Stage} wish=${wish} facts=${facts} shown=${shown} pinned=${pinned} change=${change} beside=${beside} roll=${roll} save=${save} isLocked=${isLocked} />`;
  return html`
    <div class="head">
      <div class="head-text"><h1>Studio</h1><p>A seed is a point in the space that the generator has learnt. The same seed always draws the same picture.</p></div>
      <div class="head-actions">
        <a class="button" href=${viewHash(["complete"], { model: query.model })}><${Icon} name="edit" /> Complete a picture</a>
        <label class="button"><${Icon} name="upload" /> Open a picture<input class="visually-hidden" type="file" accept="image/png" onChange=${(event) => { restore(event.target.files[0]); event.target.value = ""; }} /></label>
        <${CopyMenu} commands=${commandsOf(wish, query, facts, pinned, shared.fileName)} />
      </div>
    </div>
    <div class="studio">
      <${Controls} wish=${wish} facts=${facts} isLocked=${isLocked} onLock=${() => setLocked(!isLocked)} change=${change} roll=${roll} />
      ${status && !usual && !query.model
        ? noModel
        : (stages[wish.tab] ?? still)()}
      <${History} kept=${kept} onPick=${(one) => setQuery(queryOf({ ...one, scale: wish.scale }), { step: true })} onClear=${() => setKept(keep([]))} />
    </div>`;
}

/** What is shown, as commands. @param {any} wish @param {Record<string, string>} query @param {any} facts @param {string|null} pinned @param {string} name */
function commandsOf(wish, query, facts, pinned, name) {
  const base = addressOf("").replace(/\/$/, "");
  const scale = wish.scale > 1 ? wish.scale : null;
  if (wish.tab === "morph") return morphCommands(base, morphBody(wish, wayOf(query, wish.seed), { scale, format: "webp" }), name);
  if (wish.tab === "map") return facts.latentDim === null ? [] : mapCommands(base, bodyAt(wish, placeOf(query), facts.latentDim, labelOf(wish, facts)), `${name}.png`);
  return drawCommands(base, drawQuery(wish, { metadata: true, scale }), fileName(wish, pinned ?? wish.model, "png"));
}

/** What the picture was drawn from, in so many words that it is drawn again. @param {Headers|null} headers */
function pinnedReference(headers) {
  return headers && `${headers.get("Model")}@${headers.get("Model-Version")}`;
}

/** @param {import("../lib/drawing.js").Wish[]} kept */
function keep(kept) {
  remember("history", kept);
  return kept;
}

/** @param {string[]} labels @param {string} before */
function otherLabel(labels, before) {
  const others = labels.filter((label) => label !== before);
  return others[Math.floor(Math.random() * others.length)] ?? before;
}

/**
 * What is known of a reference: the model's versions and aliases, and the names of its classes.
 * @param {string} reference @returns {{model: any, labels: string[], size: number|null, latentDim: number|null, isSound: boolean, problem: any}}
 */
function useFacts(reference) {
  const { data, error } = useLoaded((signal) => (reference ? factsOf(reference, signal) : new Promise(() => {})), [reference], reference.split(/[@:]/)[0]);
  return { model: null, labels: [], size: null, latentDim: null, isSound: false, ...data, problem: error };
}

/** @param {string} reference @param {AbortSignal} signal */
async function factsOf(reference, signal) {
  if (reference.startsWith("run:")) {
    const run = await getJson(`train/${reference.slice(4).split("@")[0]}`, { signal });
    const dataset = await getJson(`datasets/${run.dataset}`, { signal }).catch(() => null);
    return { labels: run.resolved.conditional ? dataset?.class_names ?? [] : [], size: run.resolved.network.image_size, latentDim: run.resolved.network.latent_dim, isSound: run.resolved.medium === "audio" };
  }
  const [name, after = ""] = reference.split(/[@:]/);
  const model = await getJson(`models/${encodeURIComponent(name)}`, { signal });
  const number = /^\d+$/.test(after) ? Number(after) : model.aliases[after || "production"] ?? model.newest_version;
  const version = model.versions.find((one) => one.version === number) ?? model.versions[0];
  return { model, labels: version?.labels ?? [], size: version?.image_size ?? null, latentDim: version?.latent_dim ?? null, isSound: version?.medium === "audio" };
}

/** @param {import("../lib/drawing.js").Wish} wish @param {string|null} pinned @param {"png"|"zip"|"wav"} format @param {boolean} isSound */
async function saveDrawing(wish, pinned, format, isSound) {
  try {
    const model = pinned ?? wish.model;
    const how = isSound && format !== "png" ? {} : { scale: wish.scale > 1 ? wish.scale : null, metadata: true }; // a WAV has neither
    const answer = await request("generate", { query: drawQuery({ ...wish, model }, { ...how, format }) });
    saveBlob(await answer.blob(), fileName(wish, model, format));
  } catch (error) {
    sayError(error);
  }
}

/** How a dropped picture was drawn; says why not. @param {File|undefined} file @returns {Promise<import("../lib/drawing.js").Wish|null>} */
async function readRecipe(file) {
  if (!file) return null;
  try {
    const answer = await request("inspect", { method: "POST", body: file, headers: { "Content-Type": "image/png" } });
    const { recipe } = await answer.json();
    const model = await getJson(`models/${encodeURIComponent(recipe.model)}/versions/${recipe.version}`).catch(() => null);
    const { wish, isWhole } = wishFrom(recipe, model?.labels ?? []);
    if (isWhole) say(`${recipe.model}@${recipe.version} drew it from seed ${wish.seed}.`);
    else say("Its recipe has noise or labels of its own, which the studio cannot show as they were.", { tone: "bad" });
    return wish;
  } catch (error) {
    sayError(error);
    return null;
  }
}
