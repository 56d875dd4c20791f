// The views: where each is, what it is called, and which module draws it. A view is one module; its default export is a
// component that is given `query` and `params` of its address. What has an icon stands in the rail; `under` names the
// one there that a view without an icon belongs to.

/** @typedef {{path: string[], title: string, icon?: string, under?: string, load: () => Promise<{default: any}>}} Route */

/** @type {Route[]} */
export const ROUTES = [
  { path: [], title: "Home", icon: "home", load: () => import("./pages/home.js") },
  { path: ["studio"], title: "Studio", icon: "studio", load: () => import("./pages/studio.js") },
  { path: ["complete"], title: "Complete", under: "Studio", load: () => import("./pages/complete.js") },
  { path: ["runs"], title: "Runs", icon: "runs", load: () => import("./pages/runs.js") },
  { path: ["new"], title: "New run", under: "Runs", load: () => import("./pages/new.js") },
  { path: ["runs", ":id"], title: "Run", load: () => import("./pages/run.js") },
  { path: ["compare"], title: "Compare", under: "Runs", load: () => import("./pages/compare.js") },
  { path: ["models"], title: "Models", icon: "models", load: () => import("./pages/models.js") },
  { path: ["models", ":name"], title: "Model", load: () => import("./pages/model.js") },
  { path: ["data"], title: "Data", icon: "data", load: () => import("./pages/data.js") },
  { path: ["data", ":name"], title: "Dataset", load: () => import("./pages/dataset.js") },
  { path: ["system"], title: "System", icon: "system", load: () => import("./pages/system.js") },
];
