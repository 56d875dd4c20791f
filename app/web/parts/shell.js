// The frame around every view: where one can go, how the service is, whether what is shown is fresh, notices.
import { html, useEffect, useRef, useState } from "../lib/ui.js";
import { addressOf } from "../lib/api.js";
import { duration } from "../lib/format.js";
import { useHealth, verdictOf } from "../lib/health.js";
import { useNow } from "../lib/load.js";
import { remember } from "../lib/memory.js";
import { useLive } from "../lib/store.js";
import { viewHash } from "../lib/url.js";
import { Icon } from "./icon.js";
import { SignedIn, SignIn } from "./sign_in.js";
import { Toasts } from "./toast.js";

const ICON = new URL("../style/icon.svg", import.meta.url).href;

/** @param {{routes: import("../routes.js").Route[], current: import("../routes.js").Route|null, children: any}} props */
export function Shell({ routes, current, children }) {
  const main = useRef(null);
  useEffect(() => {
    scrollTo(0, 0);
  }, [current]);
  return html`
    <div class="shell">
      <button class="skip" onClick=${() => main.current.focus()}>To the content</button>
      <header class="rail">
        <a class="brand" href="#/"><img src=${ICON} alt="" /> Ganymede</a>
        <nav class="nav-box" aria-label="Views">
          <ul class="nav">${routes.filter((route) => route.icon).map((route) => html`<li key=${route.title}><${NavLink} route=${route} current=${current} /></li>`)}</ul>
        </nav>
        <div class="rail-foot">
          <${HealthSign} />
          <${SignedIn} />
          <div class="rail-links"><a href=${addressOf("docs")}>HTTP API</a><${ThemeButton} /></div>
        </div>
      </header>
      <main class="main" ref=${main} tabindex="-1"><${StaleBadge} />${children}</main>
      <${SignIn} />
      <${Toasts} />
    </div>`;
}

/** @param {{route: import("../routes.js").Route, current: import("../routes.js").Route|null}} props */
function NavLink({ route, current }) {
  const { runs } = useLive();
  const active = Object.values(runs).filter((run) => run.status === "running").length;
  const isHere = current !== null && (current.path[0] === route.path[0] || current.under === route.title);
  return html`
    <a href=${viewHash(route.path)} aria-current=${isHere ? "page" : null}>
      <${Icon} name=${route.icon} size=${20} /> ${route.title}
      ${route.title === "Runs" && active > 0 && html`<span class="count" title="running now">${active}<span class="visually-hidden"> running</span></span>`}
    </a>`;
}

function HealthSign() {
  const { connection } = useLive();
  const { tone, word, why } = verdictOf(useHealth(), connection);
  return html`<div class="health" role="status" title=${why}><i class=${`dot is-${tone}`}></i><div><b>${word}</b><small>${why}</small></div></div>`;
}

/** Says that what is shown may be old, and how old. */
function StaleBadge() {
  const { connection, heardAt } = useLive();
  const now = useNow(1_000);
  if (connection !== "polling") return null;
  const age = heardAt === null ? "nothing has come yet" : `from ${duration((now - heardAt) / 1000)} ago`;
  return html`<div class="stale" role="status"><${Icon} name="warn" size=${16} /> Not live: ${age}. Reconnecting.</div>`;
}

function ThemeButton() {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? null);
  const isDark = theme === "dark" || (!theme && matchMedia("(prefers-color-scheme: dark)").matches);
  const turn = () => {
    const next = isDark ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    remember("theme", next);
    setTheme(next);
    dispatchEvent(new Event("themechange"));
  };
  return html`<button class="icon-button" aria-label=${isDark ? "Light colours" : "Dark colours"} title=${isDark ? "Light colours" : "Dark colours"} onClick=${turn}><${Icon} name=${isDark ? "sun" : "moon"} /></button>`;
}
