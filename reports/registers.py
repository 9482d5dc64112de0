"""What the registers of the counters have in common: their days, their offices, their readers."""

from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Final, TypeVar

from django.db.models import Count, Model, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from counters.models import OfficeDay
from cspdcl.kernel.errors import DomainError
from cspdcl.ui.templatetags.ui import count
from payments.models import Payment
from payments.selectors import payments_visible_to
from payments.states import State
from people.access import offices_of
from people.models import Office
from people.roles import ADMINISTRATOR, READERS, SUPERVISOR
from reports.contract import Ask
from reports.links import page_url

WHO_READS: Final = (*READERS, ADMINISTRATOR, SUPERVISOR)

# A paper that the bank returned was on a slip; what is cancelled at the window never was.
CANCELLED: Final = Q(state=State.REVERSED, deposit__isnull=True)
FELL_LATER: Final = Q(state=State.REVERSED, deposit__isnull=False)
STOOD: Final = Q(state=State.SUCCEEDED) | FELL_LATER  # on its own day

_WAYS: Final = {
    "cash": gettext_lazy("Cash"),
    "cheque": gettext_lazy("Cheque"),
    "demand_draft": gettext_lazy("Demand draft"),
    "postal_order": gettext_lazy("Postal order"),
    "card": gettext_lazy("Card"),
}

M = TypeVar("M", bound=Model)


class TooManyLines(DomainError):
    """The register would be too long to be read or written at once."""

    code: ClassVar[str] = "too_long"


def tender(method: str) -> str:
    """A tender of the counters in plain words."""
    return str(_WAYS.get(method, _("other")))


def days_of(ask: Ask) -> tuple[date, date]:
    """The first and the last day of what is asked."""
    return ask.day, ask.more.get("until") or ask.day


def until_of(ask: Ask) -> date | None:
    """The last day, where more than one is asked."""
    first, last = days_of(ask)
    return last if last != first else None


def of_days(ask: Ask, path: str) -> Q:
    """Rows whose business date is one of the days asked."""
    return Q(**{f"{path}__range": days_of(ask)})


def offices(ask: Ask) -> QuerySet[Office]:
    """The offices of the answer: those the reader sees, at or below the one that is chosen."""
    seen = offices_of(ask.user) if ask.user else Office.objects.all()
    chosen = ask.more.get("office")
    return seen.filter(path__startswith=chosen.path) if chosen else seen


def of_offices(rows: QuerySet[M], ask: Ask, path: str) -> QuerySet[M]:
    """Rows that a selector has let through, of the chosen office and those below it."""
    chosen = ask.more.get("office")
    return rows.filter(**{f"{path}__path__startswith": chosen.path}) if chosen else rows


def taken(ask: Ask) -> QuerySet[Payment]:
    """Payments with a receipt of our counters on the days asked, as the reader may see them."""
    seen = payments_visible_to(ask.user) if ask.user else Payment.objects.all()
    return of_offices(seen, ask, "office").filter(
        of_days(ask, "business_date"), counter__isnull=False, receipt__isnull=False
    )


def whose(ask: Ask) -> Mapping[str, str]:
    """Whose rows they are: of one office, or of all that the reader sees."""
    chosen = ask.more.get("office")
    if chosen is None:
        return {_("Offices"): _("all that the reader sees")}
    return {_("Offices"): _("%(office)s and below") % {"office": chosen.name}}


def stamp(ask: Ask) -> Mapping[str, str]:
    """The same, and whether they may still change: a closed day changes no more."""
    kept = OfficeDay.objects.filter(
        office__in=offices(ask), business_date__range=days_of(ask)
    ).aggregate(
        open=Count("pk", filter=Q(state=OfficeDay.State.OPEN)),
        closed=Count("pk", filter=Q(state=OfficeDay.State.CLOSED)),
    )
    return {
        **whose(ask),
        _("Office days"): _("%(closed)s closed, %(open)s open")
        % {"closed": count(kept["closed"]), "open": count(kept["open"])},
    }


def receipt_url(payment: Payment) -> str:
    """The page of a payment's receipt, which who sees the register may open."""
    given = getattr(payment, "receipt", None)
    if given is None:
        return ""
    return page_url("payments:receipt", given.series, given.year, given.number)


def day_words(ask: Ask) -> str:
    """``on 18-08-2026``, or ``from ... to ...``."""
    first, last = days_of(ask)
    if first == last:
        return _("on %(day)s") % {"day": f"{first:%d-%m-%Y}"}
    return _("from %(first)s to %(last)s") % {
        "first": f"{first:%d-%m-%Y}",
        "last": f"{last:%d-%m-%Y}",
    }


def lines_in_words(number: int) -> str:
    """``1 line``, ``12 lines``."""
    return ngettext("%(count)s line", "%(count)s lines", number) % {"count": count(number)}
