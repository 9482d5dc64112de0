// Break workbench: the running difference follows the ticked candidates, and the entries of the break that are
// meant; [data-match] acts at 0.00 only.

import { all, one, on } from "./dom.js";
import { showMoney } from "./money.js";

const sumOf = (boxes, name) => boxes.reduce((sum, box) => sum + Number(box.dataset[name]), 0);

on("change", "[data-paise], [data-own]", () => {
  const diff = one("[data-diff]");
  if (!diff) return;
  const boxes = all("[data-paise]");
  const ticked = boxes.filter((box) => box.checked);
  const own = all("[data-own]");
  const chosen = sumOf(ticked, "paise");
  const left = Number(diff.dataset.diff) - sumOf(own.filter((box) => !box.checked), "own") - chosen;
  const isChoice = own.some((box) => box.checked) && own.some((box) => !box.checked);
  for (const box of boxes) box.closest(".cand").classList.toggle("is-chosen", box.checked);
  showMoney(one("[data-chosen]", diff), chosen);
  showMoney(one("[data-left]", diff), left);
  one("[data-chosen-count]", diff).textContent = String(ticked.length);
  const end = one(".diff-end", diff);
  end.classList.toggle("is-zero", left === 0);
  end.classList.toggle("is-off", left !== 0);
  one("[data-match]")?.setAttribute("aria-disabled", String(left !== 0 || (ticked.length === 0 && !isChoice)));
});
