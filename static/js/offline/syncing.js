// One round with the house: what is due is sent, numbers are refilled or handed back. Any counter page may do it.

import { NoAnswer, post, Refused, state } from "./asking.js";
import { clock, dayInIndia, handBack, left, reserve, send, waiting } from "./queue.js";
import { exported, makeKeys } from "./signing.js";
import { fact, forget, items, keep, wipe } from "./storing.js";

const LOW = 20;

// Where the window stands, as pages show it. word: offline, signed_out, none, pending, revoked, no_shift, ready.
const standing = async (word, since) => {
  const [device, numbers, place, queue] = await Promise.all([fact("device"), fact("numbers"), fact("place"), items()]);
  return {
    word,
    since,
    device,
    numbers,
    place,
    left: left(device, numbers),
    waiting: queue.filter((item) => item.status === "waiting").length,
    person: queue.filter((item) => item.status === "person").length,
    queue,
    now: clock(place),
  };
};

export const standingAway = async () => standing("offline", (await fact("place"))?.heard);

const knows = async (said, device) => {
  const known = await fact("place");
  const ahead = Date.parse(said.now) - Date.now(); // the house's clock counts, not that of this machine
  await keep("place", { ...known, ...said.counter, ahead, heard: said.now });
  if (device && said.device) await keep("device", { ...(await fact("device")), state: said.device.state, fingerprint: said.device.fingerprint });
};

// `begins`: whether numbers may be asked for; a poll only refills what is there.
export const sync = async ({ begins = false } = {}) => {
  const device = await fact("device");
  let said;
  try {
    said = await state(device?.id);
  } catch (error) {
    if (error instanceof NoAnswer) return standingAway();
    if (error instanceof Refused && error.status === 401) return standing("signed_out");
    throw error;
  }
  await knows(said, device);
  if (!device) return { ...(await standing("none")), csrf: said.csrf, counter: said.counter };
  const word = await worked(device, said, begins);
  return { ...(await standing(word)), csrf: said.csrf, counter: said.counter };
};

const worked = async (device, said, begins) => {
  try {
    await send(device, said.csrf);
    if (said.device.state !== "ready") return said.device.state;
    const numbers = await fact("numbers");
    const isOfShift = said.shift?.is_open && said.shift.day === dayInIndia(new Date(said.now));
    if (numbers && !said.numbers) await forget("numbers"); // they were handed back, and the answer was lost
    else if (numbers && numbers.shift !== said.shift?.id) await handBack(said.csrf);
    if (!isOfShift) return "no_shift";
    const current = await fact("numbers");
    const isLow = current && left(await fact("device"), current) < LOW;
    if (isLow || (!current && begins)) await reserve(said.csrf);
    return "ready";
  } catch (error) {
    if (error instanceof NoAnswer) return "offline";
    if (error instanceof Refused && error.status === 401) return "signed_out";
    if (error instanceof Refused && error.status === 409) return error.code === "no_shift" ? "no_shift" : "refused";
    throw error;
  }
};

// Makes this browser a window of its counter: a key of its own, which the supervisor approves.
export const enrol = async (csrf, counter) => {
  await navigator.storage?.persist?.();
  const keys = await makeKeys();
  const { device } = await post("enrol/", { counter, public_key: await exported(keys) }, csrf);
  await keep("device", { ...device, keys, sequence: 0, previous: "", used_until: 0 });
};

// A revoked window starts anew, once nothing of it waits.
export const startAnew = async () => {
  if ((await waiting()).length) return false;
  await wipe(["device", "numbers"]); // a new key begins a new chain at 1
  return true;
};

// Before the shift is counted: everything sent, the rest of the numbers back in the house.
export const finish = async () => {
  const device = await fact("device");
  if (!device) return;
  const said = await state(device.id);
  await send(device, said.csrf);
  await handBack(said.csrf);
};

export const listen = async () => {
  if (!navigator.serviceWorker) return;
  await navigator.serviceWorker.register("/counter/sw.js", { scope: "/counter/" });
};
