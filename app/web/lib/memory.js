// What this browser remembers: small JSON values. Where it may not, it forgets, and nothing breaks.

/** @template T @param {string} name @param {T} otherwise @returns {T} */
export function recall(name, otherwise) {
  try {
    const text = localStorage.getItem(`ganymede.${name}`);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/** @param {string} name @param {unknown} value */
export function remember(name, value) {
  try {
    localStorage.setItem(`ganymede.${name}`, JSON.stringify(value));
  } catch {
    // full, or forbidden
  }
}
