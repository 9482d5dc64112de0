// Money is whole paise here too.

export const toPaise = (text) => {
  const found = /^(\d{1,11})(?:\.(\d{1,2}))?$/.exec(text.replaceAll(",", "").trim());
  return found ? Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0")) : null;
};

const toRupees = (paise) => {
  const digits = String(Math.floor(Math.abs(paise) / 100));
  const grouped = digits.replace(/(\d)(?=(\d\d)+\d$)/g, "$1,");
  return { whole: (paise < 0 ? "−" : "") + grouped, part: String(Math.abs(paise) % 100).padStart(2, "0") };
};

// Writes an amount into a .money element, or into the one inside a node.
export const showMoney = (node, paise) => {
  const figure = node.matches(".money") ? node : node.querySelector(".money");
  const { whole, part } = toRupees(paise);
  const tail = document.createElement("span");
  tail.className = "ps";
  tail.textContent = `.${part}`;
  figure.replaceChildren(whole, tail);
};
