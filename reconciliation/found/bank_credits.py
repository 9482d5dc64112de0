"""Credits in the bank that no notice told of: for whom they are, and what becomes of them.

A credit is identified by what its line names (virtual account, consumer number, business partner)
or by a payer who was known before. What is done then is agreed per channel of transfers, in its
settings: a person decides, or the payment is made at once. It is made once: keyed by the line.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import ClassVar, Final

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from channels_.contract import Method
from channels_.models import Channel
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import DomainError
from payments import found
from payments.found import Found
from payments.models import Consumer
from people import audit
from reconciliation import locks
from reconciliation.desk import decisions
from reconciliation.found import payers
from reconciliation.models import (
    Book,
    Break,
    BreakLine,
    Decision,
    Entry,
    Evidence,
    Kind,
    Reason,
    Run,
    Stage,
)

SETTING: Final = "identified_credits"  # in Channel.settings
PROPOSE: Final = "propose"  # a person decides
NAMED: Final = "named"  # at once, where the line itself names the consumer
ALL: Final = "all"  # at once, also for a known payer

REASONS: Final = (Reason.UNIDENTIFIED_CREDIT, Reason.MISSING_IN_BOOKS)
BATCH: Final = 500

_METHODS: Final = {one.value.upper(): one for one in (Method.NEFT, Method.RTGS, Method.IMPS)}

log = logging.getLogger(__name__)


class NoChannel(DomainError):
    """Nobody has said through which channel payers send money to this account."""

    code: ClassVar[str] = "no_channel"


@dataclass(frozen=True, slots=True)
class Identified:
    """For whom a credit is, and how that is known."""

    consumer: Consumer
    how: Evidence.How


def waiting() -> QuerySet[Break]:
    """The open breaks that are credits without a payment, each with ``entry_id`` of its line."""
    line = BreakLine.objects.filter(open_break=OuterRef("pk"))
    return (
        Break.objects.filter(
            state=Break.State.OPEN, stage=Stage.BANK, book=Book.BANK, reason__in=REASONS
        )
        .annotate(entry_id=line.order_by("entry_id").values("entry_id")[:1])
        .select_related("channel", "bank_account")
    )


def entry_of(open_break: Break) -> Entry:
    """The credit of such a break."""
    lines = BreakLine.objects.filter(open_break=open_break).select_related(
        "entry__channel", "entry__bank_account"
    )
    return lines.order_by("entry_id")[0].entry


def channel_of(entry: Entry) -> Channel:
    """The channel whose payers send money to the account of a credit. Raises NoChannel."""
    if entry.channel is not None:
        if entry.channel.route != Channel.Route.TRANSFER:
            raise NoChannel(f"{entry.channel.code} is no channel of transfers")
        return entry.channel
    some = list(
        Channel.objects.filter(
            bank_account=entry.bank_account_id, route=Channel.Route.TRANSFER
        ).order_by("-is_live", "position", "code")[:2]
    )
    if not some or (len(some) == 2 and some[0].is_live == some[1].is_live):
        raise NoChannel(
            f"expected one channel of transfers into {entry.bank_account}, found "
            f"{'none' if not some else 'several'}"
        )
    return some[0]


def identify(entries: Sequence[Entry]) -> Mapping[int, Identified]:
    """Who each credit is for, by its id; what nobody is sure of is left out. Three queries."""
    numbers = {entry.consumer_number for entry in entries} - {""}
    by_number = {one.number: one for one in Consumer.objects.filter(number__in=numbers)}
    unnamed = [entry.narration for entry in entries if not entry.consumer_number]
    by_payer = payers.known(unnamed)
    by_pk = Consumer.objects.in_bulk(set(by_payer.values()))
    answer: dict[int, Identified] = {}
    for entry in entries:
        if entry.amount_paise <= 0 or entry.kind != Kind.TRANSFER:
            continue
        named = by_number.get(entry.consumer_number)
        known = by_pk.get(by_payer.get(entry.narration, 0))
        if named is not None:
            answer[entry.pk] = Identified(named, Evidence.How.NAMED)
        elif known is not None and not entry.consumer_number:
            answer[entry.pk] = Identified(known, Evidence.How.PAYER)
    return answer


def follow(run: Run) -> int:
    """After a run: learn who pays for whom, and take in what may be taken at once.

    Returns the payments made; the next run matches them.
    """
    with transaction.atomic():
        payers.learn_of(run)
    return sum(_take_in(channel) for channel in _channels_at_once())


def _channels_at_once() -> list[Channel]:
    """The channels whose credits are not left to a person."""
    some = Channel.objects.filter(route=Channel.Route.TRANSFER).order_by("pk")
    return [one for one in some if policy_of(one) != PROPOSE]


def policy_of(channel: Channel) -> str:
    """What was agreed for identified credits; a word that says nothing leaves it to a person."""
    told = channel.settings.get(SETTING, PROPOSE)
    return told if told in (NAMED, ALL) else PROPOSE


def _take_in(channel: Channel) -> int:
    """All waiting credits of one channel that are identified well enough, batch by batch."""
    made, after = 0, 0
    undecided = Decision.objects.filter(open_break=OuterRef("pk"), state=Decision.State.PROPOSED)
    while True:
        with transaction.atomic():
            locks.hold_books_open()
            rows = list(
                waiting()
                .filter(~Exists(undecided), channel=channel, pk__gt=after)
                .order_by("pk")
                .select_for_update(of=("self",))[:BATCH]
            )
            made += _take_batch(channel, rows)
        if len(rows) < BATCH:
            return made
        after = rows[-1].pk


def _take_batch(channel: Channel, breaks: Sequence[Break]) -> int:
    entries = Entry.objects.in_bulk([one.entry_id for one in breaks])  # type: ignore[attr-defined]
    # What a person took back stays with people.
    taken = set(Evidence.objects.filter(entry__in=entries).values_list("entry_id", flat=True))
    free = [entry for pk, entry in sorted(entries.items()) if pk not in taken]
    is_all = policy_of(channel) == ALL
    sure = {
        pk: one for pk, one in identify(free).items() if is_all or one.how == Evidence.How.NAMED
    }
    held = found.held_refs(channel, [ref_of(entries[pk]) for pk in sure])
    seen: set[str] = set(held)
    made = 0
    for open_break in breaks:
        entry = entries[open_break.entry_id]  # type: ignore[attr-defined]
        one = sure.get(entry.pk)
        if one is None or ref_of(entry) in seen:
            continue
        seen.add(ref_of(entry))
        how = Evidence.How(one.how)
        make(entry, shares=[(one.consumer, entry.amount_paise)], how=how, actor="identified")
        decisions.close(open_break, why=str(how.label))
        audit.record(
            audit.SYSTEM,
            "credit.identified",
            ("break", open_break.public_id),
            after={"consumer": one.consumer.number, "amount_paise": entry.amount_paise, "how": how},
        )
        made += 1
    if made:
        log.info("%s credits of %s were identified", made, channel.code)
    return made


def make(
    entry: Entry,
    *,
    shares: Sequence[tuple[Consumer, int]],
    how: Evidence.How,
    actor: str,
    decision: Decision | None = None,
) -> list[Evidence]:
    """Make a credit the payments of its consumers, whole. The caller holds the break's lock.

    Raises AlreadyHeld when a payment carries the credit's reference.
    """
    channel = channel_of(entry)
    name = _free_name(entry)
    several = len(shares) > 1
    # A share is no notice's payment; but whoever tells of the whole later must be refused.
    if several and found.held_refs(channel, [name]):
        raise found.AlreadyHeld(f"a payment of {channel.code} carries {name} already")
    told = [
        Found(
            channel=channel,
            channel_ref=f"{name}/{part + 1}" if several else name,
            amount_paise=paise,
            at=moment_of(entry),
            consumer=consumer,
            method=method_of(entry),
            utr=entry.utr,
            rrn=entry.rrn,
        )
        for part, (consumer, paise) in enumerate(shares)
    ]
    payments = found.take(told, cause=_cause(entry), actor=actor)
    return Evidence.objects.bulk_create(
        Evidence(
            entry=entry, part=part, payment_reference=payment.reference, how=how, decision=decision
        )
        for part, payment in enumerate(payments)
    )


def ref_of(entry: Entry) -> str:
    """How a notice would name this credit; a credit that nobody can name goes by its line."""
    return (entry.utr or entry.rrn or f"line-{entry.pk}")[:48]


def _free_name(entry: Entry) -> str:
    """Its name, told apart from the payments that were taken back."""
    rounds = Evidence.objects.filter(entry=entry, part=0, undone_at__isnull=False).count()
    return f"{ref_of(entry)}~{rounds + 1}" if rounds else ref_of(entry)


def moment_of(entry: Entry) -> datetime:
    """When a credit came: the bank tells the day, seldom more."""
    return entry.occurred_at or datetime.combine(entry.business_date, time(12), INDIA)


def method_of(entry: Entry) -> Method:
    """How it came, where the narration says so."""
    words = entry.narration.upper().replace("/", " ").replace("-", " ").replace("*", " ").split()
    named = {_METHODS[word] for word in words if word in _METHODS}
    named |= {Method.UPI} if "UPI" in words else set()
    return named.pop() if len(named) == 1 else Method.UNKNOWN


def _cause(entry: Entry) -> str:
    account = entry.bank_account.code if entry.bank_account else "bank"
    return f"credit in {account}, line {entry.line}"


def live_evidence(entry: Entry) -> QuerySet[Evidence]:
    """The payments that a line is now."""
    return Evidence.objects.filter(entry=entry, undone_at=None).order_by("part")
