// The few helpers that the other modules share.

export const one = (selector, from = document) => from.querySelector(selector);
export const all = (selector, from = document) => [...from.querySelectorAll(selector)];

// Calls back for an event on anything that matches, now or later in the page.
export const on = (event, selector, act) =>
  document.addEventListener(event, (happened) => {
    const node = happened.target.closest?.(selector);
    if (node) act(node, happened);
  });
