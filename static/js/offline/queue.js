// The queue: it only grows, each item names the one before it and is signed, and a number is given once.

import { sealed } from "./signing.js";
import { append, answered, fact, items, keep, wipe } from "./storing.js";
import { NoAnswer, post } from "./asking.js";

const AT_ONCE = 50;

export class CannotTake extends Error {}

// One tab at a time, whatever others are open.
const alone = (act) => navigator.locks.request("counter-offline-queue", act);

export const clock = (place) => new Date(Date.now() + (place?.ahead ?? 0));
export const dayInIndia = (instant) => instant.toLocaleDateString("en-CA", { timeZone: "Asia/Kolkata" });

export const left = (device, numbers) => (device && numbers ? numbers.last - device.used_until : 0);

// Cash of one consumer in what waits: the law's limit holds here too.
const cashOf = (queue, consumer) =>
  queue
    .filter((item) => item.body)
    .map((item) => JSON.parse(item.body))
    .filter((said) => said.method === "cash" && said.consumer === consumer)
    .reduce((sum, said) => sum + said.amount_paise, 0);

// Gives the next number to a hand-over; what it returns is kept on the disk already. Throws CannotTake with a word.
export const take = (asked) =>
  alone(async () => {
    const [device, numbers, place, queue] = await Promise.all([fact("device"), fact("numbers"), fact("place"), items()]);
    if (!device || !numbers) throw new CannotTake("no_numbers");
    if (left(device, numbers) < 1) throw new CannotTake("no_numbers_left");
    const taken_at = clock(place);
    if (dayInIndia(taken_at) !== numbers.day) throw new CannotTake("another_day");
    const limit = place?.cash_below_paise;
    const cash = asked.method === "cash" ? asked.amount_paise + cashOf(queue, asked.consumer) : 0;
    if (limit && cash >= limit) throw new CannotTake("cash_limit");
    const said = {
      ...asked,
      device: device.id,
      number: device.used_until + 1,
      previous: device.previous,
      sequence: device.sequence + 1,
      shift: numbers.shift,
      taken_at: taken_at.toISOString(),
      v: 1,
      year: numbers.year,
    };
    const { body, signature, hash } = await sealed(said, device.keys);
    const item = { sequence: said.sequence, number: said.number, amount_paise: said.amount_paise, status: "waiting", body, signature, hash };
    await append(item, { ...device, sequence: said.sequence, previous: hash, used_until: said.number });
    return { said, hash, series: numbers.series, code: numbers.codes[said.number] };
  });

export const waiting = async () => (await items()).filter((item) => item.status === "waiting");

// Sends what waits, in its order, until all is answered; throws at the first that is not.
export const send = (device, csrf) =>
  navigator.locks.request("counter-offline-send", async () => {
    for (;;) {
      const next = (await waiting()).slice(0, AT_ONCE);
      if (!next.length) return;
      const said = { device: device.id, items: next.map(({ body, signature }) => ({ body, signature })) };
      const { results } = await post("send/", said, csrf);
      const byHash = new Map(results.map((one) => [one.hash, one]));
      const done = next.filter((item) => byHash.has(item.hash));
      if (!done.length) throw new NoAnswer();
      await answered(done.map((item) => ({ ...item, ...byHash.get(item.hash) })));
    }
  });

// Numbers for the open shift, or more of them.
export const reserve = (csrf) =>
  alone(async () => {
    const device = await fact("device");
    const { numbers } = await post("numbers/", { device: device.id }, csrf);
    // What was given here and has not come yet is known here only; a new year begins its own numbers.
    const given = device.year === numbers.year ? device.used_until : 0;
    await keep("numbers", numbers);
    await keep("device", { ...device, year: numbers.year, used_until: Math.max(given, numbers.used_until) });
    return numbers;
  });

// Tells the house, signed, how far the numbers went; then nothing of them stays here.
export const handBack = (csrf) =>
  alone(async () => {
    const device = await fact("device");
    if (!device || !(await fact("numbers")) || (await waiting()).length) return false;
    const { sequence, previous, used_until } = device;
    const { body, signature } = await sealed({ device: device.id, previous, sequence, used_until, v: 1 }, device.keys);
    await post("back/", { device: device.id, item: { body, signature } }, csrf);
    await wipe(["numbers"]);
    return true;
  });
