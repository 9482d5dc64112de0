// The clerk's page: what to give back, the line of a cheque as a reader types it, and keys that lead to the next field.

import { all, one, on } from "./dom.js";
import { showMoney, toPaise } from "./money.js";

const PIECES = [500, 200, 100, 50, 20, 10, 5, 2, 1];
const MICR = [6, 9, 6, 2]; // cheque number, sort code, account, code
const FIRST_FIELD = { cash: "[data-received]", cheque: "[data-micr]", draft: "[data-micr]", postal: "[name$=slip_number]", card: "[name$=slip_number]" };

const piecesOf = (paise) => {
  let rest = Math.floor(paise / 100);
  return PIECES.flatMap((value) => {
    const n = Math.floor(rest / value);
    rest -= n * value;
    return n ? [n > 1 ? `${n} × ${value}` : `${value}`] : [];
  });
};

const sumOf = (inputs) =>
  inputs.reduce((sum, input) => (sum === null ? null : input.value.trim() === "" ? sum : plus(sum, toPaise(input.value))), 0);
const plus = (sum, paise) => (paise === null ? null : sum + paise);

// What of the whole is paid in cash: written, or what the other tenders leave.
const cashPart = (total) => {
  const rows = all("[data-tender-row]").map((row) => ({
    isCash: Boolean(one('[value="cash"]:checked', row)),
    part: one("[data-part]", row),
  }));
  const written = rows.filter((row) => row.isCash && row.part && row.part.value.trim() !== "");
  if (written.length) return sumOf(written.map((row) => row.part));
  const others = sumOf(rows.filter((row) => !row.isCash && row.part).map((row) => row.part));
  return others === null ? null : total - others;
};

const notes = (side) =>
  all(`[data-note][data-side="${side}"]`).reduce((sum, input) => sum + Number(input.dataset.note) * (Number.parseInt(input.value, 10) || 0), 0);

const reckon = () => {
  const total = sumOf(all("[data-amount]"));
  const shown = one("[data-total]");
  if (shown && total !== null) showMoney(shown, total);
  const change = one("[data-change]");
  const received = toPaise(one("[data-received]")?.value ?? "");
  const wanted = total === null ? null : cashPart(total);
  if (!change || wanted === null || received === null) return;
  const due = received - wanted;
  showMoney(change, due);
  change.classList.toggle("is-short", due < 0);
  one("[data-pieces]", change).textContent = due < 0 ? change.dataset.short : due % 100 === 0 ? piecesOf(due).join(" + ") : "";
};

on("input", "[data-amount], [data-received], [data-part]", reckon);
on("change", "[data-tender-row] [type=radio]", reckon);

// Notes that were counted are what was received.
on("input", '[data-note][data-side="in"]', () => {
  const paise = notes("in");
  const received = one("[data-received]");
  if (received) received.value = paise ? `${Math.floor(paise / 100)}.${String(paise % 100).padStart(2, "0")}` : "";
  reckon();
});

// A reader types the line and Enter: its parts go to their fields, and the cursor to the date.
on("keydown", "[data-micr]", (line, pressed) => {
  if (pressed.key !== "Enter") return;
  const digits = line.value.replace(/\D/g, "");
  if (digits.length !== 23) return; // the house says what is wrong
  pressed.preventDefault();
  const row = line.closest("[data-tender-row]");
  let from = 0;
  for (const [place, name] of ["instrument", "micr", "account_id", "transaction_code"].entries()) {
    one(`[name$="${name}"]`, row).value = digits.slice(from, from + MICR[place]);
    from += MICR[place];
  }
  one("[name$=instrument_date]", row).focus();
});

// A key that chooses a tender leads to its first field; who walks the choices with the arrows stays there.
on("click", "[data-chooses]", (choice) => {
  if (document.activeElement === choice) return;
  const row = choice.closest("[data-tender-row]");
  const part = one("[data-part]", row);
  const first = one(FIRST_FIELD[choice.value], row) ?? one(FIRST_FIELD[choice.value], choice.form);
  const next = part && part.value.trim() === "" ? part : first;
  next?.focus();
});

on("click", "[data-till] summary[data-key]", (summary) => {
  requestAnimationFrame(() => {
    if (summary.parentElement.open) one("input", summary.parentElement)?.focus();
  });
});

// Enter in a field that has a button of its own presses that one.
on("keydown", "[data-presses]", (input, pressed) => {
  if (pressed.key !== "Enter") return;
  pressed.preventDefault();
  input.form.requestSubmit(one(`button[name="do"][value="${input.dataset.presses}"]`, input.form));
});

// Out of a field, so that letters act again.
on("keydown", "[data-till] input", (input, pressed) => {
  if (pressed.key === "Escape") input.blur();
});

if (one("[data-till]")) reckon();
