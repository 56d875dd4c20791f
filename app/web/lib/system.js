// What hinders the service, in plain words with what to do, and how full its disk is. Pure.
/** @typedef {{tone: "warn"|"bad", what: string, todo: string}} Trouble */

/** @param {any} status of GET /status @returns {Trouble[]} */
export function troublesOf(status) {
  const { readiness, queue, silent_runs: silent } = status;
  const told = [...new Set([...readiness.degraded, ...(queue?.degraded ?? [])])];
  return [
    ...(readiness.status === "ready" ? [] : [{ tone: "bad", what: `Nothing can be drawn: ${readiness.reason ?? "there is no model"}.`, todo: "Train a model, import one, or set GANYMEDE_DEFAULT_MODEL to one that is there." }]),
    ...(status.engine.is_alive ? [] : [{ tone: "bad", what: "The process that draws has ended.", todo: "It is started again by itself; if it is not, look into the log of the API." }]),
    ...told.map(troubleOf),
    ...(silent ?? []).map((run) => ({ tone: "warn", what: `The run ${run} stands still.`, todo: "Its worker ends it after a while (GANYMEDE_STALL_AFTER). Its log may say why." })),
  ];
}

/** One entry of `degraded`: what it is about, and perhaps why. @param {string} entry @returns {Trouble} */
function troubleOf(entry) {
  const model = /^model:([^:]+): ?(.*)$/s.exec(entry);
  if (model) return { tone: "warn", what: `${model[1]} cannot be drawn: ${model[2]}.`, todo: "Roll back to a version that can, or publish or import it anew." };
  const [about, ...rest] = entry.split(": ");
  const why = rest.join(": ");
  if (about === "redis" && !why) return { tone: "bad", what: "Redis does not answer.", todo: "No run is queued or watched until it does; drawing goes on. Check that it runs and that GANYMEDE_REDIS_URL is its address." };
  if (about === "redis") return { tone: "bad", what: `Redis takes no runs: ${why}.`, todo: "Free its memory or its disk, or raise its limit. Runs are kept, and queued then." };
  if (about === "workers") return { tone: "warn", what: `No run goes on: ${why}.`, todo: "Start a worker: python -m worker, or ganymede up, which starts one. Runs wait until then." };
  return { tone: "warn", what: `${entry}.`, todo: "ganymede doctor says more." };
}

/** What takes the room of the disk, as shares of it. @param {any} storage @returns {{name: string, bytes: number, share: number, className: string}[]} */
export function partsOfDisk(storage) {
  const { free_bytes: free, total_bytes: total, runs, models, datasets } = storage;
  const other = Math.max(total - free - runs - models - datasets, 0);
  const parts = [["Runs", runs, "is-runs"], ["Models", models, "is-models"], ["Datasets", datasets, "is-datasets"], ["Other files", other, "is-other"], ["Free", free, "is-free"]];
  return parts.map(([name, bytes, className]) => ({ name, bytes, share: total ? bytes / total : 0, className }));
}

/** Runs by what their checkpoints take, most first. @param {{run: any, checkpoints: {bytes: number}[]}[]} found */
export function bySize(found) {
  return found.map(({ run, checkpoints }) => ({ run, kept: checkpoints.length, bytes: checkpoints.reduce((sum, one) => sum + one.bytes, 0) })).sort((a, b) => b.bytes - a.bytes);
}
