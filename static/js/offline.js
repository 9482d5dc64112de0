// Counter pages that know of work without a network: a chip that says where the window stands, and the way back of its
// numbers before a shift is counted. What does the work is loaded only where it is wanted.

import { one, on } from "./dom.js";

const EVERY = 15_000; // ms

const drawn = (chip, at) => {
  const { word, waiting, person } = at;
  const name = waiting ? "waiting" : person ? "person" : word;
  one("[data-chip-word]", chip).textContent = (chip.dataset[name] ?? chip.dataset.none).replace("%", waiting || person);
  chip.classList.toggle("is-open", Boolean(waiting || person) || word === "offline");
};

const chip = one("[data-offline-chip]");
if (chip && window.isSecureContext && navigator.locks) {
  const { listen, sync } = await import("./offline/syncing.js");
  const round = async (begins) => {
    try {
      const at = await sync({ begins });
      drawn(chip, at);
      return at;
    } catch {
      return null; // the chip keeps what it said; the next round tries again
    }
  };
  const first = await round(true);
  if (first?.device) {
    await listen();
    setInterval(round, EVERY, false);
    window.addEventListener("online", () => round(false));
  }
}

// The shift is counted only when nothing is under way: this window sends and hands back first.
on("submit", "[data-hands-back]", async (form, happened) => {
  if (form.dataset.handed || !window.isSecureContext || !navigator.locks) return;
  happened.preventDefault();
  form.dataset.handed = "1";
  const { finish } = await import("./offline/syncing.js");
  await finish().catch(() => {}); // the house refuses the count then, and says why
  form.requestSubmit();
});
