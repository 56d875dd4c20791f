// What a view asks of the service: loading, there, or refused; cancelled when the view goes or asks for something else.
import { useCallback, useEffect, useRef, useState } from "./ui.js";

/**
 * @template T
 * @typedef {{data: T|null, error: any, isLoading: boolean, again: () => void, cancel: () => void}} Loaded
 */

/**
 * `data` stays while newer is on its way, unless `key` says that it is of something else.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} ask @param {unknown[]} inputs asks again when one changes @param {string} [key]
 * @returns {Loaded<T>}
 */
export function useLoaded(ask, inputs, key = "") {
  const [state, setState] = useState({ data: null, error: null, isLoading: true, key });
  const [turn, setTurn] = useState(0);
  const connection = useRef(null);
  useEffect(() => {
    const mine = (connection.current = new AbortController());
    setState((before) => ({ ...before, data: before.key === key ? before.data : null, error: null, isLoading: true, key }));
    ask(mine.signal).then(
      (data) => mine.signal.aborted || setState({ data, error: null, isLoading: false, key }),
      (error) => mine.signal.aborted || setState((before) => ({ ...before, error, isLoading: false })),
    );
    return () => mine.abort();
  }, [...inputs, turn]);
  const again = useCallback(() => setTurn((count) => count + 1), []);
  const cancel = useCallback(() => {
    connection.current?.abort();
    setState((before) => ({ ...before, isLoading: false }));
  }, []);
  return { ...state, data: state.key === key ? state.data : null, again, cancel };
}

/** Do something again and again while the page is looked at. @param {() => void} act @param {number} every_ms */
export function useEvery(act, every_ms) {
  useEffect(() => {
    const timer = setInterval(() => document.hidden || act(), every_ms);
    return () => clearInterval(timer);
  }, [act, every_ms]);
}

/** The time, a tick in so many ms: for what says how long ago something was. @param {number} every_ms */
export function useNow(every_ms) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every_ms);
    return () => clearInterval(timer);
  }, [every_ms]);
  return now;
}
