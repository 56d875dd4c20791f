// The views: where each is, what it is called, and which module draws it. A view is one module; its default export is a
// component that is given `query` and `params` of its address. What has an icon stands in the rail.

/** @typedef {{path: string[], title: string, icon?: string, load: () => Promise<{default: any}>}} Route */

/** @type {Route[]} */
export const ROUTES = [
  { path: [], title: "Home", icon: "home", load: () => import("./pages/home.js") },
  { path: ["studio"], title: "Studio", icon: "studio", load: () => import("./pages/studio.js") },
  { path: ["runs"], title: "Runs", icon: "runs", load: () => import("./pages/runs.js") },
];
