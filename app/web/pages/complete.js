// Complete: paint a hole into a picture and have a model fill it. Model, seed and label are in the address; the picture stays here.
import { html, useCallback, useEffect, useMemo, useState } from "../lib/ui.js";
import { addressOf, getJson } from "../lib/api.js";
import { currentOf } from "../lib/catalog.js";
import { blobOf, complete, completeCommands, completeQuery, completers, DRAFTS } from "../lib/completing.js";
import { anySeed, besideSeed, wishOf } from "../lib/drawing.js";
import { useDrop } from "../lib/drop.js";
import { useHealth } from "../lib/health.js";
import { holed, noHole, shareOf } from "../lib/hole.js";
import { useKeys } from "../lib/keys.js";
import { useLoaded } from "../lib/load.js";
import { setQuery } from "../lib/router.js";
import { saveBlob } from "../lib/saving.js";
import { anyPicture, decoded, fitted, pngOf } from "../lib/source.js";
import { useLive } from "../lib/store.js";
import { CompleteControls } from "../parts/complete_controls.js";
import { CompleteStage } from "../parts/complete_stage.js";
import { CopyMenu } from "../parts/copy.js";
import { Deed } from "../parts/deed.js";
import { Drafts, useDraftUrls } from "../parts/drafts.js";
import { Empty, Trouble } from "../parts/empty.js";
import { Icon } from "../parts/icon.js";
import { sayError } from "../parts/toast.js";

const HOLED = "holed.png";
/** @type {import("../lib/completing.js").Draft[]} */
const NONE = [];

/** @param {{query: Record<string, string>}} props */
export default function Complete({ query }) {
  const { models } = useLive();
  const { status } = useHealth();
  const { trained, searched } = completers(models);
  const usual = trained[0] ?? status?.readiness.model?.split("@")[0] ?? searched[0] ?? "";
  const isKnown = Object.keys(models).length > 0;
  const wish = wishOf(query);
  const facts = useModel(wish.model);
  const isSearched = facts.data !== null && facts.data.task === "generation";
  const subject = useSubject(facts.data);
  const [chosen, setChosen] = useState(0);
  const [isFilled, setFilled] = useState(false);
  const filling = useFilling(() => { setChosen(0); setFilled(true); });
  const urls = useDraftUrls(filling.drafts);

  const asked = completeQuery(wish, isSearched);
  const canFill = subject.hole !== null && shareOf(subject.hole) > 0 && shareOf(subject.hole) < 1 && !filling.work;
  const fill = async (seed = wish.seed) => {
    if (!canFill) return;
    setQuery({ seed });
    filling.begin({ ...asked, seed }, await pngOf(holed(subject.picture.data, subject.hole), subject.picture.width));
  };
  const others = () => fill(besideSeed(wish.seed, DRAFTS));
  const draft = filling.drafts[chosen];
  const save = () => draft && saveBlob(blobOf(draft.png), `${filling.by}-completed-seed-${draft.seed}.png`);
  const saveHoled = async () => saveBlob(await pngOf(holed(subject.picture.data, subject.hole), subject.picture.width), HOLED);
  const goOn = async () => { subject.take(await decoded(blobOf(draft.png))); setFilled(false); };
  const change = useCallback((changes) => setQuery(changes), []);
  const draw = () => facts.data && anyPicture({ name: wish.model, isSearched, size: facts.data.image_size, dataset: facts.data.dataset.name ?? null }).then(subject.take, sayError);
  const open = (file) => file && decoded(file).then(subject.take, () => sayError("This file is no picture that the browser can read."));

  useEffect(() => {
    if (query.seed === undefined) setQuery({ seed: anySeed() });
    if (!query.model && isKnown) setQuery({ model: usual }); // what is published later does not take its place
  }, [query.seed, query.model, isKnown]);
  useEffect(() => {
    filling.forget();
    setFilled(false);
  }, [subject.source, wish.model]);
  useKeys({ r: others, s: save, z: subject.undo });
  useDrop(open);

  return html`
    <div class="head">
      <div class="head-text"><h1>Complete</h1><p>Paint a hole into a picture, and choose one of four ways to fill it. What is known of it stays as it is, pixel for pixel.</p></div>
      <div class="head-actions">
        ${subject.picture && html`
          <label class="button"><${Icon} name="upload" /> Open a picture<input class="visually-hidden" type="file" accept="image/*" onChange=${(event) => { open(event.target.files[0]); event.target.value = ""; }} /></label>
          <${Deed} scope="generate" class="button" onClick=${draw}><${Icon} name="dice" /> Another picture<//>`}
        <${CopyMenu} commands=${completeCommands(addressOf("").replace(/\/$/, ""), asked, HOLED)} />
      </div>
    </div>
    ${status && !status.readiness.model && !wish.model ? html`<div class="card"><${Empty} icon="models" title="No model can fill a hole">${status.readiness.reason}<//></div>`
      : html`
        <div class="studio complete">
          <${CompleteControls} wish=${wish} names=${{ trained, searched }} facts=${facts.data} isSearched=${isSearched} subject=${subject} change=${change} />
          ${facts.error
            ? html`<section class="stage card" aria-label="Picture"><${Trouble} error=${facts.error} again=${facts.again} /></section>`
            : html`<${CompleteStage} subject=${subject} draft=${isFilled && draft ? urls[chosen] : null} hasDrafts=${filling.drafts.length > 0} setFilled=${setFilled} isReady=${facts.data !== null}
            draw=${draw} open=${open} fill=${fill} others=${others} canFill=${canFill} save=${save} saveHoled=${saveHoled} goOn=${goOn} />`}
          <${Drafts} urls=${urls} drafts=${filling.drafts} chosen=${isFilled ? chosen : -1} onChoose=${(index) => { setChosen(index); setFilled(true); }} work=${filling.work} />
        </div>`}`;
}

/** The version that a reference means now. @param {string} reference */
function useModel(reference) {
  return useLoaded(async (signal) => {
    if (!reference) return new Promise(() => {});
    const [name, after = ""] = reference.split(/[@:]/);
    const model = await getJson(`models/${encodeURIComponent(name)}`, { signal });
    const number = /^\d+$/.test(after) ? Number(after) : currentOf(model, after || "production");
    return getJson(`models/${encodeURIComponent(name)}/versions/${number}`, { signal });
  }, [reference], reference);
}

/** The picture, as large as the model's, and the hole in it, with what it was before. @param {any} version null: not known yet */
function useSubject(version) {
  const [source, setSource] = useState(null);
  const [held, setHeld] = useState({ fit: null, hole: null, past: [] });
  const [tool, setTool] = useState("brush");
  const [isErasing, setErasing] = useState(false);
  const [thickness, setThickness] = useState(0.16); // of the brush, as a share of the picture
  const [side, channels] = [version?.image_size ?? null, version?.channels ?? null];
  const fit = useMemo(() => (source && side ? fitted(source, side, channels) : null), [source, side, channels]);
  const ofThis = (before) => (before.fit === fit ? before : { fit, hole: fit?.hole ?? null, past: [] });
  const change = (next) => setHeld((before) => (fit ? { ...ofThis(before), ...next(ofThis(before)) } : before));
  const { hole, past } = ofThis(held);
  const kept = (now) => [...now.past.slice(-49), now.hole];
  return {
    source, picture: fit?.picture ?? null, hole, tool, setTool, isErasing, setErasing, thickness, setThickness,
    radius: Math.max((thickness * (side ?? 0)) / 2, 0.75),
    take: setSource,
    paint: (next) => change((now) => ({ hole: next(now.hole) })),
    keep: () => change((now) => ({ past: kept(now) })),
    canUndo: past.length > 0,
    undo: () => change((now) => (now.past.length ? { hole: now.past.at(-1), past: now.past.slice(0, -1) } : {})),
    clear: () => change((now) => ({ hole: noHole(now.hole.side), past: kept(now) })),
  };
}

/** What fills the hole, one request at a time. @param {() => void} onFilled */
function useFilling(onFilled) {
  const [drafts, setDrafts] = useState(NONE);
  const [by, setBy] = useState("");
  const [work, setWork] = useState(null);
  useEffect(() => () => work?.cancel(), [work?.cancel]);
  const begin = async (query, body) => {
    const connection = new AbortController();
    const cancel = () => connection.abort();
    const mine = (news) => connection.signal.aborted || setWork((before) => before && { ...before, ...news });
    setWork({ share: null, cancel });
    try {
      const answer = await complete(query, body, connection.signal, (share) => mine({ share }));
      setDrafts(answer.images);
      setBy(`${answer.model}@${answer.version}`);
      onFilled();
    } catch (error) {
      sayError(error);
    }
    setWork(null);
  };
  return { drafts, by, work, begin, forget: () => setDrafts(NONE) };
}
