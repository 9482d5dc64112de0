"""Where one rupee is: what each book says of a payment, in the words of the page that shows it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.models import Q
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_.models import Channel
from cspdcl.kernel.money import grouped_rupees
from cspdcl.ui.templatetags.ui import ago, count, day, instant
from payments.models import Payment
from payments.states import State
from reconciliation import looks, selectors
from reconciliation.desk import explain
from reconciliation.models import Book, Break, Entry, Match, Rule, Stage
from reconciliation.rulebook.rules import Key
from reconciliation.selectors import BookStep, Posting

Shown = Mapping[str, Any]

_UNPAID: Final = (State.CREATED, State.PENDING, State.FAILED)


class Story:
    """One payment over all books. ``reads_books`` false keeps other people's money out of it."""

    def __init__(self, payment: Payment, *, reads_books: bool) -> None:
        self.payment = payment
        self.reads_books = reads_books
        self.steps = selectors.books_of(payment)
        self.posting = selectors.posting_of(self.steps[0].entry)
        self.receipt = getattr(payment, "receipt", None)
        self.line_breaks = _breaks_of(self.line)

    # ---- what the steps say ----

    @property
    def entry(self) -> Entry | None:
        """Our receipt as the books hold it; None until a run has taken it in."""
        return self.steps[0].entry

    @property
    def line(self) -> Entry | None:
        """The channel's line, for channels that send a report."""
        return self.steps[1].entry if len(self.steps) == 3 else None

    @property
    def credit(self) -> Entry | None:
        """The bank's credit that holds this payment, or is disputed as its own."""
        return self.steps[-1].entry or _credit_in(self.steps[-2].open_break)

    @property
    def open_break(self) -> Break | None:
        """The first thing that is not explained, on the way of the rupee."""
        found = [self.steps[0].open_break, self.line_breaks.get(Stage.CHANNEL)]
        found += [step.open_break for step in self.steps[1:]]
        found += [self.posting.step.open_break] if self.posting else []
        return next((one for one in found if one), None)

    @property
    def is_in_bank(self) -> bool:
        """Whether a live match joins it to a credit."""
        return self.credit is not None and self.steps[-2].match is not None

    @property
    def is_set_off(self) -> bool:
        """Whether its settlement was matched and paid nothing out."""
        return self.credit is None and len(self.steps) == 3 and self.steps[1].match is not None

    @property
    def is_posted(self) -> bool:
        """Whether a live match joins it to a posting of the ERP."""
        step = self.posting.step if self.posting else None
        return step is not None and step.match is not None and step.entry is not None

    # ---- sentences ----

    def answer(self) -> tuple[str, str]:
        """The one sentence that answers, and what follows it."""
        paid = self.payment
        if paid.state in _UNPAID:
            return self._answer_unpaid()
        if paid.state == State.REVERSED:
            return _("The payment was cancelled and the money given back."), _(
                "Its receipt is not valid any more; the bill is open again."
            )
        if self.open_break is not None:
            words = explain.sentence(self.open_break) if self.reads_books else ""
            valid = _("The receipt is valid.") if self.receipt else ""
            return _("The money is not explained in all books yet."), f"{words} {valid}".strip()
        if self.is_in_bank and self.credit is not None:
            since = _("The money is in our bank since %(day)s.")
            more = [_("The receipt is valid."), self._posted_words()]
            return since % {"day": _when(self.credit)}, " ".join(filter(None, more))
        return self._answer_on_the_way()

    def _posted_words(self) -> str:
        """Where it stands in the ERP; nothing where no posting is expected of it."""
        told = self.posting
        if told is None:
            return ""
        if self.is_posted and told.step.entry is not None:
            words = _("%(erp)s posted it on %(day)s.")
            return words % {"erp": told.system, "day": day(told.step.entry.business_date)}
        words = _("Its posting in %(erp)s is expected by %(day)s.")
        return words % {"erp": told.system, "day": day(told.due_on)}

    def _answer_unpaid(self) -> tuple[str, str]:
        if self.open_break is not None:
            words = explain.sentence(self.open_break) if self.reads_books else ""
            return _("We hold it as unpaid, and another book says it was paid."), words
        if self.payment.state == State.FAILED:
            return _("It failed; no money reached us."), ""
        if self.payment.state == State.PENDING:
            return _("The channel has not said yet whether it was paid."), ""
        return _("It was started, and nothing was paid yet."), ""

    def _answer_on_the_way(self) -> tuple[str, str]:
        valid = _("The receipt is valid.")
        if self.is_set_off:
            return _("Its settlement was set off and paid nothing out."), valid
        if self.entry is None:
            return _("It is paid; the books take it in with the next run."), valid
        if self.payment.channel.route == Channel.Route.DEPOSIT and not self.payment.deposit_id:
            return _("It is at the counter: on no deposit slip yet."), valid
        waits = self.line if self.line is not None else self.entry
        words = _("It is paid; the credit of the bank is expected by %(day)s.")
        if len(self.steps) == 3 and self.line is None:
            words = _("It is paid; the line of %(channel)s is expected by %(day)s.")
        facts = {"day": day(waits.due_on), "channel": self.payment.channel.name}
        return words % facts, valid

    def say(self) -> str:
        """What may be said to a consumer who calls, true whatever comes."""
        paid = self.payment
        if paid.state in _UNPAID and self.open_break is not None:
            return _("We are looking into this payment. Please do not pay again; ask us tomorrow.")
        if paid.state == State.FAILED:
            return _(
                "This attempt failed and no money reached us. What was taken from your account for "
                "it is given back by your bank."
            )
        if paid.state in _UNPAID:
            return _("Your bank has not told us yet. Please do not pay again; ask us tomorrow.")
        if paid.state == State.REVERSED:
            return _("This payment was cancelled at the counter; the bill is still to be paid.")
        if paid.duplicate_of_id:
            return _(
                "You paid this twice. We hold both payments; the office decides on the second."
            )
        words = _("Paid on %(day)s. Your receipt is %(receipt)s, and it is valid.")
        return words % {
            "day": day(paid.business_date),
            "receipt": self.receipt.label if self.receipt else self.payment.reference,
        }

    # ---- the strip ----

    def books(self) -> list[Shown]:
        """The books for components/fourbooks.html."""
        shown = [self._receipt_book()]
        if len(self.steps) == 3:
            shown.append({**self._line_book(), "link": self._link(self.steps[0])})
        shown.append({**self._bank_book(), "link": self._link(self.steps[-2])})
        if self.posting is not None:
            shown.append({**self._posting_book(self.posting), "link": self._posting_link()})
        elif self.payment.state == State.SUCCEEDED:
            shown.append(_no_posting())
        return shown

    def _receipt_book(self) -> Shown:
        paid = self.payment
        facts: list[Shown] = [{"label": _("Ref."), "text": paid.reference, "is_id": True}]
        if self.receipt is not None:
            place = [self.receipt.series, self.receipt.year, self.receipt.number]
            facts.append(
                {
                    "label": _("Receipt"),
                    "text": self.receipt.label,
                    "url": reverse("payments:receipt", args=place),
                    "is_id": True,
                }
            )
        return {
            "title": _("Our receipt"),
            **self._receipt_word(),
            "paise": paid.amount_paise,
            "when": instant(paid.succeeded_at or paid.created_at),
            "facts": facts,
        }

    def _receipt_word(self) -> Shown:
        if self.payment.state == State.REVERSED:
            return {"word": _("cancelled"), "tone": "open", "icon": "arrow-back-up"}
        if self.receipt is not None:
            return {"word": _("issued"), "tone": "ok"}
        return {"word": State(self.payment.state).label, "tone": "wait"}

    def _line_book(self) -> Shown:
        title = _("%(channel)s line") % {"channel": self.payment.channel.name}
        line = self.line
        if line is None:
            return {"title": title, **self._missing(self.steps[0]), "paise": None, "facts": []}
        return {
            "title": title,
            **self._found(self.steps[0]),
            "paise": line.amount_paise,
            "when": _file_of(line),
            "facts": [
                {"label": _("Fee"), "paise": -line.fee_paise},
                {"label": _("GST on the fee"), "paise": -line.tax_paise},
                {"label": _("Net"), "paise": line.net_paise},
                *self._fee_break(),
            ],
        }

    def _fee_break(self) -> list[Shown]:
        found = self.line_breaks.get(Stage.FEE)
        if found is None or not self.reads_books:
            return []
        words = {"label": _("Rate card"), "text": _("fee differs")}
        return [{**words, "url": reverse("reconciliation:break", args=[found.public_id])}]

    def _bank_book(self) -> Shown:
        credit, before = self.credit, self.steps[-2]
        ours = self.line.net_paise if self.line is not None else self.payment.amount_paise
        if credit is None:
            if self.is_set_off:
                words = {"word": _("set off"), "tone": "ok", "when": _("nothing was paid out")}
                return {"title": _("Bank credit"), **words, "paise": None, "facts": []}
            return {
                "title": _("Bank credit"),
                **self._missing(before),
                "paise": None,
                "facts": self._slip(),
            }
        facts: list[Shown] = [{"label": _("Our part"), "paise": ours}]
        if self.reads_books:
            utr = [{"label": "UTR", "text": credit.utr, "is_id": True}] if credit.utr else []
            facts = [*utr, *self._slip(), *facts]
        return {
            "title": _("Bank credit"),
            **self._found(before),
            "paise": credit.amount_paise if self.reads_books else ours,
            "when": f"{credit.bank_account or ''}, {_when(credit)}",
            "facts": facts,
        }

    def _posting_book(self, told: Posting) -> Shown:
        title = _("Posting in %(erp)s") % {"erp": told.system}
        posted, step = told.step.entry, told.step
        if posted is None:
            return {"title": title, **self._unposted(told), "paise": None, "facts": []}
        state = _POSTED.get(posted.code, posted.code)
        facts: list[Shown] = [{"label": _("State"), "text": state}]
        if posted.channel_ref:
            facts.append({"label": _("Document"), "text": posted.channel_ref, "is_id": True})
        if posted.settlement_ref and self.reads_books:
            facts.append({"label": _("Lot"), "text": posted.settlement_ref, "is_id": True})
        account = posted.consumer_number or posted.order_ref
        if step.match is None and account and self.reads_books:
            facts.append({"label": _("Posted to"), "text": account, "is_id": True})
        return {
            "title": title,
            **self._found(step),
            "paise": posted.amount_paise,
            "when": day(posted.business_date),
            "facts": facts,
        }

    def _unposted(self, told: Posting) -> Shown:
        step = told.step
        if step.match is not None:  # with what undid it, or by people
            return {"word": _("set off"), "tone": "ok", "when": _("nothing is left to post")}
        if step.open_break is not None:
            return {"word": _("missing"), "tone": "open", "when": ""}
        due = _("expected by %(day)s") % {"day": day(told.due_on)}
        return {"word": _("waits"), "tone": "wait", "when": due}

    def _posting_link(self) -> Shown:
        step = self.posting.step if self.posting else None
        if step is None or step.match is None or step.open_break is not None:
            return self._gap_link(step.open_break if step else None)
        return {
            "text": _("receipt and posting agree") if self.is_posted else _("come to nothing"),
            "tone": "ok",
            "url": "",
            "label": str(step.match.rule or step.match.get_kind_display()),
        }

    def _slip(self) -> list[Shown]:
        slip = self.payment.deposit
        if slip is None:
            return []
        return [{"label": _("Deposit slip"), "text": slip.reference, "is_id": True}]

    def _found(self, before: BookStep) -> Shown:
        if before.match is not None:
            return {"word": _("matched"), "tone": "ok"}
        return {"word": _("not matched"), "tone": "open"}

    def _missing(self, before: BookStep) -> Shown:
        if before.open_break is not None:
            return {"word": _("missing"), "tone": "open", "when": ""}
        if self.payment.state in (*_UNPAID, State.REVERSED):
            return {"word": _("nothing"), "tone": "wait", "when": _("none is expected")}
        if before.entry is None:
            return {"word": _("waits"), "tone": "wait", "when": ""}
        if self.payment.channel.route == Channel.Route.DEPOSIT and not self.payment.deposit_id:
            return {"word": _("waits"), "tone": "wait", "when": _("on no deposit slip yet")}
        due = _("expected by %(day)s") % {"day": day(before.entry.due_on)}
        return {"word": _("waits"), "tone": "wait", "when": due}

    def _link(self, before: BookStep) -> Shown:
        if before.match is not None:
            return _match_link(before.match)
        found = before.open_break
        if found is None and before is self.steps[0]:
            found = self.line_breaks.get(Stage.CHANNEL)
        return self._gap_link(found)

    def _gap_link(self, found: Break | None) -> Shown:
        if found is not None:
            age = _("open %(age)s") % {"age": ago(found.business_date)}
            url = reverse("reconciliation:break", args=[found.public_id])
            return {
                "text": looks.reason_of(found),
                "tone": "open",
                "url": url if self.reads_books else "",
                "label": age,
            }
        waits = self.payment.state == State.SUCCEEDED
        return {"text": _("not yet") if waits else "", "tone": "wait", "url": "", "label": ""}

    # ---- the timeline ----

    def events(self) -> list[Shown]:
        """What the books add to the payment's own timeline."""
        rows: list[dict[str, Any]] = []
        for step, entry in ((self.steps[0], self.line), (self.steps[-2], self.credit)):
            if entry is not None:
                settlement = self.line.settlement_ref if self.line else ""
                rows.append(_arrival(entry, settlement, reads_books=self.reads_books))
            if step.match is not None and step.match.run is not None:
                rows.append(_matched(step.match))
        found = [step.open_break for step in self.steps] + list(self.line_breaks.values())
        if self.posting is not None:
            step = self.posting.step
            if step.entry is not None:
                rows.append(_posted(step.entry, self.posting))
            if step.match is not None and step.match.run is not None:
                rows.append(_matched(step.match))
            found.append(step.open_break)
        rows += [_opened(one) for one in found if one]
        return [row for n, row in enumerate(rows) if row not in rows[:n]]


def _no_posting() -> Shown:
    return {
        "title": _("Posting in the ERP"),
        "word": _("not compared"),
        "tone": "wait",
        "paise": None,
        "when": _("no posting is expected of it"),
        "facts": [],
        "link": {"text": _("not compared"), "tone": "wait", "url": "", "label": ""},
    }


_POSTED: Final[Mapping[str, str | Promise]] = {
    "cleared": gettext_lazy("cleared"),
    "on_account": gettext_lazy("on account"),
    "clarification": gettext_lazy("in clarification"),
}


def _posted(posted: Entry, told: Posting) -> dict[str, Any]:
    words = _("%(erp)s posted it") if posted.amount_paise > 0 else _("%(erp)s took it back")
    return {
        "at": posted.loaded_at,
        "text": words % {"erp": told.system},
        "icon": "file-invoice",
        "paise": posted.amount_paise,
        "by": _file_of(posted),
        "tone": "",
    }


def _breaks_of(line: Entry | None) -> dict[str, Break]:
    """What is open about a channel's line, but for its settlement: by stage."""
    if line is None:
        return {}
    found = Break.objects.filter(
        lines__entry=line, stage__in=[Stage.CHANNEL, Stage.FEE], state=Break.State.OPEN
    ).select_related("channel")
    return {one.stage: one for one in found}


def _credit_in(open_break: Break | None) -> Entry | None:
    """The credit that an open break speaks of: short, in excess, or of another amount."""
    if open_break is None:
        return None
    return (
        Entry.objects.filter(break_lines__open_break=open_break, book=Book.BANK)
        .select_related("file", "bank_account")
        .first()
    )


def _match_link(match: Match) -> Shown:
    if match.rule is None:
        return {"text": match.get_kind_display(), "tone": "ok", "url": "", "label": ""}
    text = _("same %(key)s") % {"key": Key(match.rule.key).label.removeprefix("the ")}
    if match.rule.cardinality == Rule.Cardinality.MANY_TO_ONE:
        others = match.lines.filter(~Q(entry__book=Book.BANK), is_live=True).count()
        if others > 1:
            text = _("1 of %(lines)s lines, the sum agrees") % {"lines": count(others)}
    return {"text": text, "tone": "ok", "url": "", "label": str(match.rule)}


def _file_of(entry: Entry) -> str:
    if entry.file is None:
        return day(entry.business_date)
    return _("file of %(at)s, line %(line)s") % {
        "at": instant(entry.file.loaded_at, "minute"),
        "line": count(entry.line),
    }


def _when(entry: Entry) -> str:
    """The minute, when the bank tells it; else its day."""
    return instant(entry.occurred_at, "minute") if entry.occurred_at else day(entry.business_date)


def _arrival(entry: Entry, settlement: str, *, reads_books: bool) -> dict[str, Any]:
    if entry.book == Book.BANK:
        text = _("%(bank)s credited %(what)s") % {
            "bank": entry.bank_account or _("The bank"),
            "what": settlement or _("it"),
        }
        icon, paise = "building-bank", entry.amount_paise if reads_books else None
    else:
        text = _("%(channel)s lists it") % {"channel": entry.channel}
        icon, paise = "file-text", entry.amount_paise
    by = _file_of(entry)
    return {"at": entry.loaded_at, "text": text, "icon": icon, "paise": paise, "by": by, "tone": ""}


def _matched(match: Match) -> dict[str, Any]:
    run = match.run
    return {
        "at": (run.finished_at or run.started_at) if run else None,
        "text": explain.match_sentence(match),
        "icon": "",
        "tone": "ok",
        "by": _("run of %(day)s") % {"day": day(run.business_date)} if run else "",
    }


def _opened(open_break: Break) -> dict[str, Any]:
    return {
        "at": open_break.opened_at,
        "text": looks.reason_of(open_break),
        "icon": "",
        "tone": "open",
        "by": _("%(amount)s at stake") % {"amount": grouped_rupees(open_break.amount_paise)},
    }


def repeats_in_words(times: int) -> str:
    """How often a message came again, for the end of its line."""
    return ngettext(
        "came again once; nothing changed", "came again %(times)s times; nothing changed", times
    ) % {"times": count(times)}


def newest_first(rows: Sequence[Shown]) -> list[Shown]:
    """A timeline as the page reads it."""
    return sorted(rows, key=lambda row: row["at"])[::-1]


# ---- the same for a program ----


def as_data(payment: Payment) -> Shown:
    """A payment's story as the API tells it, to whoever reads the books."""
    told = Story(payment, reads_books=True)
    answer, more = told.answer()
    return {
        "reference": payment.reference,
        "state": payment.state,
        "amount_paise": payment.amount_paise,
        "answer": answer,
        "more": more,
        "say": told.say(),
        "is_in_bank": told.is_in_bank,
        "is_posted": told.is_posted,
        "books": [_book_as_data(step, told) for step in told.steps] + _posting_as_data(told),
    }


def _posting_as_data(told: Story) -> list[Shown]:
    """The fourth book, where it is compared."""
    posting = told.posting
    if posting is None:
        return []
    return [{**_book_as_data(posting.step, told), "due_on": posting.due_on}]


_ENTRY_FACTS: Final = (
    "business_date", "due_on", "occurred_at", "loaded_at", "amount_paise", "fee_paise",
    "tax_paise", "net_paise", "utr", "line",
)  # fmt: skip


def _book_as_data(step: BookStep, told: Story) -> Shown:
    entry, match = step.entry, step.match
    gap = step.open_break
    if gap is None and step.book == Book.CHANNEL:
        gap = told.line_breaks.get(Stage.CHANNEL) or told.line_breaks.get(Stage.FEE)
    return {
        "book": step.book,
        **{name: getattr(entry, name) if entry else None for name in _ENTRY_FACTS},
        "file": entry.file.name if entry and entry.file else None,
        "match": match
        and {
            "kind": match.kind,
            "matched_on": match.matched_on,
            "explanation": explain.match_sentence(match),
        },
        "gap": gap
        and {
            "id": gap.public_id,
            "reason": gap.reason,
            "amount_paise": gap.amount_paise,
            "explanation": explain.sentence(gap),
        },
    }
