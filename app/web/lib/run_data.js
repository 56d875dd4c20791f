// What the view of a run follows: its body, its numbers, its grids and its events, kept new by the stream of the tab.
import { useCallback, useEffect, useMemo, useRef, useState } from "./ui.js";
import { getAll, getJson } from "./api.js";
import { appended, isBeyond, isBroken, withTold } from "./curves.js";
import { useEvery, useLoaded } from "./load.js";
import { evaluationsOf, JUDGED } from "./patience.js";
import { useLive, useMessages } from "./store.js";

const POINTS = 2_000;
const AGAIN_AT = 6_000; // so many points are asked for anew, thinned by the service
const APPEND_EVERY_MS = 10_000; // of a tab; twenty may look on
const SOON_MS = 2_000;
const MOST_TOLD = 1_000; // points of the stream that are remembered; those that were asked for count
const TOLD = ["status", "diagnosis", "published", "checkpoint", "action", "log", "end"];

/** The run, as new as it can be had. @param {string} id */
export function useRun(id) {
  const { runs } = useLive();
  const asked = useLoaded((signal) => getJson(`train/${id}`, { signal }), [id], id);
  const live = runs[id];
  return { ...asked, run: live ?? asked.data };
}

/**
 * The numbers of a run over x: what the stream tells is put behind at once, and now and then all of it is asked for, since a
 * long run tells ever fewer of its points. @param {string} id @param {string} x
 * @returns {{history: import("./curves.js").History|null, error: any, again: () => void}}
 */
export function useHistory(id, x) {
  const path = `train/${id}/metrics`;
  const loaded = useLoaded((signal) => getJson(path, { query: { x, max_points: POINTS }, signal }), [id, x], `${id} ${x}`);
  const [grown, setGrown] = useState(null);
  const [told, setTold] = useState([]);
  const [isUrgent, setUrgent] = useState(false);
  const news = useRef({ isDue: false, isAsking: false });
  const exact = grown?.of === loaded.data ? grown.history : loaded.data;
  const history = useMemo(() => exact && withTold(exact, told), [exact, told]);
  useMessages((event, message) => {
    if (event === "snapshot") news.current.isDue = true;
    else if (message?.run !== id) return;
    else if (event === "metrics") setTold((before) => [...before, { ...message.data, at: message.at }]);
    if (event === "metrics" || event === "progress" || event === "end") news.current.isDue = true;
    if (event === "snapshot" || event === "end") setUrgent(true);
  }, [id]);
  const append = useCallback(async () => {
    const { isDue, isAsking } = news.current;
    if (!isDue || isAsking || !exact) return;
    news.current = { isDue: false, isAsking: true };
    try {
      const length = exact.data[0].length;
      if (x !== "step" || !length || length > AGAIN_AT) return loaded.again();
      const more = await getJson(path, { query: { x, after_step: exact.data[0].at(-1) } });
      if (isBroken(exact, more)) loaded.again();
      else if (more.data[0].length) setGrown({ of: loaded.data, history: appended(exact, more) });
    } catch {
      news.current.isDue = true;
    } finally {
      news.current.isAsking = false;
      setUrgent(false);
    }
    return undefined;
  }, [id, x, exact]);
  useEffect(() => setTold((before) => before.slice(-MOST_TOLD)), [exact]);
  const isWanting = isUrgent || (exact !== null && told.some((point) => isBeyond(exact, point)));
  useEvery(append, isWanting ? SOON_MS : x === "step" ? APPEND_EVERY_MS : 3 * APPEND_EVERY_MS);
  return { history, error: loaded.error, again: loaded.again };
}

/**
 * The scores that a run is judged by, at each of its evaluations.
 * @param {any} run @returns {{metric: string|null, points: import("./patience.js").Evaluation[], branches: {first_step: number}[]}}
 */
export function useEvaluations(run) {
  const names = JUDGED.filter((name) => name in run.latest.metrics); // one that it does not have would be refused
  const ask = async (signal) => {
    const history = await getJson(`train/${run.id}/metrics`, { query: { columns: names.join(","), max_points: POINTS }, signal });
    return { ...evaluationsOf(history), branches: history.branches };
  };
  const nothing = { metric: null, points: [], branches: [] };
  const { data } = useLoaded((signal) => (names.length ? ask(signal) : Promise.resolve(nothing)), [run.id, names.length, run.latest.evaluation_step, run.progress.branch, run.status], run.id);
  return data ?? nothing;
}

/** When the stream is there again after it was away: what came meanwhile has to be asked for. @param {() => void} act */
function useReturn(act) {
  const { connection } = useLive();
  const before = useRef(connection);
  useEffect(() => {
    if (connection === "live" && before.current === "polling") act();
    before.current = connection;
  }, [connection]);
}

/** Every grid of a run, oldest first. @param {string} id @returns {any[]|null} */
export function useSamples(id) {
  const { data, again } = useLoaded((signal) => getAll(`train/${id}/samples`, { query: { limit: 500 }, signal }), [id], id);
  const [added, setAdded] = useState([]);
  useEffect(() => setAdded([]), [data]);
  useReturn(again);
  useMessages((event, message) => {
    if (event === "sample" && message.run === id) setAdded((before) => [...before, { branch: message.data.branch, step: message.data.step, at: message.at }]);
  }, [id]);
  return data && [...data, ...added.filter((one) => !data.some((other) => other.step === one.step && other.branch === one.branch))];
}

/** Every event of a run that is told to people, oldest first. @param {string} id @returns {any[]} */
export function useEvents(id) {
  const { data, again } = useLoaded((signal) => getAll(`train/${id}/events`, { query: { type: TOLD, limit: 1000 }, signal }), [id], id);
  const [added, setAdded] = useState([]);
  useEffect(() => setAdded([]), [data]);
  useReturn(again);
  useMessages((event, message) => {
    if (TOLD.includes(event) && message.run === id && message.id) setAdded((before) => [...before, message]);
  }, [id]);
  const newest = data?.at(-1)?.id ?? 0;
  return data ? [...data, ...added.filter((one) => one.id > newest)] : [];
}
