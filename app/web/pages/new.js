// New run: a form made from the service's own schema. What is typed is in the address; what it comes to is told beside it.
import { html, useEffect, useState } from "../lib/ui.js";
import { addressOf, getAll, getJson, postJson } from "../lib/api.js";
import { curl, ganymede, keywords, options, python } from "../lib/commands.js";
import { bodyOf, errorsByPath, fieldsOf, means, textsOf } from "../lib/form.js";
import { useLoaded } from "../lib/load.js";
import { go, setQuery } from "../lib/router.js";
import { know } from "../lib/store.js";
import { CopyMenu } from "../parts/copy.js";
import { DatasetCards, RecipeCards } from "../parts/choices.js";
import { Deed, Reason, useReason } from "../parts/deed.js";
import { Trouble, Waiting } from "../parts/empty.js";
import { FormField } from "../parts/form_field.js";
import { Icon } from "../parts/icon.js";
import { Plan } from "../parts/plan.js";
import { sayError } from "../parts/toast.js";

const FIRST = ["config.steps", "stop.patience", "config.batch_size", "model", "name"];
const GROUPS = {
  "When it ends, and what is published": (path) => /^(limits|stop|publish)\./.test(path),
  "Where it starts": (path) => path === "init" || path === "seed" || path.startsWith("resources."),
  "Who is told": (path) => path.startsWith("webhook."),
  "How it learns": (path) => path.startsWith("config."),
};
const SCOPES = { "Who is told": "webhooks:write" }; // beyond that of a run
const TYPING_MS = 350;
const MEASURE_AFTER_MS = 1_500;

/** @param {{query: Record<string, string>}} props */
export default function New({ query }) {
  const schema = useLoaded((signal) => getJson("train/schema", { signal }), []);
  const datasets = useLoaded((signal) => getAll("datasets", { signal }), []);
  const from = useLoaded(async (signal) => (query.from ? textsOf(await getJson(`train/${query.from}`, { signal })) : {}), [query.from], query.from);
  if (schema.error || datasets.error) return html`<${Trouble} error=${schema.error ?? datasets.error} again=${() => { schema.again(); datasets.again(); }} />`;
  if (!schema.data || !datasets.data || (!from.data && !from.error)) return html`<${Waiting} what="the form" />`;
  return html`<${Form} schema=${schema.data} datasets=${datasets.data} query=${query} before=${from.data ?? {}} />`;
}

/** @param {{schema: any, datasets: any[], query: Record<string, string>, before: Record<string, string>}} props */
function Form({ schema, datasets, query, before }) {
  const { from, ...typed } = query;
  const texts = { ...before, ...typed };
  texts.dataset ??= datasets.length === 1 ? datasets[0].name : "";
  const fields = fieldsOf(schema);
  const body = bodyOf(fields, texts);
  const isOpen = useReason("train") === null;
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState(null);
  const { plan, problem, isLoading, isMeasuring, cancel } = usePlan(body, isOpen);
  const problems = errorsByPath((refusal ?? problem)?.errors ?? []);
  const set = (path, text) => {
    setRefusal(null);
    setQuery({ [path]: text === "" && before[path] ? "auto" : text || null });
  };
  const start = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const run = await postJson("train", body, { headers: { "Idempotency-Key": `page-${Date.now()}-${Math.random().toString(36).slice(2)}` } });
      know(run);
      go(["runs", run.id]);
    } catch (error) {
      setRefusal(error.errors?.length ? error : null);
      sayError(error);
    }
    setBusy(false);
  };
  const recipe = texts.recipe && texts.recipe !== "auto" ? texts.recipe : plan?.recipe ?? null;
  const draw = (one) => html`<${FormField} key=${one.path} field=${one} text=${texts[one.path] === "auto" ? "" : texts[one.path] ?? ""} used=${plan && usedFor(one, plan)} error=${problems[one.path]} onText=${(text) => set(one.path, text)} />`;
  const rest = fields.filter((one) => !FIRST.includes(one.path) && !["recipe", "dataset"].includes(one.path) && means(schema, recipe, one));
  return html`
    <div class="head">
      <div class="head-text"><h1>New run</h1><p>Choose what to learn from. Everything else has a good answer already.${from ? " Filled in from another run." : ""}</p></div>
      <div class="head-actions"><${CopyMenu} commands=${commandsOf(body)} /></div>
    </div>
    <form class="new" onSubmit=${start} aria-label="New run">
      <div class="new-fields">
        <section class="section"><h2>What it learns from</h2><${DatasetCards} datasets=${datasets} chosen=${texts.dataset} onChoose=${(name) => set("dataset", name)} />
          ${problems.dataset && html`<p class="field-error" role="alert"><${Icon} name="warn" size=${16} /><span>${problems.dataset}</span></p>`}</section>
        <section class="section"><h2>Recipe</h2><${RecipeCards} recipes=${schema.recipes} auto=${schema.auto.recipe} taken=${plan?.recipe ?? null} chosen=${texts.recipe === "auto" ? "" : texts.recipe ?? ""} onChoose=${(name) => set("recipe", name)} />
          ${problems.recipe && html`<p class="field-error" role="alert"><${Icon} name="warn" size=${16} /><span>${problems.recipe}</span></p>`}</section>
        <section class="section"><h2>How long, and its name</h2><div class="card card-pad field-grid">${FIRST.map((path) => draw(fields.find((one) => one.path === path)))}</div></section>
        ${Object.entries(GROUPS).map(([title, fits]) => {
          const inside = rest.filter((one) => fits(one.path));
          return html`<${Group} key=${title} title=${title} scope=${SCOPES[title] ?? "train"} isOpen=${inside.some((one) => problems[one.path] || (texts[one.path] && texts[one.path] !== "auto"))}>${inside.map(draw)}<//>`;
        })}
      </div>
      <div class="new-side">
        ${isOpen && html`<${Plan} plan=${plan} isLoading=${isLoading} isMeasuring=${isMeasuring} cancel=${cancel} problem=${refusal ?? problem} />`}
        <${Deed} scope="train" class="button is-primary is-large" disabled=${isBusy || !texts.dataset}><${Icon} name="play" /> Start training<//>
        <${Reason} scope="train" />
        <p class="muted small">It can be paused, cancelled and resumed at any time.</p>
      </div>
    </form>`;
}

/** A group of options; open where something of it was chosen or is wrong. @param {{title: string, scope: string, isOpen: boolean, children: any}} props */
function Group({ title, scope, isOpen, children }) {
  const reason = useReason(scope);
  const [wasOpened, setOpened] = useState(isOpen);
  useEffect(() => {
    if (isOpen) setOpened(true);
  }, [isOpen]);
  return html`<details class="card group" open=${wasOpened} onToggle=${(event) => setOpened(event.target.open)}><summary>${title}</summary>
    <fieldset class="card-pad" disabled=${reason !== null} aria-label=${title}><${Reason} scope=${scope} /><div class="field-grid">${children}</div></fieldset></details>`;
}

/** What a field that is left out will be. @param {import("../lib/form.js").FormField} one @param {any} plan */
function usedFor(one, plan) {
  if (one.path === "model") return plan.model;
  if (one.path.startsWith("config.")) return plan.resolved[one.name] ?? plan.resolved.network[one.name];
  if (one.path === "publish.every_steps") return plan.resolved.publish_every;
  return typeof one.usual === "object" ? undefined : one.usual;
}

/** What the service makes of the request: at once what it comes to, and after a while how long it takes. @param {Record<string, any>} body @param {boolean} isOpen to the visitor */
function usePlan(body, isOpen) {
  const [state, setState] = useState({ plan: null, problem: null, isLoading: false, isMeasuring: false });
  const [measuring, setMeasuring] = useState(null);
  const key = JSON.stringify(body);
  useEffect(() => {
    if (!body.dataset || !isOpen) return undefined;
    const mine = new AbortController();
    const ask = (estimate) => postJson("train/validate", body, { query: { estimate }, signal: mine.signal });
    const tell = (news) => mine.signal.aborted || setState((before) => ({ ...before, ...news }));
    tell({ isLoading: true });
    const typing = setTimeout(async () => {
      try {
        tell({ plan: await ask(false), problem: null, isLoading: false });
        await new Promise((resolve) => setTimeout(resolve, MEASURE_AFTER_MS));
        tell({ isMeasuring: true });
        tell({ plan: await ask(true), isMeasuring: false });
      } catch (error) {
        tell({ problem: error.errors?.length || !error.status ? error : { ...error, message: error.message, errors: [] }, isLoading: false, isMeasuring: false });
      }
    }, TYPING_MS);
    setMeasuring(() => mine);
    return () => {
      clearTimeout(typing);
      mine.abort();
      setState((before) => ({ ...before, isMeasuring: false }));
    };
  }, [key, isOpen]);
  return { ...state, cancel: () => { measuring?.abort(); setState((before) => ({ ...before, isMeasuring: false })); } };
}

/** @param {Record<string, any>} body */
function commandsOf(body) {
  const base = addressOf("").replace(/\/$/, "");
  const { dataset, recipe, config = {}, publish, stop, limits, resources, webhook, model, name, init, seed } = body;
  const sets = Object.entries(config).flatMap(([key, value]) => ["--set", `${key}=${Array.isArray(value) ? value.join(",") : value}`]);
  const given = { model, name, init, seed, publish_every: publish?.every_steps, publish_final: publish?.final, stop_action: stop?.action, patience: stop?.patience, max_images: limits?.max_images, max_duration: limits?.max_duration, processes: resources?.processes, webhook: webhook?.url, webhook_secret: webhook?.secret };
  const on = (stop?.on ?? []).flatMap((verdict) => ["--stop-on", verdict]);
  const { dataset: _dataset, ...others } = body;
  return [
    { name: "curl", text: curl(base, { method: "POST", path: "train", json: body }) },
    { name: "ganymede", text: ganymede(base, ["train", ...(recipe ? [recipe] : []), dataset ?? "DATASET", ...options(given), ...on, ...sets]) },
    { name: "Python", text: python(base, `train(${[JSON.stringify(dataset ?? "DATASET"), keywords(others)].filter(Boolean).join(", ")})`) },
  ];
}
