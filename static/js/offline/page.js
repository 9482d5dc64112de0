// The page of a counter without a network: consumer, amount, receipt; and where the window stands.

import "../keys.js";
import { all, one, on } from "../dom.js";
import { showMoney, toPaise } from "../money.js";
import { PLACE, Refused } from "./asking.js";
import { CannotTake, take } from "./queue.js";
import { fact, forget } from "./storing.js";
import { enrol, listen, standingAway, startAnew, sync } from "./syncing.js";

const EVERY = 10_000; // ms between two tries
const word = (name) => one(`[data-word="${name}"]`)?.textContent ?? "";
const put = (name, text, from = document) => all(`[data-slot="${name}"]`, from).forEach((node) => (node.textContent = text));
const show = (name, isShown) => all(`[data-part="${name}"]`).forEach((node) => (node.hidden = !isShown));
const clockOf = (instant) => new Date(instant).toLocaleTimeString("en-IN", { timeZone: "Asia/Kolkata", hour: "2-digit", minute: "2-digit", hour12: false });
const dayOf = (instant) => new Date(instant).toLocaleDateString("en-GB", { timeZone: "Asia/Kolkata" }).replaceAll("/", "-");
const label = (series, year, number) => `${series}/${year}/${String(number).padStart(6, "0")}`;

let now; // where the window stands
let submitKey = crypto.randomUUID();
const form = one("#offline-form");
const field = (name) => form.elements.namedItem(name);

// ---- where it stands ----

const TONES = { ready: "ok", offline: "open", pending: "wait", none: "wait", no_shift: "wait", signed_out: "open", revoked: "bad", refused: "bad" };

const drawState = () => {
  const { word: at, waiting, person, numbers, place, since, device } = now;
  const chip = one("[data-state]");
  chip.className = `state state-${TONES[at]}`;
  one(".ti", chip).className = `ti ti-${at === "offline" ? "cloud-off" : at === "ready" ? "circle-check" : "clock"}`;
  put("state", at === "offline" && since ? `${word("offline_since")} ${clockOf(since)}` : word(`state_${at}`));
  put("place", place?.name ?? word("no_counter"));
  put("office", place?.office ?? "");
  put("waiting", String(waiting));
  put("left", String(now.left));
  put("sent", waiting ? word("not_all_sent") : word("all_sent"));
  put("fingerprint", device?.fingerprint ?? "");
  put("series", device?.series ?? "");
  show("person", person > 0);
  put("person", String(person));
  show("till", Boolean(numbers) && now.left > 0);
  show("enrol", at === "none" && Boolean(now.counter?.keeps_shifts));
  show("choose", at === "none" && !now.counter?.keeps_shifts);
  for (const name of ["pending", "revoked", "signed_out", "no_shift"]) show(name, at === name);
  show("no_numbers", (at === "offline" && !numbers) || (Boolean(numbers) && now.left < 1));
  show("back", at !== "offline");
  drawQueue();
};

const drawQueue = () => {
  const rows = now.queue.slice(-50).reverse();
  show("queue", rows.length > 0);
  one("#queue").replaceChildren(
    ...rows.map((item) => {
      const row = one("#queue-row").content.cloneNode(true);
      put("number", String(item.number), row);
      put("word", word(`item_${item.status}`), row);
      put("words", item.words ?? "", row);
      showMoney(one(".money", row), item.amount_paise);
      return row;
    }),
  );
};

const round = async (begins = false) => {
  try {
    now = await sync({ begins });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    one("#live").textContent = error.message;
  }
  if (now) drawState();
};

// ---- taking ----

const wrong = (name, text) => {
  const node = one(`#${name}-error`);
  node.hidden = !text;
  one("span", node).textContent = text;
  const input = one(`#o-${name}`);
  input?.classList.toggle("is-invalid", Boolean(text));
  input?.toggleAttribute("aria-invalid", Boolean(text));
  return text ? input : null;
};

const read = () => {
  const method = field("method").value;
  const isCash = method === "cash";
  const amount = toPaise(field("amount").value);
  const received = isCash && field("received").value.trim() ? toPaise(field("received").value) : amount;
  const paper = (name) => (isCash ? "" : field(name).value.trim());
  const dated = paper("instrument_date");
  const first = [
    wrong("consumer", /^\d{6,12}$/.test(field("consumer").value.trim()) ? "" : word("wrong_consumer")),
    wrong("amount", amount ? "" : word("wrong_amount")),
    wrong("received", received !== null && amount !== null && received >= amount ? "" : word("wrong_received")),
    wrong("instrument", isCash || /^\d{6}$/.test(paper("instrument")) ? "" : word("wrong_instrument")),
    wrong("instrument_date", isCash || (dated && dated <= now.numbers.day) ? "" : word("wrong_date")),
    wrong("bank_name", isCash || paper("bank_name") ? "" : word("wrong_bank")),
    wrong("micr", /^(\d{9})?$/.test(paper("micr")) ? "" : word("wrong_micr")),
  ].find(Boolean);
  if (first) {
    first.focus();
    return null;
  }
  return {
    amount_paise: amount,
    bank_name: paper("bank_name"),
    consumer: field("consumer").value.trim(),
    instrument: paper("instrument"),
    instrument_date: dated,
    method,
    micr: paper("micr"),
    name: field("name").value.trim(),
    received_paise: received,
    submit_key: submitKey,
  };
};

const begin = () => {
  form.reset();
  submitKey = crypto.randomUUID();
  show("unanswered", false);
  field("consumer").focus();
  change();
};

form.addEventListener("submit", async (happened) => {
  happened.preventDefault();
  if (form.dataset.busy) return;
  const asked = read();
  if (!asked) return;
  form.dataset.busy = "1"; // a second Enter while the first is signed gives no second receipt
  try {
    const given = await take(asked);
    await forget("draft");
    receipt(given);
    begin();
    one("[data-key=r]").focus();
    window.print();
  } catch (error) {
    if (!(error instanceof CannotTake)) throw error;
    wrong("amount", word(error.message))?.focus();
  } finally {
    delete form.dataset.busy;
  }
  await round();
});

const receipt = ({ said, hash, series, code }) => {
  const leaf = one("#receipt-leaf").content.cloneNode(true);
  const slots = {
    label: label(series, said.year, said.number),
    at: `${dayOf(said.taken_at)} ${clockOf(said.taken_at)}`,
    consumer: said.consumer,
    name: said.name,
    paper: said.instrument ? `${said.instrument}, ${said.bank_name}` : "",
    window: now.place ? `${now.place.name}, ${now.place.office}` : "",
    check: now.place?.check ?? "",
    token: code ?? "",
    seal: hash.slice(0, 12).toUpperCase().replace(/(.{4})(?=.)/g, "$1 "),
  };
  for (const [name, text] of Object.entries(slots)) put(name, text, leaf);
  all("[data-only]", leaf).forEach((node) => (node.hidden = node.dataset.only !== said.method));
  showMoney(one(".money", leaf), said.amount_paise);
  one("#receipt").replaceChildren(leaf);
  const back = one("#last-change");
  showMoney(back, said.received_paise - said.amount_paise);
  put("last", slots.label);
  show("last", true);
};

const change = () => {
  const amount = toPaise(field("amount").value);
  const received = toPaise(field("received").value);
  if (amount === null || received === null) return;
  const due = received - amount;
  showMoney(one("[data-change]"), due);
  one("[data-change]").classList.toggle("is-short", due < 0);
};

// Enter goes on while something is missing; then it takes.
form.addEventListener("keydown", (pressed) => {
  if (pressed.key === "Escape") pressed.target.blur();
  if (pressed.key !== "Enter" || pressed.target.name !== "consumer" || field("amount").value.trim()) return;
  pressed.preventDefault();
  field("amount").focus();
});
on("input", "#o-amount, #o-received", change);
on("click", "[name=method]", (choice) => {
  if (document.activeElement !== choice) field(choice.value === "cash" ? "received" : "instrument").focus();
});
on("click", "[data-print]", () => window.print());
on("click", "[data-next]", begin);

// ---- the window itself ----

const busy = async (button, act) => {
  button.disabled = true;
  try {
    await act();
  } catch (error) {
    one("#live").textContent = error.message;
    put("trouble", error.message);
    show("trouble", true);
  } finally {
    button.disabled = false;
  }
  await round(true);
};

on("click", "[data-enrol]", (button) => busy(button, () => enrol(now.csrf, now.counter.code)));
on("click", "[data-anew]", (button) => busy(button, startAnew));
on("click", "[data-again]", (button) => busy(button, async () => {}));

// What the form without an answer held.
const fill = (draft) => {
  const isSimple = Number(draft.shares ?? 1) === 1 && Number(draft.tenders ?? 1) === 1 && ["cash", "cheque"].includes(draft.tender ?? "cash");
  show(isSimple ? "unanswered" : "unanswered_many", true);
  if (!isSimple) return;
  submitKey = draft.submit_key;
  field("method").value = draft.tender ?? "cash";
  for (const name of ["consumer", "amount", "received", "instrument", "instrument_date", "bank_name", "micr"]) field(name).value = draft[name] ?? "";
};
on("click", "[data-forget]", async () => {
  await forget("draft");
  begin();
  show("unanswered_many", false);
});

if (!window.isSecureContext) {
  // Without HTTPS browsers lend neither keys nor service workers.
  put("trouble", word("insecure"));
  show("trouble", true);
  throw new Error("not a secure context");
}
const draft = await fact("draft");
// In place of another page, or after a form without an answer, the house is away; on a line that hangs asking takes long,
// and the clerk need not wait for that.
if (location.pathname !== PLACE || draft?.submit_key) {
  now = await standingAway();
  drawState();
}
if (draft?.submit_key) fill(draft);
const wasReady = !one('[data-part="till"]').hidden;
if (wasReady) field("consumer").focus();
await listen();
await round(true);
if (!wasReady && !one('[data-part="till"]').hidden) field("consumer").focus();
window.addEventListener("online", () => round());
setInterval(round, EVERY, false);
