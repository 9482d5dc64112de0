// Asking the house: facts, a refusal with its words, or nothing at all.

export const PLACE = "/counter/offline/";
const PATIENCE = 10_000; // ms; a line that hangs is no line

export class NoAnswer extends Error {}
export class Refused extends Error {
  constructor(status, said) {
    super(said.detail ?? "");
    this.status = status;
    this.code = said.code ?? "";
  }
}

const asked = async (path, options = {}) => {
  let answer;
  try {
    answer = await fetch(PLACE + path, { ...options, redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    throw new NoAnswer();
  }
  // Who is signed out is led to the door: the queue waits until somebody has signed in.
  if (answer.type === "opaqueredirect") throw new Refused(401, { code: "signed_out" });
  if (answer.status >= 500) throw new NoAnswer();
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, said);
  return said;
};

export const state = (device) => asked(`state/${device ? `?device=${device}` : ""}`);
export const post = (path, said, csrf) =>
  asked(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
    body: JSON.stringify(said),
  });
