// Menus are <details>: Escape or a click elsewhere closes them. Buttons with data-toggles open a part of the page.

import { all, one, on } from "./dom.js";

export const closeMenus = (except) => {
  for (const menu of all("details.menu[open]")) if (menu !== except) menu.removeAttribute("open");
};

document.addEventListener("click", (happened) => closeMenus(happened.target.closest("details.menu")));

on("click", "[data-toggles]", (button, happened) => {
  happened.preventDefault();
  const open = document.getElementById(button.dataset.toggles).classList.toggle("is-open");
  button.setAttribute("aria-expanded", String(open));
});

// What asks before it acts is a page of its own; where its form stands in a dialog here, that is shown instead.
on("click", "[data-opens]", (link, happened) => {
  const dialog = document.getElementById(link.dataset.opens);
  if (!dialog) return;
  happened.preventDefault();
  dialog.showModal();
});

export const closeSide = () => {
  one("#side")?.classList.remove("is-open");
  one("[data-toggles=side]")?.setAttribute("aria-expanded", "false");
};

// A button that cannot act yet keeps its place and its explanation, and does nothing.
document.addEventListener(
  "click",
  (happened) => {
    if (!happened.target.closest("[aria-disabled=true]")) return;
    happened.preventDefault();
    happened.stopPropagation();
  },
  true,
);
