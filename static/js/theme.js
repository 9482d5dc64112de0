// Light or dark in place; the server writes the attribute on the next page from the same cookie.

import { one, on } from "./dom.js";

const YEAR = 365 * 24 * 60 * 60;

on("submit", "[data-theme-form]", (form, happened) => {
  happened.preventDefault();
  const root = document.documentElement;
  const theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
  root.dataset.bsTheme = theme;
  one("button", form).value = theme === "dark" ? "light" : "dark";
  const secure = location.protocol === "https:" ? ";secure" : "";
  document.cookie = `theme=${theme};path=/;max-age=${YEAR};samesite=lax${secure}`;
  document.dispatchEvent(new CustomEvent("theme:changed"));
});
