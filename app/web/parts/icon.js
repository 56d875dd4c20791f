// The icons, drawn with lines on a field of 24: one family, no font and no file.
import { html } from "../lib/ui.js";

const PATHS = {
  home: "M3 11.5 12 4l9 7.5M5.5 10v9.5h13V10M10 19.5V14h4v5.5",
  studio: "M12 3.5 13.8 9l5.7 1.9-5.7 1.9L12 18.5l-1.8-5.7-5.7-1.9L10.2 9zM18.5 16v4M16.5 18h4",
  runs: "M4 19.5V4.5M4 19.5h16M7.5 15l3.5-4.5 3 2.5 5-7",
  models: "M12 3.5 20 8v8l-8 4.5L4 16V8zM4 8l8 4.5L20 8M12 12.5v8",
  data: "M4 5.5h7v6H4zM13 5.5h7v6h-7zM4 13.5h7v6H4zM13 13.5h7v6h-7z",
  system: "M4 6.5h16M4 12h16M4 17.5h16M8 4.5v4M15 10v4M10 15.5v4",
  compare: "M5 4.5h5v15H5zM14 4.5h5v15h-5z",
  copies: "M4.5 4.5h9v9h-9zM10.5 16.5v3h9v-9h-3",
  dice: "M6.5 4.5h11a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2h-11a2 2 0 0 1-2-2v-11a2 2 0 0 1 2-2zM8.7 8.7h.6v.6h-.6zM14.7 8.7h.6v.6h-.6zM11.7 11.7h.6v.6h-.6zM8.7 14.7h.6v.6h-.6zM14.7 14.7h.6v.6h-.6z",
  lock: "M6.5 11h11v8.5h-11zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  unlock: "M6.5 11h11v8.5h-11zM8.5 11V8a3.5 3.5 0 0 1 6.8-1.2",
  pause: "M8.5 5.5v13M15.5 5.5v13",
  play: "M8 5.5v13l10.5-6.5z",
  stop: "M6.5 6.5h11v11h-11z",
  retry: "M19.5 12a7.5 7.5 0 1 1-2.4-5.5M19.5 3.5v4.2h-4.2",
  trash: "M5 7h14M9.5 7V4.5h5V7M7 7l.8 12.5h8.4L17 7M10.3 10.5v6M13.7 10.5v6",
  copy: "M9 9h10.5v10.5H9zM15 9V4.5H4.5V15H9",
  check: "M5 12.5 10 17.5 19 7",
  download: "M12 4v11M7.5 11 12 15.5 16.5 11M5 19.5h14",
  upload: "M12 15.5V4.5M7.5 9 12 4.5 16.5 9M5 19.5h14",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  left: "M14.5 6 8.5 12l6 6",
  right: "M9.5 6l6 6-6 6",
  down: "M6 9.5l6 6 6-6",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M18.4 5.6 17 7M7 17l-1.4 1.4",
  moon: "M19.5 14A8 8 0 0 1 10 4.5a8 8 0 1 0 9.5 9.5z",
  warn: "M12 4 3.5 19h17zM12 10v4.5M12 17h.01",
  info: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 11v5.5M12 7.8h.01",
  external: "M14 4.5h5.5V10M19.5 4.5 11 13M17 13.5v6H4.5V7h6",
  first: "M17 6l-6 6 6 6M7 6v12",
  last: "M7 6l6 6-6 6M17 6v12",
  flag: "M6 20.5V4.5h11.5l-2.5 4 2.5 4H6",
  edit: "M4.5 19.5l1-4L16 5l3 3L8.5 18.5z",
};

/** @param {{name: keyof typeof PATHS, size?: number}} props */
export function Icon({ name, size = 18 }) {
  return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
}
