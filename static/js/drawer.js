// Drawer count: each row and the whole, as it is typed.

import { all, one, on } from "./dom.js";
import { showMoney } from "./money.js";

on("input", "[data-value]", () => {
  let sum = 0;
  for (const input of all("[data-value]")) {
    const paise = Number(input.dataset.value) * 100 * (Number.parseInt(input.value, 10) || 0);
    showMoney(input.closest("tr"), paise);
    sum += paise;
  }
  const counted = one("[data-counted]");
  if (counted) showMoney(counted, sum);
});
