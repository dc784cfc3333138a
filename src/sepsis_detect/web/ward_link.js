// The link from the form to the ward board: gives it the patient, from tab to tab. Nothing is stored.

import { lang } from "./i18n.js";

let board = null;
let last = null;

/** Give a stay to the board that this tab has opened, or open one. Whether the browser allowed it. */
export function giveToBoard(stay) {
  const { constants, hours } = stay;
  const names = new Set([constants, ...hours].flatMap(Object.keys));
  last = { constants, hours, units: Object.fromEntries([...names].map((name) => [name, stay.unit(name)])) };
  if (board && !board.closed) {
    give();
    board.focus();
    return true;
  }
  board = open(`ward?lang=${lang()}`);
  return board !== null;
}

const give = () => board.postMessage(last, location.origin);

// The board says when it is ready.
addEventListener("message", ({ source, origin }) => {
  if (source === board && origin === location.origin) give();
});
