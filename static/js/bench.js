// Break workbench: the running difference follows the ticked candidates; [data-match] acts at 0.00 only.

import { all, one, on } from "./dom.js";
import { showMoney } from "./money.js";

on("change", "[data-paise]", () => {
  const diff = one("[data-diff]");
  if (!diff) return;
  const boxes = all("[data-paise]");
  const ticked = boxes.filter((box) => box.checked);
  const chosen = ticked.reduce((sum, box) => sum + Number(box.dataset.paise), 0);
  const left = Number(diff.dataset.diff) - chosen;
  for (const box of boxes) box.closest(".cand").classList.toggle("is-chosen", box.checked);
  showMoney(one("[data-chosen]", diff), chosen);
  showMoney(one("[data-left]", diff), left);
  one("[data-chosen-count]", diff).textContent = String(ticked.length);
  const end = one(".diff-end", diff);
  end.classList.toggle("is-zero", left === 0);
  end.classList.toggle("is-off", left !== 0);
  one("[data-match]")?.setAttribute("aria-disabled", String(left !== 0 || ticked.length === 0));
});
