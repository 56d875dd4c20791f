// What a spectrogram sounds like. The browser asks the service for the sound by itself, once somebody plays it.
import { html } from "../lib/ui.js";
import { addressOf } from "../lib/api.js";

/** @param {{path: string, query?: Record<string, unknown>, label: string}} props */
export function Player({ path, query = {}, label }) {
  const address = addressOf(path, query);
  return html`<audio key=${address} class="player" controls preload="none" src=${address} aria-label=${label}></audio>`;
}
