// Begins the page: the stream of the tab, and the view that the address names. Views are loaded when they are gone to.
import { html, render, useEffect, useErrorBoundary, useState } from "./lib/ui.js";
import { start } from "./lib/store.js";
import { useView } from "./lib/router.js";
import { matchRoute } from "./lib/url.js";
import { Empty, Trouble, Waiting } from "./parts/empty.js";
import { Shell } from "./parts/shell.js";
import { ROUTES } from "./routes.js";

function Page() {
  const view = useView();
  const found = matchRoute(ROUTES, view.path);
  useEffect(() => {
    document.title = found && found.route.path.length ? `${found.route.title} · Ganymede` : "Ganymede";
  }, [found?.route]);
  return html`
    <${Shell} routes=${ROUTES} current=${found?.route ?? null}>
      ${found
        ? html`<${View} key=${view.path.join("/")} route=${found.route} params=${found.params} query=${view.query} />`
        : html`<${Empty} title="There is no such view" actions=${html`<a class="button" href="#/">Home</a>`}>The address names none that this page has.<//>`}
    <//>`;
}

/** One view, once its module is there. @param {{route: import("./routes.js").Route, params: Record<string, string>, query: Record<string, string>}} props */
function View({ route, params, query }) {
  const [module, setModule] = useState(null);
  const [failure, setFailure] = useState(null);
  const [broken] = useErrorBoundary();
  useEffect(() => {
    route.load().then((loaded) => setModule(() => loaded.default), setFailure);
  }, [route]);
  if (failure) return html`<${Outdated} />`;
  if (broken) return html`<${Trouble} title="This view broke" error=${broken} again=${() => location.reload()} />`;
  if (!module) return html`<${Waiting} what="the view" />`;
  return html`<div class="view"><${module} params=${params} query=${query} /></div>`;
}

/** A tab that was opened before an upgrade asks for files that are there no longer. */
function Outdated() {
  return html`
    <${Empty} icon="retry" title="The page has a newer version" actions=${html`<button class="button is-primary" onClick=${() => location.reload()}>Load it</button>`}>
      The service was upgraded while this tab was open.
    <//>`;
}

start();
render(html`<${Page} />`, document.getElementById("root"));
