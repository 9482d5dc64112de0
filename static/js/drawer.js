// Drawer count: each row and the whole, as it is typed; Enter goes to the next field.

import { all, one, on } from "./dom.js";
import { showMoney } from "./money.js";

const NOTES = "[data-worth]"; // in paise, one of them

const sum = () => {
  let whole = 0;
  for (const input of all(NOTES)) {
    const paise = Number(input.dataset.worth) * (Number.parseInt(input.value, 10) || 0);
    showMoney(input.closest("tr"), paise);
    whole += paise;
  }
  const counted = one("[data-counted]");
  if (counted) showMoney(counted, whole);
};

on("input", NOTES, sum);

on("keydown", "[data-walk-count]", (input, pressed) => {
  if (pressed.key !== "Enter" || pressed.ctrlKey) return;
  pressed.preventDefault();
  const fields = all("[data-walk-count]", input.form);
  const next = fields[fields.indexOf(input) + 1] ?? one('[type="submit"]', input.form);
  next.focus();
  next.select?.();
});

if (one(NOTES)) sum();
