// Server-sent events out of the pieces that a connection brings (WHATWG HTML, 9.2.6). Pure.

/** @typedef {{event: string, id: string, data: string}} Message */

/**
 * What is whole in the text that came so far, and what is left of it.
 * @param {string} text what was left, and what came
 * @returns {{messages: Message[], rest: string}}
 */
export function takeMessages(text) {
  const messages = [];
  let rest = text;
  for (;;) {
    const end = /\r\n\r\n|\n\n|\r\r/.exec(rest);
    if (!end) return { messages, rest };
    const message = read(rest.slice(0, end.index));
    rest = rest.slice(end.index + end[0].length);
    if (message) messages.push(message);
  }
}

/** @param {string} block @returns {Message|null} */
function read(block) {
  const message = { event: "message", id: "", data: "" };
  const data = [];
  for (const line of block.split(/\r\n|\n|\r/)) {
    const at = line.indexOf(":");
    if (at === 0) continue; // a comment
    const field = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") message.event = value;
    else if (field === "id") message.id = value;
  }
  message.data = data.join("\n");
  return data.length ? message : null;
}
