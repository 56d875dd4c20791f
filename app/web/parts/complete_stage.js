// The middle of Complete: the picture with its hole, or one of the drafts; before there is a picture, where to get one.
import { html } from "../lib/ui.js";
import { Deed, Reason } from "./deed.js";
import { Empty } from "./empty.js";
import { HoleCanvas } from "./hole_canvas.js";
import { Icon } from "./icon.js";

/**
 * @param {{subject: any, draft: string|null, hasDrafts: boolean, setFilled: (is: boolean) => void, isReady: boolean, draw: () => void, open: (file: File) => void,
 *   fill: () => void, others: () => void, canFill: boolean, save: () => void, saveHoled: () => void, goOn: () => void}} props draft: the address of the one that is shown
 */
export function CompleteStage({ subject, draft, hasDrafts, setFilled, isReady, draw, open, fill, others, canFill, save, saveHoled, goOn }) {
  if (!subject.picture) return html`<section class="stage" aria-label="Picture">${subject.source ? html`<${Blank} />` : html`<${Begin} isReady=${isReady} draw=${draw} open=${open} />`}</section>`;
  return html`
    <section class="stage" aria-label="Picture">
      <div class="stage-head">
        <div class="tabs" role="group" aria-label="What is shown">
          <button aria-pressed=${!draft} onClick=${() => setFilled(false)}>The hole</button>
          <button aria-pressed=${Boolean(draft)} disabled=${!hasDrafts} onClick=${() => setFilled(true)}>Filled</button>
        </div>
        <div class="row">
          ${draft
            ? html`<button class="button" onClick=${goOn}><${Icon} name="edit" /> Go on from it</button><button class="button" onClick=${save}><${Icon} name="download" /> PNG</button>`
            : html`<button class="button" onClick=${saveHoled}><${Icon} name="download" /> With the hole</button>`}
        </div>
      </div>
      <div class="card stage-box">
        <div class="stage-picture">
          ${draft
            ? html`<div class="picture"><img src=${draft} alt="The picture with its hole filled" draggable="false" /></div>`
            : html`<${HoleCanvas} picture=${subject.picture} hole=${subject.hole} tool=${subject.tool} isErasing=${subject.isErasing} radius=${subject.radius} onBegin=${subject.keep} onHole=${subject.paint} />`}
        </div>
        <div class="stage-keys">
          <${Deed} scope="generate" class="button is-primary" disabled=${!canFill} onClick=${() => fill()}><${Icon} name="studio" /> Fill the hole<//>
          ${hasDrafts && html`<${Deed} scope="generate" class="button" disabled=${!canFill} title="R" onClick=${others}><${Icon} name="dice" /> Four others<//>`}
        </div>
        <${Reason} scope="generate" />
      </div>
      <p class="muted small hints"><span>Paint over what is to be filled. With the keyboard: arrows and space.</span><span><kbd>Z</kbd> undo</span><span><kbd>R</kbd> four others</span><span><kbd>S</kbd> save</span></p>
    </section>`;
}

/** Where the picture will be, once the size of the model is known. */
function Blank() {
  return html`<div class="card stage-box"><div class="stage-picture"><div class="hole is-loading"></div></div></div>`;
}

/** @param {{isReady: boolean, draw: () => void, open: (file: File) => void}} props */
function Begin({ isReady, draw, open }) {
  const actions = html`
    <${Deed} scope="generate" class="button is-primary" disabled=${!isReady} onClick=${draw}><${Icon} name="dice" /> Draw a picture<//>
    <label class="button"><${Icon} name="upload" /> Open a picture<input class="visually-hidden" type="file" accept="image/*" onChange=${(event) => open(event.target.files[0])} /></label>`;
  return html`<div class="card stage-box"><${Empty} icon="studio" title="A picture to begin with" actions=${actions}>Open one of yours, or drop it here: its middle is cut to the size that the model knows. Or take one that the model knows.<//></div>`;
}
