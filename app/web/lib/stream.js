// The one stream of a tab: GET /events, read for as long as the page is looked at, begun anew when it breaks.
// While it cannot be had, `onDown` is called again and again, so that somebody polls. Knows no run and no model.
import { request } from "./api.js";
import { takeMessages } from "./sse.js";

const SILENCE_MS = 40_000; // the service sends a comment every 15 s
const WAITS_MS = [500, 1000, 2000, 4000, 8000];
const HIDDEN_FOR_MS = 10_000; // a tab in the background gives its connection back: a browser has six for all tabs

/**
 * @param {{onMessage: (event: string, data: any) => void, onUp: () => void, onDown: () => void}} listener
 * @returns {() => void} ends it
 */
export function openStream({ onMessage, onUp, onDown }) {
  /** @type {AbortController|null} while there is a connection, or one is asked for */
  let connection = null;
  let failures = 0;
  let timer = 0;

  async function run() {
    const mine = (connection = new AbortController());
    try {
      const answer = await request("events", { headers: { Accept: "text/event-stream" }, signal: mine.signal });
      onUp();
      await read(answer.body.getReader(), mine);
    } catch {
      // it could not be had, or it broke: the same
    }
    if (connection !== mine) return; // ended on purpose
    connection = null;
    onDown();
    timer = setTimeout(run, WAITS_MS[Math.min(failures++, WAITS_MS.length - 1)]);
  }

  /** @param {ReadableStreamDefaultReader<Uint8Array>} reader @param {AbortController} mine */
  async function read(reader, mine) {
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const silence = setTimeout(() => mine.abort(), SILENCE_MS);
      const { value, done } = await reader.read().finally(() => clearTimeout(silence));
      if (done) return;
      const taken = takeMessages(text + decoder.decode(value, { stream: true }));
      text = taken.rest;
      failures = 0;
      for (const message of taken.messages) onMessage(message.event, JSON.parse(message.data));
    }
  }

  function stop() {
    clearTimeout(timer);
    const ended = connection;
    connection = null;
    ended?.abort();
  }

  function onVisibility() {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(stop, HIDDEN_FOR_MS);
    else if (!connection) run();
  }

  document.addEventListener("visibilitychange", onVisibility);
  run();
  return () => {
    document.removeEventListener("visibilitychange", onVisibility);
    stop();
  };
}
