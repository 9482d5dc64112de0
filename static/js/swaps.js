// HTMX swaps keep the focus and the scroll, and a failed one says so in words.

import { all, one } from "./dom.js";

const kept = new WeakMap();

document.addEventListener("htmx:beforeSwap", (happened) => {
  // The session has ended: the whole page goes to the door, not a part of it.
  if (happened.detail.serverResponse.includes('class="door"')) {
    happened.detail.shouldSwap = false;
    location.reload();
    return;
  }
  kept.set(happened.detail.xhr, {
    focus: document.activeElement?.id,
    page: [window.scrollX, window.scrollY],
    parts: all("[data-keep-scroll][id]").map((node) => [node.id, node.scrollTop, node.scrollLeft]),
  });
});

document.addEventListener("htmx:afterSettle", (happened) => {
  const was = kept.get(happened.detail.xhr);
  if (!was) return;
  kept.delete(happened.detail.xhr);
  for (const [id, top, left] of was.parts) document.getElementById(id)?.scrollTo({ top, left, behavior: "instant" });
  if (was.focus && document.activeElement?.id !== was.focus) document.getElementById(was.focus)?.focus({ preventScroll: true });
  if (!happened.detail.elt.closest("[data-scrolls]")) window.scrollTo({ left: was.page[0], top: was.page[1], behavior: "instant" });
});

const sayFailed = () => {
  one(".swap-failed")?.remove();
  const note = one("#swap-failed")?.content.cloneNode(true);
  if (note) document.body.append(note);
};
document.addEventListener("htmx:responseError", sayFailed);
document.addEventListener("htmx:sendError", sayFailed);
document.addEventListener("htmx:timeout", sayFailed);
document.addEventListener("htmx:beforeRequest", () => one(".swap-failed")?.remove());
