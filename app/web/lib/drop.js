// A file that is dropped anywhere on the page.
import { useEffect } from "./ui.js";

/** @param {(file: File|undefined) => void} take */
export function useDrop(take) {
  useEffect(() => {
    const over = (event) => event.preventDefault();
    const drop = (event) => {
      event.preventDefault();
      take(event.dataTransfer.files[0]);
    };
    addEventListener("dragover", over);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("drop", drop);
    };
  }, [take]);
}
