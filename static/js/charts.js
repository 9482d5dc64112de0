// Draws each chart from the data beside it, by the interpreter of syntax trees, so that no text is ever run as code.
// The table with the same figures folds away once the chart stands; when it cannot be drawn the table stays open.

import { all, one } from "./dom.js";

const colour = (name) => {
  // light-dark() is resolved by the browser on a real property, never on a custom one.
  const probe = document.createElement("span");
  probe.hidden = true;
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
};

const themed = () => {
  const [ink, quiet, line, strong] = ["--ink-2", "--ink-3", "--line", "--line-strong"].map(colour);
  const series = ["--s1", "--s2", "--s3", "--s4", "--s5", "--s6"].map(colour);
  const heat = ["--h0", "--h1", "--h2", "--h3", "--h4", "--h5"].map(colour);
  const font = getComputedStyle(document.body).fontFamily;
  const text = { labelFont: font, titleFont: font, labelFontSize: 11, titleFontSize: 11, labelColor: quiet, titleColor: ink, titleFontWeight: 600 };
  return {
    background: "transparent",
    font,
    axis: { ...text, labelOverlap: true, gridColor: line, domainColor: strong, tickColor: strong },
    legend: { ...text, orient: "top", title: null, symbolType: "square" },
    header: text,
    title: { font, fontSize: 13, color: ink },
    view: { stroke: "transparent" },
    mark: { color: series[0] },
    bar: { color: series[0], cornerRadiusEnd: 1 },
    line: { color: series[0], strokeWidth: 2 },
    area: { color: series[0] },
    point: { color: series[0] },
    rect: { color: series[0] },
    text: { color: ink, font, fontSize: 11 },
    range: { category: series, heatmap: heat, ramp: heat, ordinal: heat },
  };
};

const interpreter = () => globalThis.vegaInterpreter?.expressionInterpreter ?? globalThis.vega?.expressionInterpreter;

const views = new Map();

const draw = async (figure) => {
  const expr = interpreter();
  const plot = one(".chart-plot", figure);
  if (!expr || !globalThis.vegaEmbed) return;
  views.get(figure)?.finalize();
  const spec = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
  const isFirst = !figure.classList.contains("is-drawn");
  figure.classList.add("is-drawn"); // shown before it is drawn: what is hidden has no width to fill
  try {
    const { view } = await globalThis.vegaEmbed(plot, spec, {
      mode: "vega-lite",
      ast: true,
      expr,
      config: themed(),
      renderer: "svg",
      actions: false,
      defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
    });
    views.set(figure, view);
  } catch (error) {
    figure.classList.remove("is-drawn");
    throw error;
  }
  if (isFirst) one(".chart-table", figure).open = false;
};

const drawAll = (from = document) => Promise.all(all("[data-chart]", from).map(draw));

document.addEventListener("theme:changed", () => drawAll());
document.addEventListener("htmx:afterSettle", (happened) => drawAll(happened.detail.elt));
// Figures are measured with the page's own letters, so they must have come.
document.fonts.ready.then(() => drawAll());
