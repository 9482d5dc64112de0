// Keys: / finds, ? lists the keys, j and k walk the rows of a list, x ticks one, and a key named on a button presses it.
// Letters act outside text fields only.

import { all, one, on } from "./dom.js";
import { closeMenus, closeSide } from "./menus.js";

const showKeys = () => one("#keys")?.showModal();
const keysButton = one("[data-keys]");
if (keysButton) keysButton.hidden = false;
on("click", "[data-keys]", showKeys);

const isTyping = (node) => node.matches("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");

const walk = (step) => {
  const links = all("[data-walk]");
  const at = links.indexOf(document.activeElement);
  const current = at >= 0 ? at : links.findIndex((link) => link.getAttribute("aria-current") === "true");
  links[current + step]?.focus();
};

const tick = () => {
  const row = document.activeElement.closest("[data-row]") ?? one("[data-walk][aria-current=true]")?.closest("[data-row]");
  if (row) one("input[type=checkbox]", row)?.click();
};

const ACTS = { j: () => walk(1), k: () => walk(-1), x: tick, "?": showKeys };

document.addEventListener("keydown", (happened) => {
  if (happened.key === "Escape") {
    closeMenus();
    closeSide();
    return;
  }
  if (isTyping(happened.target) || happened.ctrlKey || happened.metaKey || happened.altKey || one("dialog[open]")) return;
  if (happened.key === "/") {
    happened.preventDefault();
    one("#find")?.focus();
    return;
  }
  const named = one(`[data-key="${CSS.escape(happened.key.toLowerCase())}"]`);
  if (named) {
    happened.preventDefault(); // else the letter lands in the field that the button leads to
    named.click();
    return;
  }
  ACTS[happened.key]?.();
});
