"""Money, days, counts, states and links as every page writes them: ``{% load ui %}``."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django import template
from django.forms import BoundField
from django.forms.widgets import CheckboxInput, Select
from django.http import QueryDict
from django.template.context import RequestContext
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cspdcl.kernel import clock
from cspdcl.kernel.money import grouped_rupees
from cspdcl.ui.looks import TONES, Look, icon_of

register = template.Library()

NOTHING: Final = "\u2013"  # an en dash, where there is no figure
MONEY_LOOKS: Final = frozenset({"strong", "big"})
INSTANTS: Final[Mapping[str, str]] = {
    "": "%d-%m-%Y %H:%M:%S",
    "minute": "%d-%m-%Y %H:%M",
    "short": "%d-%m %H:%M:%S",
    "clock": "%H:%M",
}


# ---- figures ----


@register.filter
def money(paise: int | None, look: str = "") -> SafeString | str:
    """Paise as a grouped figure, its paise quieter; the looks are ``strong`` and ``big``."""
    if paise is None:
        return NOTHING
    looks = look.split()
    if not MONEY_LOOKS.issuperset(looks):
        raise ValueError(f"expected strong or big, got {look!r}")
    classes = " ".join(["money", *(f"is-{one}" for one in looks)])
    whole, part = grouped_rupees(_whole(paise)).split(".")
    return format_html(
        '<span class="{}">{}<span class="ps">.{}</span></span>', classes, whole, part
    )


@register.filter
def rupees(paise: int | None) -> str:
    """Paise as plain words, for a sentence, a title or a label."""
    return NOTHING if paise is None else grouped_rupees(_whole(paise))


@register.filter
def count(number: int | None) -> str:
    """A number of things in Indian grouping: ``220146`` becomes ``2,20,146``."""
    return NOTHING if number is None else grouped_rupees(_whole(number) * 100).partition(".")[0]


def _whole(number: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"expected a whole number, got {type(number).__name__}")
    return number


# ---- time ----


@register.filter
def per_cent(value: Decimal | None) -> str:
    """A rate as people write it: ``1.9500`` becomes ``1.95``."""
    return NOTHING if value is None else f"{value.normalize():f}"


@register.filter
def day(value: date | None) -> str:
    """A day as dd-mm-yyyy; of an instant, its day in India."""
    if value is None:
        return NOTHING
    if isinstance(value, datetime):
        value = clock.business_date(_aware(value))
    return value.strftime("%d-%m-%Y")


@register.filter
def instant(value: datetime | None, look: str = "") -> str:
    """An instant in Indian time; the looks are ``minute``, ``short`` and ``clock``."""
    if value is None:
        return NOTHING
    return _aware(value).astimezone(clock.INDIA).strftime(INSTANTS[look])


@register.filter
def ago(value: date | None) -> str:
    """How long since an instant or a day, in plain words; what is to come starts with "in"."""
    if value is None:
        return NOTHING
    if isinstance(value, datetime):
        return age(clock.now() - _aware(value))
    days = (clock.today() - value).days
    return age(days) if days else _("today")


@register.filter
def age(value: timedelta | int | None) -> str:
    """A length of time, or a number of days, in plain words: "2 days", "1 h 42 min", "35 s"."""
    if value is None:
        return NOTHING
    length = value if isinstance(value, timedelta) else timedelta(days=_whole(value))
    words = _length(abs(length), in_days=not isinstance(value, timedelta))
    return _("in %(length)s") % {"length": words} if length < timedelta(0) else words


def _length(length: timedelta, *, in_days: bool) -> str:
    hours, rest = divmod(length.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    if in_days or length.days:
        return ngettext("%(n)s day", "%(n)s days", length.days) % {"n": count(length.days)}
    if hours and minutes:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    if hours:
        return _("%(hours)d h") % {"hours": hours}
    if minutes:
        return _("%(minutes)d min") % {"minutes": minutes}
    return _("%(seconds)d s") % {"seconds": seconds}


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("expected an aware instant, got one without a time zone")
    return value


# ---- words ----


@register.filter
def word(words: Mapping[str, str | Promise], code: str) -> str | Promise:
    """The word of a code in a mapping of the view; an unknown code stands for itself."""
    return words.get(code, code)


@register.simple_tag
def state(
    code: str, looks: Mapping[str, Look], *, plain: bool = False, note: str = ""
) -> SafeString:
    """A state by the page's own mapping of codes to looks; an unknown code stands out."""
    look = looks.get(code, Look(code, "open", "help"))
    return state_chip(look.word, look.tone, icon=look.icon, plain=plain, note=note)


@register.simple_tag
def state_chip(
    word: str | Promise,
    tone: str,
    *,
    icon: str = "",
    plain: bool = False,
    note: str = "",
) -> SafeString:
    """A word with its icon and colour; plain has no ground, for use inside tables."""
    if tone not in TONES:
        raise ValueError(f"expected one of {sorted(TONES)}, got {tone!r}")
    return format_html(
        '<span class="state state-{}{}"><i class="ti ti-{}" aria-hidden="true"></i>{}{}</span>',
        tone or "wait",
        " is-plain" if plain else "",
        icon_of(tone, icon=icon),
        word,
        f" {note}" if note else "",
    )


@register.simple_tag
def icon_for(tone: str, icon: str = "") -> str:
    """The icon that is named, else the tone's own."""
    return icon_of(tone, icon=icon)


@register.filter
def initials(name: str) -> str:
    """At most two letters that stand for a name in the top bar."""
    return "".join(word[0] for word in name.replace(".", " ").split()[:2]).upper()


# ---- links that keep the query string ----


@register.simple_tag(takes_context=True)
def sorted_query(context: RequestContext, name: str) -> str:
    """The query that sorts by a column, or turns the order round; it begins again at page one."""
    query = _query(context)
    query["sort"] = f"-{name}" if query.get("sort") == name else name
    return _written(query)


@register.simple_tag(takes_context=True)
def sort_order(context: RequestContext, name: str) -> str:
    """``ascending``, ``descending`` or ``none``: the aria-sort of a column."""
    orders = {name: "ascending", f"-{name}": "descending"}
    return orders.get(_query(context).get("sort", ""), "none")


@register.simple_tag(takes_context=True)
def toggled_query(context: RequestContext, name: str, value: str) -> str:
    """The query with one value of a filter added, or taken off when it is there."""
    query = _query(context)
    values = query.getlist(name)
    query.setlist(name, [v for v in values if v != value] if value in values else [*values, value])
    return _written(query)


@register.simple_tag(takes_context=True)
def hidden_query(context: RequestContext, *but: str) -> SafeString:
    """Hidden fields that carry the query through a GET form, but for the fields it has itself."""
    pairs = [
        (name, value)
        for name, values in _query(context).lists()
        if name not in but
        for value in values
    ]
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', pairs)


@register.inclusion_tag("components/filters.html", takes_context=True)
def filter_bar(
    context: RequestContext,
    filters: Sequence[Mapping[str, Any]],
    exports: Sequence[Mapping[str, Any]] = (),
) -> dict[str, object]:
    """The bar of filters and exports over a list; docs/screens.md says what a filter holds."""
    query = _query(context)
    shown = [
        {
            **one,
            "kind": one.get("kind", "choice"),
            "value": query.get(one["name"], ""),
            "choices": _choices(context, one),
        }
        for one in filters
    ]
    typed = [one for one in shown if one["kind"] != "choice"]
    any_on = any(query.get(one["name"]) for one in filters)
    cleared = query.copy()
    for one in filters:
        cleared.pop(one["name"], None)
    return {
        "request": context.get("request"),
        "chosen": [c for one in shown for c in one["choices"] if c["is_on"]],
        "menus": [one for one in shown if one["kind"] == "choice"],
        "typed": typed,
        "carried": hidden_query(context, *(one["name"] for one in typed)),
        "clear_url": _written(cleared) if any_on else "",
        "exports": [{**one, "url": one["url"] + _kept(query)} for one in exports],
    }


def _choices(context: RequestContext, one: Mapping[str, Any]) -> list[dict[str, object]]:
    on = _query(context).getlist(one["name"])
    return [
        {
            **choice,
            "filter": one["label"],
            "is_on": choice["value"] in on,
            "url": toggled_query(context, one["name"], choice["value"]),
        }
        for choice in one.get("choices", ())
    ]


def _query(context: RequestContext) -> QueryDict:
    """A copy of the page's query without its page number, which no change of the list survives."""
    query = context["request"].GET.copy()
    query.pop("page", None)
    return query  # type: ignore[no-any-return]


def _written(query: QueryDict) -> str:
    return f"?{query.urlencode()}" if query else "?"


def _kept(query: QueryDict) -> str:
    return f"?{query.urlencode()}" if query else ""


# ---- forms ----

CONTROL_LOOKS: Final[Mapping[str, str]] = {
    "": "",
    "amount": " amount-input",
    "big": " big-input",
    "few": " input-few",
    "till": " amount-input big-input",
}


@register.simple_tag
def control(field: BoundField, look: str = "", **attrs: str) -> SafeString:
    """A form field's own input at our density, tied to its help and its error."""
    widget = field.field.widget
    kind = "form-control"
    if isinstance(widget, CheckboxInput):
        kind = "form-check-input"
    elif isinstance(widget, Select) and widget.input_type == "select":
        kind = "form-select"
    invalid = " is-invalid" if field.errors else ""
    extra = {name.replace("_", "-"): value for name, value in attrs.items()}
    return field.as_widget(attrs={"class": f"{kind}{CONTROL_LOOKS[look]}{invalid}", **extra})


@register.filter
def is_checkbox(field: BoundField) -> bool:
    """Whether the label stands after the input."""
    return isinstance(field.field.widget, CheckboxInput)


# ---- charts ----


@register.inclusion_tag("components/chart.html")
def vega_chart(
    chart_id: str,
    title: str,
    spec: Mapping[str, Any],
    *,
    columns: Sequence[str | Promise],
    rows: Sequence[Sequence[object]],
) -> dict[str, object]:
    """A Vega-Lite chart as data for the browser, with its figures in a table beside it."""
    return {
        "chart_id": chart_id,
        "spec_id": f"{chart_id}-spec",
        "title": title,
        "spec": spec,
        "columns": columns,
        "rows": rows,
    }
