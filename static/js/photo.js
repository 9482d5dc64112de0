// A photograph is made smaller before it is sent: a phone's picture of a cheque has 12 million pixels, the house keeps
// 2000 on its longest side. Without this module the whole picture is sent, and the house makes it smaller.

import { one, on } from "./dom.js";

const SIDE = 2000;
const PREVIEW = 320;
const QUALITY = 0.85;

const drawn = (picture, canvas, side) => {
  const scale = Math.min(1, side / Math.max(picture.width, picture.height));
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff"; // a JPEG lets nothing shine through
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
};

const asJpeg = (picture) =>
  new Promise((done) => drawn(picture, document.createElement("canvas"), SIDE).toBlob(done, "image/jpeg", QUALITY));

const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

// What the house takes as it is; anything else that the browser can draw becomes a JPEG here.
const isTaken = (file) => ["image/jpeg", "image/png"].includes(file.type);

const shrink = async (input, file) => {
  const picture = await createImageBitmap(file);
  const box = input.closest("[data-photo-box]");
  const preview = box && one("[data-photo-preview]", box);
  if (preview) {
    drawn(picture, preview, PREVIEW);
    preview.hidden = false;
  }
  const isLarge = Math.max(picture.width, picture.height) > SIDE;
  const small = isLarge || !isTaken(file) ? await asJpeg(picture) : null;
  picture.close();
  // Another file may have been chosen meanwhile.
  if (!small || input.files[0] !== file || (isTaken(file) && small.size >= file.size)) return;
  const list = new DataTransfer();
  list.items.add(new File([small], "paper.jpg", { type: "image/jpeg" }));
  input.files = list.files;
  const note = box && one("[data-photo-note]", box);
  if (note) {
    note.textContent = note.dataset.words.replace("%(was)s", size(file.size)).replace("%(is)s", size(small.size));
    note.hidden = false;
  }
};

on("change", "input[type=file][data-photo]", async (input) => {
  const box = input.closest("[data-photo-box]");
  for (const part of ["[data-photo-note]", "[data-photo-preview]"]) {
    const node = box && one(part, box);
    if (node) node.hidden = true;
  }
  const file = input.files[0];
  if (!file?.type.startsWith("image/")) return;
  try {
    await shrink(input, file);
  } catch {
    // The browser cannot draw it: it is sent as it is, and the house says what is wrong with it.
  }
});
