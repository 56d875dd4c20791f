// A form out of the JSON Schema of a training: its fields, the request that its texts come to, errors at their field. Pure.

/**
 * @typedef {{path: string, name: string, help: string, kind: "integer"|"number"|"choice"|"yes or no"|"list"|"text", choices: string[], least?: number, most?: number, auto?: string, usual: unknown}} FormField
 *   path: as in the request, "config.steps"; auto: what it becomes when it is left out, in words
 */

const SECTIONS = { config: "config", publish: "PublishSpec", stop: "StopSpec", limits: "LimitSpec", resources: "ResourceSpec", webhook: "WebhookSpec" };

/** Every field of the request, the nested ones by their path. @param {any} schema of GET /train/schema @returns {FormField[]} */
export function fieldsOf(schema) {
  const own = Object.entries(schema.properties).filter(([name]) => !(name in SECTIONS) && name !== "tags").map(([name, one]) => field(name, name, one, schema.auto));
  const nested = Object.entries(SECTIONS).flatMap(([section, name]) => {
    const definition = schema.$defs[name] ?? schema.$defs.TrainConfig;
    return Object.entries(definition.properties).map(([key, one]) => {
      const made = field(`${section}.${key}`, key, one, section === "config" ? schema.auto : {});
      return section === "config" ? made : { ...made, name: `${section} ${key}` };
    });
  });
  return [...own, ...nested];
}

/** Whether a recipe has this option. @param {any} schema @param {string|null} recipe null: not known yet @param {FormField} one */
export function means(schema, recipe, one) {
  const defaults = schema.recipes[recipe]?.defaults;
  return !one.path.startsWith("config.") || !defaults || one.name in defaults;
}

/** @param {string} path @param {string} name @param {any} schema @param {Record<string, string>} auto @returns {FormField} */
function field(path, name, schema, auto) {
  const forms = (schema.anyOf ?? [schema]).filter((form) => form.type !== "null" && form.const !== "auto");
  const form = forms[0] ?? schema;
  const choices = (form.enum ?? []).filter((choice) => choice !== "auto");
  return {
    path, name, choices,
    help: schema.description ?? form.description ?? "",
    kind: form.type === "array" ? "list" : form.type === "boolean" ? "yes or no" : choices.length ? "choice" : form.type === "integer" || form.type === "number" ? form.type : "text",
    least: form.minimum ?? form.exclusiveMinimum,
    most: form.maximum,
    auto: auto[name],
    usual: schema.default,
  };
}

/**
 * The request that the texts of a form come to. What is empty is left out; what is no number stays a text, and is refused at its field.
 * @param {FormField[]} fields @param {Record<string, string>} texts by path @returns {Record<string, any>}
 */
export function bodyOf(fields, texts) {
  const body = {};
  for (const one of fields) {
    const text = (texts[one.path] ?? "").trim();
    if (text === "" || text === "auto") continue;
    const [section, key] = one.path.split(".");
    if (key === undefined) body[section] = valueOf(one, text);
    else body[section] = { ...body[section], [key]: valueOf(one, text) };
  }
  return body;
}

/** @param {FormField} one @param {string} text */
function valueOf(one, text) {
  if (one.kind === "integer" || one.kind === "number") return Number.isFinite(Number(text)) ? Number(text) : text;
  if (one.kind === "yes or no") return text === "true";
  if (one.kind === "list") return text.split(",").map((part) => part.trim()).filter(Boolean);
  return text;
}

/** The texts of a form that ask for what a run was asked for. @param {any} run @returns {Record<string, string>} */
export function textsOf(run) {
  const texts = { dataset: run.dataset.split("@")[0], recipe: run.recipe_reason ? "" : run.recipe, model: run.model, name: run.name ?? "", init: run.init?.reference ?? "" };
  if (run.resolved?.seed) texts.seed = String(run.resolved.seed);
  if (run.resolved?.processes > 1) texts["resources.processes"] = String(run.resolved.processes);
  const nested = { config: run.config, stop: run.stop, limits: run.limits, publish: run.publish, webhook: run.webhook };
  for (const [section, values] of Object.entries(nested)) {
    for (const [key, value] of Object.entries(values ?? {})) {
      if (value !== null && value !== undefined) texts[`${section}.${key}`] = Array.isArray(value) ? value.join(", ") : String(value);
    }
  }
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== ""));
}

/** What is wrong, by the path of its field. @param {{pointer: string, detail: string}[]} errors @returns {Record<string, string>} */
export function errorsByPath(errors) {
  const found = {};
  for (const { pointer, detail } of errors) {
    const path = pointer.replace(/^#?\//, "").split("/").slice(0, 2).filter((part) => !/^\d+$/.test(part)).join(".");
    found[path] = found[path] ? `${found[path]}; ${detail}` : detail;
  }
  return found;
}
