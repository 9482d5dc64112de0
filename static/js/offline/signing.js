// The window's own key: made here, never exported, and what it signs. The house checks the very bytes.

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const HASH = { name: "ECDSA", hash: "SHA-256" };

const bytes = (text) => new TextEncoder().encode(text);
const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
const hex = (buffer) => [...new Uint8Array(buffer)].map((one) => one.toString(16).padStart(2, "0")).join("");

// Sorted and without spaces: one thing is said in one way only.
const canonical = (said) => JSON.stringify(Object.fromEntries(Object.entries(said).sort(([a], [b]) => (a < b ? -1 : 1))));

export const makeKeys = () => crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);
export const exported = async (keys) => base64(await crypto.subtle.exportKey("spki", keys.publicKey));

// An envelope {body, signature, hash}; the next item names the hash.
export const sealed = async (said, keys) => {
  const body = canonical(said);
  const signature = await crypto.subtle.sign(HASH, keys.privateKey, bytes(body));
  const both = new Uint8Array([...bytes(body), ...new Uint8Array(signature)]);
  return { body, signature: base64(signature), hash: hex(await crypto.subtle.digest("SHA-256", both)) };
};
