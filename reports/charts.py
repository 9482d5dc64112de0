"""One definition of a chart, drawn twice: by Vega-Lite on the page, as plain SVG on paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt

from reports.contract import Chart

BAR_STEP: Final = 26  # pixels from bar to bar
_PLOT_WIDTH: Final = 1000  # units of the drawing on paper


def spec(chart: Chart) -> Mapping[str, Any]:
    """The chart for the browser, without colours of its own; each bar leads to its rows."""
    values = [
        {"label": str(bar.label), "value": bar.value, "text": bar.text, "url": bar.url or None}
        for bar in chart.bars
    ]
    base = alt.Chart().encode(
        y=alt.Y("label:N", sort=None, title=None, axis=alt.Axis(labelLimit=240)),
        x=alt.X("value:Q", title=str(chart.unit), axis=alt.Axis(tickMinStep=1, format=",d")),
        tooltip=[alt.Tooltip("label:N", title=" "), alt.Tooltip("text:N", title=str(chart.unit))],
    )
    drawn = base.mark_bar(cursor="pointer").encode(href=alt.Href("url:N"))
    words = base.mark_text(align="left", dx=4).encode(text=alt.Text("text:N"))
    layered: Mapping[str, Any] = (
        alt.layer(drawn, words, data=alt.InlineData(values=values))
        .properties(width="container", height=alt.Step(BAR_STEP))
        .configure(locale=_INDIAN)
        .to_dict()
    )
    return layered


_INDIAN: Final = {
    "number": {"decimal": ".", "thousands": ",", "grouping": [3, 2, 2, 2, 2], "currency": ["₹", ""]}
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """One bar on paper: its words, and how wide it is of a thousand."""

    label: str
    text: str
    width: int


def drawn(chart: Chart) -> Sequence[Drawn]:
    """The bars for paper; the longest has the whole width."""
    longest = max((bar.value for bar in chart.bars), default=0)
    return [
        Drawn(
            label=str(bar.label),
            text=bar.text,
            width=max(bar.value * _PLOT_WIDTH // longest, 1) if longest and bar.value else 0,
        )
        for bar in chart.bars
    ]


def rows(chart: Chart) -> list[tuple[str, str]]:
    """The same figures as a table."""
    return [(str(bar.label), bar.text) for bar in chart.bars]
