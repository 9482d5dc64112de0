// Cash: change = received - amount, with the notes and coins to hand over.

import { one, on } from "./dom.js";
import { showMoney, toPaise } from "./money.js";

const PIECES = [500, 200, 100, 50, 20, 10, 5, 2, 1];

const piecesOf = (paise) => {
  let rest = Math.floor(paise / 100);
  return PIECES.flatMap((value) => {
    const n = Math.floor(rest / value);
    rest -= n * value;
    return n ? [n > 1 ? `${n} × ${value}` : `${value}`] : [];
  });
};

on("input", "[data-amount], [data-received]", () => {
  const change = one("[data-change]");
  const amount = toPaise(one("[data-amount]")?.value ?? "");
  const received = toPaise(one("[data-received]")?.value ?? "");
  if (!change || amount === null || received === null) return;
  const due = received - amount;
  showMoney(change, due);
  change.classList.toggle("is-short", due < 0);
  one("[data-pieces]", change).textContent =
    due < 0 ? change.dataset.short : due % 100 === 0 ? piecesOf(due).join(" + ") : "";
});
