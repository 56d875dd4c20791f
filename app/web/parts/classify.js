// What a picture shows: drop some, and see of each the classes that a model names, as bars.
import { classes, html, useEffect, useRef, useState } from "../lib/ui.js";
import { Problem, request } from "../lib/api.js";
import { percent } from "../lib/format.js";
import { Allowed } from "./deed.js";
import { Icon } from "./icon.js";
import { sayError } from "./toast.js";

/** @param {{model: string}} props */
export function Classify({ model }) {
  return html`
    <section class="section" aria-label="Classify pictures">
      <div class="section-head"><h2>What is in a picture?</h2></div>
      <div class="card card-pad"><${Allowed} scope="generate" title="Pictures are not read with this key"><${Reading} model=${model} /><//></div>
    </section>`;
}

/** @param {{model: string}} props */
function Reading({ model }) {
  const [told, setTold] = useState([]);
  const [problem, setProblem] = useState(null);
  const [isOver, setOver] = useState(false);
  const newest = useRef(0);
  const ask = async (files) => {
    if (!files.length) return;
    const mine = ++newest.current;
    const body = new FormData();
    for (const file of files) body.append("picture", file);
    try {
      const answer = await (await request("classify", { method: "POST", query: { model }, body })).json();
      if (mine !== newest.current) return;
      setTold(answer.pictures.map((picture, place) => ({ ...picture, content: files[place], key: `${mine} ${place}` })));
      setProblem(null);
    } catch (error) {
      if (error instanceof Problem) setProblem(error);
      else sayError(error);
    }
  };
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    ask([...event.dataTransfer.files]);
  };
  return html`
    <label class=${classes("drop", isOver && "is-over")} onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)} onDrop=${drop}>
      <${Icon} name="upload" size=${22} /><b>Choose pictures, or drop them here</b>
      <span class="muted small">Of any size. Nothing is kept.</span>
      <input class="visually-hidden" type="file" accept="image/*" multiple onChange=${(event) => ask([...event.target.files])} />
    </label>
    ${problem && html`<p class="field-error" role="alert"><${Icon} name="warn" size=${16} /> <span>${problem.message}</span></p>`}
    <ul class="named-list" aria-live="polite">${told.map((picture) => html`<${Named} key=${picture.key} picture=${picture} />`)}</ul>`;
}

/** @param {{picture: {file: string, content: File, classes: {label: number, name: string, probability: number}[]}}} props */
function Named({ picture }) {
  const image = useRef(null);
  useEffect(() => {
    const url = URL.createObjectURL(picture.content);
    image.current.src = url;
    return () => URL.revokeObjectURL(url);
  }, [picture.content]);
  return html`
    <li class="named">
      <div class="picture"><img ref=${image} alt="" /></div>
      <div>
        <h3 class="wrapped">${picture.file}</h3>
        <ol class="chances">${picture.classes.map((each) => html`
          <li key=${each.label}><span class="cut" title=${each.name}>${each.name}</span><span class="bar" aria-hidden="true"><i style=${{ width: `${100 * each.probability}%` }}></i></span><span class="num">${percent(each.probability)}</span></li>`)}</ol>
      </div>
    </li>`;
}
