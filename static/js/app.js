// What every page does in the browser. A page marks what it needs with data-* attributes; without these files every
// page still reads and submits. Listeners hang on the document, so that swapped-in parts work at once.

import "./bench.js";
import "./drawer.js";
import "./keys.js";
import "./menus.js";
import "./offline.js";
import "./photo.js";
import "./swaps.js";
import "./theme.js";
import "./till.js";
