"""What the books tell on other parts' pages: whether the bank has credited a slip."""

from collections.abc import Sequence

from django.urls import reverse
from django.utils.translation import gettext as _

from channels_.panels import Line, Panel
from cspdcl.ui.looks import Look
from payments.models import Deposit
from people.access import Somebody, has_role
from people.roles import READERS
from reconciliation.models import Book, Break, Entry, Match, MatchLine, Stage


def of_deposit(user: Somebody, deposit: Deposit) -> Sequence[Panel]:
    """The bank's credit of a slip, or the break that names it, or that it is still awaited."""
    lines = _credits(deposit) or _breaks(user, deposit) or [_awaited()]
    return [Panel(code="credit", title=_("In the bank"), lines=lines, empty="")]


def _credits(deposit: Deposit) -> list[Line]:
    """The credits that explain the slip's receipts."""
    ours = Entry.objects.filter(book=Book.RECEIPTS, deposit_ref=deposit.reference)
    matched = MatchLine.objects.filter(
        entry__in=ours.values("pk"), stage=Stage.BANK, is_live=True
    ).values("match_id")
    theirs = Entry.objects.filter(
        book=Book.BANK,
        pk__in=MatchLine.objects.filter(
            match__in=Match.objects.filter(pk__in=matched), is_live=True
        ).values("entry_id"),
    )
    return [
        Line(
            text=_("credited on %(day)s") % {"day": f"{one.business_date:%d-%m-%Y}"},
            sub=one.utr or one.narration,
            look=Look(_("matched"), "ok"),
        )
        for one in theirs.order_by("business_date", "pk")
    ]


def _breaks(user: Somebody, deposit: Deposit) -> list[Line]:
    found = Break.objects.filter(
        state=Break.State.OPEN, stage=Stage.BANK, reference=deposit.reference
    )
    reads = has_role(user, *READERS)
    return [
        Line(
            text=one.get_reason_display(),
            sub=f"{one.business_date:%d-%m-%Y}",
            url=reverse("reconciliation:break", args=[one.public_id]) if reads else "",
            look=Look(_("open"), "open"),
        )
        for one in found.order_by("pk")
    ]


def _awaited() -> Line:
    return Line(
        text=_("The bank's statement has not told of it yet."), look=Look(_("waits"), "wait")
    )
