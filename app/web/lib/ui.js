// What every view is made of: Preact's functions, from the one vendored file. Knows nothing of Ganymede.
export {
  html, render, Component, createContext, useState, useReducer, useEffect, useLayoutEffect, useRef, useMemo, useCallback,
  useContext, useErrorBoundary,
} from "../vendor/htm/standalone.module.js";

/** Class names that apply, in one string. @param {...(string|false|null|undefined)} names */
export function classes(...names) {
  return names.filter(Boolean).join(" ");
}
