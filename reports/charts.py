"""A chart of a document as Vega-Lite for the page; paper and sheets carry its table."""

from collections.abc import Mapping
from typing import Any, Final

import altair as alt

from reports.contract import Chart

BAR_STEP: Final = 24  # pixels from bar to bar
_AXIS: Final = 44  # pixels of the axis and its title below them


def spec(chart: Chart) -> Mapping[str, Any]:
    """The chart for the browser, without colours of its own; each bar leads to its rows."""
    values = [
        {"label": str(bar.label), "value": bar.value, "text": bar.text, "url": bar.url or None}
        for bar in chart.bars
    ]
    longest = max((bar.value for bar in chart.bars), default=0)
    across = alt.Scale(domain=[0, max(longest * 6 // 5, 1)], nice=False)  # room for the number
    ticks = alt.Axis(tickMinStep=1, tickCount=5, format=",d")
    base = alt.Chart().encode(
        y=alt.Y("label:N", sort=None, title=None, axis=alt.Axis(labelLimit=240)),
        x=alt.X("value:Q", title=str(chart.unit), axis=ticks, scale=across),
        tooltip=[alt.Tooltip("label:N", title=" "), alt.Tooltip("text:N", title=str(chart.unit))],
    )
    drawn = base.mark_bar(cursor="pointer").encode(href=alt.Href("url:N"))
    words = base.mark_text(align="left", dx=4).encode(text=alt.Text("value:Q", format=",d"))
    layered: Mapping[str, Any] = (
        alt.layer(drawn, words, data=alt.InlineData(values=values))
        .properties(
            width="container",
            height=BAR_STEP * len(chart.bars) + _AXIS,
        )
        .configure(locale=_INDIAN)
        .to_dict()
    )
    return layered


_INDIAN: Final = {
    "number": {"decimal": ".", "thousands": ",", "grouping": [3, 2, 2, 2, 2], "currency": ["₹", ""]}
}


def rows(chart: Chart) -> list[tuple[str, str]]:
    """The same figures as a table."""
    return [(str(bar.label), bar.text) for bar in chart.bars]
