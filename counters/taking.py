"""Money taken by our own people: one hand-over, its payments, receipts and papers, or nothing.

One payer hands over some tenders for some shares. Each pair of a tender and a share is a payment
with a receipt of its own, so that a bounced cheque undoes exactly what it paid. The page, the API,
queues of offline counters and sheets of bulk payers all come through ``take``.

Locks, always in this order: office day, shift, words (the form's key, payers, dues, papers), the
counter's receipt series, grants of supervisors.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from channels_.contract import Method
from channels_.models import Channel
from counters import bars, cash_rules, days, overrides, papers, shifts, tenders, twins
from counters.asked import (
    HandOver,
    NotTaken,
    PaidMeanwhile,
    ShareAsked,
    Taken,
    check_money,
    day_of,
    merged,
    parts_of,
    tender_of,
    why_not_then,
)
from counters.cash_rules import RuleStops
from counters.making import (
    Made,
    Window,
    cause_of,
    collection_of,
    instrument_of,
    payment_of,
    scope_of,
    tender_row,
)
from counters.models import (
    CashRule,
    Collection,
    CollectionLine,
    Instrument,
    OfficePolicy,
    Override,
    Share,
    Shift,
)
from counters.owing import Dues, dues_of_each
from counters.policy import cash_rules as rules_in_force
from counters.policy import policy_of
from counters.states import PaperState
from counters.tenders import Part, TenderAsked
from cspdcl.kernel.clock import business_date, financial_year, now
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from outgoing import port
from payments import receipts
from payments.actions import SubmittedBefore, advance, lock_words
from payments.consumers import mobile_of
from payments.models import Bill, Consumer, Counter, Payment, PaymentEvent, Receipt, Tender
from payments.selectors import COUNTER_ADAPTER
from payments.states import State
from people import audit
from people.models import User

__all__ = [
    "HandOver",
    "NotTaken",
    "PaidMeanwhile",
    "ShareAsked",
    "Taken",
    "TenderAsked",
    "receipts_given",
    "take",
    "take_held",
    "take_one",
]


# ---- taking ----


def take_one(counter: Counter, *, clerk: User, asked: HandOver) -> Taken:
    """Take one hand-over; what refuses it is raised. The same key twice gives the same receipts."""
    (taken,) = take(counter, clerk=clerk, asked=[asked])
    if taken.refusal is not None:
        raise taken.refusal
    return taken


def receipts_given(counter: Counter, *, clerk: User, submit_key: str) -> tuple[Receipt, ...]:
    """The receipts that this key has given before, if it has."""
    made = _known(scope_of(counter, clerk), [submit_key]).get(submit_key)
    return _receipts_of(made) if made else ()


@transaction.atomic
def take(
    counter: Counter, *, clerk: User, asked: Sequence[HandOver], shift: Shift | None = None
) -> list[Taken]:
    """Take many at once, all that may be taken in one transaction; one answer each, in order.

    What was taken before is answered even when the shift is over. Only what a window took offline
    names its ``shift``, which may be one of an earlier day that is open still.
    """
    if not counter.is_open:
        raise NotTaken(_("Counter %(counter)s is closed.") % {"counter": counter.code})
    asked = [merged(one) for one in asked]
    known = _known(scope_of(counter, clerk), [one.submit_key for one in asked])
    if all(one.submit_key in known for one in asked):
        return [_again(one, known[one.submit_key]) for one in asked]
    till = _Till.open(counter, clerk=clerk, asked=asked, shift=shift)
    answers = [till.take(one) for one in asked]
    till.store()
    return [till.answer(one) for one in answers]


@transaction.atomic
def take_held(instrument: Instrument, *, by: User) -> Taken:
    """Take a post-dated cheque on its day: payments and receipts now; the supervisor has it."""
    counter = Counter.objects.select_related("office").get(pk=instrument.counter_id)
    shares = list(instrument.shares.select_related("consumer", "bill").order_by("pk"))
    asked = HandOver(
        submit_key=f"held-{instrument.public_id}",
        shares=[
            ShareAsked(
                consumer_number=share.consumer.number,
                amount_paise=share.amount_paise,
                bill_number=share.bill.number if share.bill else "",
            )
            for share in shares
        ],
        tenders=[tender_of(instrument)],
        payer=str(instrument.details.get("payer", "")),
    )
    known = _known(scope_of(counter, by), [asked.submit_key]).get(asked.submit_key)
    if known is not None:
        return _again(asked, known)
    till = _Till.open(counter, clerk=by, asked=[asked], keeps_shifts=False)
    (paper,) = papers.locked([instrument.pk])
    if paper.state != PaperState.HELD or paper.due_on is None or paper.due_on > till.today:
        raise NotTaken(_("Only a cheque that waited for this day is taken like this."))
    till.held = paper
    answer = till.take(asked)
    if answer.refusal is not None:
        raise answer.refusal
    cause = f"its day has come: {paper.due_on:%d-%m-%Y}"
    # First: what still waits for its day has no receipts.
    papers.move(paper, to=PaperState.RECEIVED, cause=cause, actor=by, on=till.today)
    till.store()
    papers.move(paper, to=PaperState.WITH_SUPERVISOR, cause=cause, actor=by, on=till.today)
    return till.answer(answer)


@dataclass(slots=True)
class _Answer:
    """One answer before it is stored."""

    asked: HandOver
    made: Made | None = None
    known: Collection | None = None
    held: Instrument | None = None
    is_new: bool = False
    refusal: DomainError | None = None


@dataclass(slots=True)
class _Till:
    """One request at a counter: what is known and locked, what is taken, what is to be stored."""

    window: Window
    moment: datetime
    policy: OfficePolicy
    days: Mapping[date, date]  # the day each day of the request counts for: a closed one is over
    channels: Sequence[Channel]
    consumers: Mapping[str, Consumer]
    bills: Mapping[str, Bill]
    known: dict[str, Collection]
    cash: cash_rules.Sums
    dues: dict[int, Dues] = field(default_factory=dict)
    offered: Tally[int] = field(default_factory=Tally)  # in this request, by consumer
    offered_for: Tally[int] = field(default_factory=Tally)  # the same by bill
    papers: list[Instrument] = field(default_factory=list)  # of this request
    rules: dict[date, Sequence[CashRule]] = field(default_factory=dict)
    spent: set[int] = field(default_factory=set)  # grants: each lets one through
    held: Instrument | None = None  # a paper whose day has come
    made: list[Made] = field(default_factory=list)
    waiting: list[tuple[Instrument, list[Share]]] = field(default_factory=list)
    given: dict[int, Receipt] = field(default_factory=dict)

    @property
    def counter(self) -> Counter:
        """Where it is taken."""
        return self.window.counter

    @property
    def clerk(self) -> User:
        """Who takes it."""
        return self.window.clerk

    @property
    def today(self) -> date:
        """The business day of this moment."""
        return business_date(self.moment)

    @classmethod
    def open(
        cls,
        counter: Counter,
        *,
        clerk: User,
        asked: Sequence[HandOver],
        keeps_shifts: bool | None = None,
        shift: Shift | None = None,
    ) -> "_Till":
        """Lock what stands in the way of others, and read all that the request names."""
        moment = now()
        has_shift = counter.keeps_shifts if keeps_shifts is None else keeps_shifts
        told = {day_of(one, moment) for one in asked}
        today = business_date(moment)
        is_of_drawer = has_shift and shift is None  # of today: what lies in it was taken today
        held = {today} if is_of_drawer else told
        counted = dict.fromkeys(told, today)
        counted |= _hold_days(counter, held, today=today, makes=has_shift)
        if shift is not None:
            shift = shifts.held_still_open(shift)
        elif has_shift:
            shift = shifts.held_open(counter, clerk=clerk)
        numbers = {share.consumer_number for one in asked for share in one.shares}
        rows = Consumer.objects.select_related("office").filter(number__in=numbers)
        consumers = {one.number: one for one in rows}
        scope = scope_of(counter, clerk)
        lock_words(_words(scope, asked, consumers))
        years = {financial_year(day) for day in counted.values()}
        receipts.lock(counter.code.upper(), years=years)
        names = {share.bill_number for one in asked for share in one.shares} - {""}
        return cls(
            window=Window(counter, clerk, shift),
            moment=moment,
            policy=policy_of(counter.office),
            days=counted,
            channels=list(tenders.ways()),
            consumers=consumers,
            bills={bill.number: bill for bill in Bill.objects.filter(number__in=names)},
            known=_known(scope, [one.submit_key for one in asked]),
            cash=cash_rules.cash_taken(_payers_asked(asked, consumers), days=set(counted.values())),
        )

    def take(self, asked: HandOver) -> _Answer:
        """Take one in memory, find that it was taken before, or say why not."""
        known = self.known.get(asked.submit_key)
        if known is not None:
            is_same = known.fingerprint == asked.fingerprint
            refusal = None if is_same else SubmittedBefore(_OTHER)
            return _Answer(asked, known=known if is_same else None, refusal=refusal)
        try:
            return self._taken(asked)
        except DomainError as refusal:
            return _Answer(asked, refusal=refusal)

    def _taken(self, asked: HandOver) -> _Answer:
        taken_at, day = self._when(asked)
        check_money(asked)
        self._check_shares(asked)
        waits = [one for one in asked.tenders if self._waits(one, on=day)]
        if waits and len(asked.tenders) > 1:
            words = _("A cheque of a later day is taken alone.")
            raise NotTaken(words, field="instrument_date")
        self._check_tenders(asked, on=day)
        if waits:
            return self._keep_waiting(asked)
        if (known := self._same_paper(asked)) is not None:
            return _Answer(asked, held=known)
        self._check_dues(asked)
        grants = self._grants(asked, on=day)
        made = self._make(asked, taken_at=taken_at, day=day, grants=grants)
        self.made.append(made)
        self.spent |= {one.pk for one in grants}
        self.known[asked.submit_key] = made.collection
        return _Answer(asked, made=made, is_new=True)

    # ---- what may not be taken ----

    def _when(self, asked: HandOver) -> tuple[datetime, date]:
        """The instant of it, and the day it counts for."""
        problem = why_not_then(asked, self.moment)
        if problem:
            raise NotTaken(problem)
        day = self.days[day_of(asked, self.moment)]
        taken_at = asked.taken_at or self.moment
        return (taken_at if business_date(taken_at) == day else self.moment), day

    def _check_shares(self, asked: HandOver) -> None:
        seen = set()
        for place, share in enumerate(asked.shares):
            consumer = self.consumers.get(share.consumer_number)
            if consumer is None:
                words = _("No consumer has the number %(number)s.")
                number = {"number": share.consumer_number[:20]}
                raise NotTaken(words % number, field="consumer", share=place)
            bill = self.bills.get(share.bill_number)
            if share.bill_number and (bill is None or bill.consumer_id != consumer.pk):
                words = _("Consumer %(number)s has no bill %(bill)s.")
                facts = {"number": consumer.number, "bill": share.bill_number[:20]}
                raise NotTaken(words % facts, field="bill", share=place)
            key = (consumer.pk, bill.pk if bill else None)
            if key in seen:
                words = _("Consumer %(number)s stands here twice.")
                raise NotTaken(words % {"number": consumer.number}, field="amount", share=place)
            seen.add(key)

    def _check_tenders(self, asked: HandOver, *, on: date) -> None:
        for place, one in enumerate(asked.tenders):
            found = next(tenders.problems(one, on=on, policy=self.policy), None)
            if found is not None and self.held is None:
                raise NotTaken(found.words, field=found.field, tender=place)
            if one.method is Method.CARD and len(asked.shares) > 1:
                words = _("A card slip pays for one consumer: swipe once for each.")
                raise NotTaken(words, field="tender", tender=place)

    def _waits(self, one: TenderAsked, *, on: date) -> bool:
        return tenders.is_held(one, on=on, policy=self.policy)

    def _same_paper(self, asked: HandOver) -> Instrument | None:
        """None when no paper of it is known; the one this very form has left here to wait."""
        here: list[twins.Marks] = []
        for place, one in enumerate(asked.tenders):
            if one.method not in tenders.SLIPS or self.held is not None:
                continue
            marks = twins.marks_asked(one)
            if any(twins.is_same(marks, known) for known in here):
                words = _("The same paper stands here twice.")
                raise NotTaken(words, field="instrument", tender=place)
            here.append(marks)
            twin = twins.alive_twin(marks, among=self.papers)
            if twin is None:
                continue
            if self._is_this_form(twin, asked):
                return twin
            words = _("This paper was taken already, on %(day)s at %(counter)s.")
            facts = {"day": f"{twin.received_on:%d-%m-%Y}", "counter": twin.counter.name}
            raise NotTaken(words % facts, field="instrument", tender=place)
        return None

    def _is_this_form(self, twin: Instrument, asked: HandOver) -> bool:
        told = twin.details.get("form")
        scope = self.window.scope
        return bool(told == [scope, asked.submit_key, asked.fingerprint])

    def _check_dues(self, asked: HandOver) -> None:
        """More than is due is an advance, which the clerk must say; less is a part payment."""
        judged = {
            self.consumers[one.consumer_number].pk for one in asked.shares if not one.is_advance
        }
        self.dues.update(dues_of_each(judged - self.dues.keys(), on=self.today))
        here: Tally[int] = Tally()  # by consumer: a bill and all dues are not due twice
        for place, share in enumerate(asked.shares):
            consumer = self.consumers[share.consumer_number]
            before = here[consumer.pk] + self.offered[consumer.pk]
            here[consumer.pk] += share.amount_paise
            if share.is_advance:
                continue
            bill = self.bills.get(share.bill_number)
            dues = self.dues[consumer.pk]
            due = dues.to_pay() - before
            if bill is not None:
                due = min(due, dues.to_pay(bill.number) - self.offered_for[bill.pk])
            if share.amount_paise > due:
                raise PaidMeanwhile(
                    _more_than_due(consumer, due, at=self.moment), field="amount", share=place
                )
            least = min(self.policy.part_from_paise, due)
            if share.amount_paise < least:
                words = _("A part payment is at least %(least)s.")
                facts = {"least": grouped_rupees(least)}
                raise NotTaken(words % facts, field="amount", share=place)

    def _grants(self, asked: HandOver, *, on: date) -> list[Override]:
        """The grants of a supervisor that let it through; raises the first rule without one."""
        found: list[Override] = []
        for stop in [*self._bars(asked, on=on), *self._cash_stops(asked, on=on)]:
            grant = None
            if stop.may_override:
                grant = overrides.granted(
                    self.counter,
                    clerk=self.clerk,
                    rule=stop.rule,
                    consumer_number=asked.shares[0].consumer_number,
                    amount_paise=stop.amount_paise,
                    but=self.spent | {one.pk for one in found},
                )
            if grant is None:
                raise stop
            found.append(grant)
        return found

    def _bars(self, asked: HandOver, *, on: date) -> Iterable[RuleStops]:
        cheques = sum(one.amount_paise for one in asked.tenders if one.method is Method.CHEQUE)
        if not cheques or self.held is not None:
            return
        payers = {
            share.consumer_number: self.consumers[share.consumer_number] for share in asked.shares
        }
        barred = bars.barred_among([one.pk for one in payers.values()], on=on)
        for share in asked.shares:
            consumer = payers[share.consumer_number]
            bar = papers.bar_of(consumer, on=on) if consumer.pk in barred else None
            if bar is not None:
                words = _(
                    "No cheque from consumer %(number)s until %(until)s: one came back unpaid."
                )
                facts = {"number": share.consumer_number, "until": f"{bar.until:%d-%m-%Y}"}
                yield RuleStops(
                    words % facts,
                    rule=overrides.CHEQUE_BAR,
                    may_override=True,
                    amount_paise=cheques,
                )
                return

    def _cash_stops(self, asked: HandOver, *, on: date) -> list[RuleStops]:
        if not asked.cash_paise:
            return []
        payers = self._cash_of(asked)
        return list(
            cash_rules.stops(
                self._rules(on),
                on=on,
                cash=payers,
                before=self.cash,
                total_paise=asked.cash_paise,
                has_pan=bool(asked.pan),
            )
        )

    def _rules(self, on: date) -> Sequence[CashRule]:
        """The rules on cash of a day, read once for the request."""
        if on not in self.rules:
            self.rules[on] = rules_in_force(self.counter.office, on=on)
        return self.rules[on]

    def _cash_of(self, asked: HandOver) -> dict[str, int]:
        by_partner: Tally[str] = Tally()
        for part in parts_of(asked):
            if asked.tenders[part.tender].method is Method.CASH:
                number = asked.shares[part.share].consumer_number
                by_partner[self.consumers[number].business_partner] += part.paise
        return cash_rules.payers(by_partner, pan_index=cash_rules.index_of(asked.pan))

    # ---- what is made of it ----

    def _keep_waiting(self, asked: HandOver) -> _Answer:
        """A cheque of a later day: kept with what it is for; its payments are made on its day."""
        known = self._same_paper(asked)
        if known is not None:
            return _Answer(asked, held=known)
        self._check_dues(asked)
        for stop in self._bars(asked, on=self.today):
            raise stop
        (one,) = asked.tenders
        paper = instrument_of(
            one, window=self.window, collection=None, day=self.today, is_held=True
        )
        scope = self.window.scope
        paper.details["form"] = [scope, asked.submit_key, asked.fingerprint]
        paper.details["payer"] = asked.payer
        shares = [
            Share(
                instrument=paper,
                consumer=self.consumers[share.consumer_number],
                bill=self.bills.get(share.bill_number),
                amount_paise=share.amount_paise,
            )
            for share in asked.shares
        ]
        self.papers.append(paper)
        self.waiting.append((paper, shares))
        return _Answer(asked, held=paper, is_new=True)

    def _make(
        self, asked: HandOver, *, taken_at: datetime, day: date, grants: list[Override]
    ) -> Made:
        made = Made(
            asked=asked,
            collection=collection_of(asked, window=self.window, taken_at=taken_at, day=day),
            payments=[],
            events=[],
            tenders=[],
            instruments=[],
            shares=[],
            grants=grants,
        )
        ways = self._ways(asked)
        slips: dict[int, Instrument] = {}
        for place, one in enumerate(asked.tenders):
            if one.method in tenders.SLIPS:
                paper = self.held or instrument_of(
                    one, window=self.window, collection=made.collection, day=day
                )
                slips[place] = paper
                self.papers.append(paper)
        made.instruments = [paper for paper in slips.values() if paper is not self.held]
        for part in parts_of(asked):
            share, one = asked.shares[part.share], asked.tenders[part.tender]
            payment = payment_of(
                one,
                window=self.window,
                consumer=self.consumers[share.consumer_number],
                bill=self.bills.get(share.bill_number),
                paise=part.paise,
                channel=ways[part.tender],
                taken_at=taken_at,
            )
            made.payments.append(payment)
            made.tenders.append(tender_row(payment, one))
            event = advance(
                payment,
                to=State.SUCCEEDED,
                cause=cause_of(self.counter, asked, day),
                at=taken_at,
                actor=self.clerk.username,
            )
            made.events += [event] if event is not None else []
            if part.tender in slips:
                paper = slips[part.tender]
                made.shares.append(self._share(paper, payment, part))
        for who, paise in self._cash_of(asked).items():
            self.cash[who, day] = self.cash.get((who, day), 0) + paise
        for share in asked.shares:
            bill = self.bills.get(share.bill_number)
            self.offered[self.consumers[share.consumer_number].pk] += share.amount_paise
            if bill is not None:
                self.offered_for[bill.pk] += share.amount_paise
        return made

    def _ways(self, asked: HandOver) -> list[Channel]:
        """The channel of each tender."""
        if asked.channel:
            named = next((one for one in self.channels if one.code == asked.channel), None)
            if named is None or named.adapter != COUNTER_ADAPTER:
                words = _("No counter channel is called %(code)s.")
                raise NotTaken(words % {"code": asked.channel[:24]})
            methods = {one.method for one in asked.tenders}
            if Method.CARD in methods or (Method.CASH in methods and methods & tenders.PAPER):
                words = _("Cash, papers and cards go to the bank on different ways.")
                raise NotTaken(words)
            return [named] * len(asked.tenders)
        by_method = tenders.channels_by_method(self.channels)
        missing = [one for one in asked.tenders if one.method not in by_method]
        if missing:
            place = list(asked.tenders).index(missing[0])
            words = _("No channel of the counters takes this tender.")
            raise NotTaken(words, field="tender", tender=place)
        ways = [by_method[one.method] for one in asked.tenders]
        for place, (one, way) in enumerate(zip(asked.tenders, ways, strict=True)):
            # The bank's file names a card payment by its RRN: there is one of each, ever.
            rows = Payment.objects.filter(channel=way, channel_ref=one.instrument)
            if one.method is Method.CARD and rows.exists():
                words = _("This slip was taken already.")
                raise NotTaken(words, field="instrument", tender=place)
        return ways

    def _share(self, paper: Instrument, payment: Payment, part: Part) -> Share:
        """A held paper knows what it is for: its share gets the payment now."""
        if self.held is not None:
            known = list(self.held.shares.order_by("pk"))[part.share]
            known.payment = payment
            return known
        return Share(
            instrument=paper,
            consumer=payment.consumer,
            bill=payment.bill,
            amount_paise=part.paise,
            payment=payment,
        )

    # ---- storing ----

    def store(self) -> None:
        """Write what was taken, and give the receipts last."""
        waiting = [paper for paper, _shares in self.waiting]
        Instrument.objects.bulk_create(waiting)
        Share.objects.bulk_create([share for _paper, rows in self.waiting for share in rows])
        for paper in waiting:
            audit.record(
                self.clerk,
                "instrument.held",
                paper,
                after={"due_on": paper.due_on, "amount_paise": paper.amount_paise},
                office=self.counter.office,
            )
        if not self.made:
            return
        collections = [made.collection for made in self.made]
        payments = [payment for made in self.made for payment in made.payments]
        Collection.objects.bulk_create(collections)
        Instrument.objects.bulk_create([one for made in self.made for one in made.instruments])
        Payment.objects.bulk_create(payments)
        PaymentEvent.objects.bulk_create([one for made in self.made for one in made.events])
        Tender.objects.bulk_create([one for made in self.made for one in made.tenders])
        CollectionLine.objects.bulk_create(
            [
                CollectionLine(collection=made.collection, payment=payment)
                for made in self.made
                for payment in made.payments
            ]
        )
        self._store_shares([share for made in self.made for share in made.shares])
        for made in self.made:
            for grant in made.grants:
                overrides.use(grant, collection=made.collection)
        self.given = {one.payment_id: one for one in self._receipts()}
        for payment in payments:
            audit.record(
                self.clerk,
                "payment.taken",
                payment,
                after={
                    "counter": self.counter.code,
                    "amount_paise": payment.amount_paise,
                    "receipt": self.given[payment.pk].label,
                },
                office=self.counter.office,
            )
        port.tell_many([*self._news()])

    def _receipts(self) -> Iterable[Receipt]:
        """The next numbers of the series, in the order taken; the reserved one to who has it."""
        plain = [made for made in self.made if made.asked.reserved is None]
        yield from receipts.issue([payment for made in plain for payment in made.payments])
        for made in self.made:
            if made.asked.reserved is not None:
                (payment,) = made.payments
                yield receipts.issue_reserved(payment, reserved=made.asked.reserved)

    def _store_shares(self, shares: Sequence[Share]) -> None:
        if self.held is None:
            Share.objects.bulk_create(shares)
            return
        for share in shares:
            share.save(update_fields=["payment"])
        self.held.collection = self.made[0].collection
        self.held.save(update_fields=["collection"])

    def _news(self) -> Iterable[port.News]:
        """A consumer with a mobile number learns of the receipt."""
        for made in self.made:
            for payment, tender in zip(made.payments, made.tenders, strict=True):
                mobile = mobile_of(payment.consumer) if payment.consumer else ""
                if not mobile:
                    continue
                is_cheque = payment.method == Method.CHEQUE
                receipt = self.given[payment.pk]
                facts: dict[str, Any] = {
                    "amount_paise": payment.amount_paise,
                    "consumer": payment.consumer_number,
                    "receipt": receipt.label,
                    "on": payment.business_date,
                }
                if is_cheque:
                    facts |= {"cheque": tender.instrument, "bank": tender.bank_name or "-"}
                kind = "cheque_received" if is_cheque else "receipt_issued"
                yield port.News(
                    kind=kind,
                    channel="sms",
                    key=f"{kind}:{receipt.label}",
                    to=mobile,
                    language=settings.NOTICE_LANGUAGE,
                    facts=facts,
                    about=payment,
                    office=self.counter.office,
                )

    def answer(self, one: _Answer) -> Taken:
        """The answer with its receipts, which exist by now."""
        key = one.asked.submit_key
        if one.made is not None:
            return Taken(
                submit_key=key,
                receipts=tuple(self.given[payment.pk] for payment in one.made.payments),
                collection=one.made.collection,
                is_new=True,
            )
        if one.known is None:
            return Taken(submit_key=key, held=one.held, is_new=one.is_new, refusal=one.refusal)
        in_memory = next((made for made in self.made if made.collection is one.known), None)
        given = (
            tuple(self.given[payment.pk] for payment in in_memory.payments)
            if in_memory
            else _receipts_of(one.known)
        )
        return Taken(submit_key=key, receipts=given, collection=one.known)


# ---- helpers ----

_OTHER: Final = "the key was used for another payment"


def _known(scope: str, keys: Sequence[str]) -> dict[str, Collection]:
    """What these keys have made before. PostgreSQL has no NUL, so nothing was made with one."""
    asked = [key for key in keys if "\0" not in key]
    rows = Collection.objects.filter(scope=scope, submit_key__in=asked)
    return {one.submit_key: one for one in rows.prefetch_related("lines__payment__receipt")}


def _again(asked: HandOver, known: Collection) -> Taken:
    if known.fingerprint != asked.fingerprint:
        return Taken(submit_key=asked.submit_key, refusal=SubmittedBefore(_OTHER))
    return Taken(submit_key=asked.submit_key, receipts=_receipts_of(known), collection=known)


def _receipts_of(made: Collection) -> tuple[Receipt, ...]:
    lines = sorted(made.lines.all(), key=lambda line: line.pk)
    return tuple(line.payment.receipt for line in lines)


def _hold_days(
    counter: Counter, told: Iterable[date], *, today: date, makes: bool
) -> dict[date, date]:
    """The day that each counts for: itself while it is open, else today, which must be open.

    A counter without shifts does not open a day of its office, but keeps out of a closed one.
    """
    counted = {}
    for day in sorted({*told, today}):
        try:
            if makes:
                days.office_day(counter.office, on=day)
            else:
                days.known_day(counter.office, on=day)
        except days.DayClosed:
            if day == today:
                raise
            counted[day] = today
        else:
            counted[day] = day
    return counted


def _words(scope: str, asked: Iterable[HandOver], consumers: Mapping[str, Consumer]) -> set[str]:
    """What must not be taken twice or added up twice at the same time."""
    words = {f"form:{scope}:{one.submit_key}" for one in asked}
    for one in asked:
        named = [
            consumers[share.consumer_number]
            for share in one.shares
            if share.consumer_number in consumers
        ]
        words |= {f"dues:{consumer.pk}" for consumer in named}
        # Not by its bank: the same paper may be told with another code there.
        words |= {f"paper:{t.method}:{t.instrument}" for t in one.tenders if t.instrument}
    return words | set(_payers_asked(asked, consumers))


def _payers_asked(asked: Iterable[HandOver], consumers: Mapping[str, Consumer]) -> set[str]:
    """A word for everyone whose cash of the day is added up."""
    found: set[str] = set()
    for one in asked:
        if not one.cash_paise:
            continue
        partners = {
            consumers[share.consumer_number].business_partner: 1
            for share in one.shares
            if share.consumer_number in consumers
        }
        found |= set(cash_rules.payers(partners, pan_index=cash_rules.index_of(one.pan)))
    return found


def _more_than_due(consumer: Consumer, due: int, *, at: datetime) -> str:
    """What happened: who was faster, when and where; else only what is due."""
    latest = (
        Payment.objects.filter(
            consumer=consumer, state=State.SUCCEEDED, succeeded_at__gte=at - timedelta(hours=24)
        )
        .select_related("counter", "channel")
        .order_by("-succeeded_at")
        .first()
    )
    facts: dict[str, Any] = {"due": grouped_rupees(max(due, 0)), "number": consumer.number}
    if latest is None or latest.succeeded_at is None:
        return _("Due is %(due)s. Tick “advance” to take more.") % facts
    facts["minutes"] = max(0, int((at - latest.succeeded_at).total_seconds() // 60))
    facts["where"] = latest.counter.name if latest.counter else latest.channel.name
    facts["paid"] = grouped_rupees(latest.amount_paise)
    return (
        _(
            "Consumer %(number)s paid %(paid)s %(minutes)s minutes ago at %(where)s; "
            "due is %(due)s now. Tick “advance” to take more."
        )
        % facts
    )
