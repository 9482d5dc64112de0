"""A desk for worked examples: take a payment, load files, reconcile, read the breaks.

Everything enters as it does in real life: payments with their events, files as bytes. Amounts here
are whole rupees, so that an accountant can add the examples up.
"""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from channels_.contract import Notice, NoticeKind, Outcome
from channels_.models import BankAccount, BankLineRule, Channel, LedgerSystem, StatementFile
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.money import Paise
from payments import disputes
from payments.models import Counter, Deposit, Dispute, Payment, Refund
from payments.states import State
from people.models import User
from reconciliation import engine, selectors
from reconciliation.incoming import statements
from reconciliation.models import Proof, Run
from tests import factories, played

HEADER = (
    "entity_id,type,debit,credit,amount,currency,fee,tax,settled,created_at,settled_at,"
    "settlement_id,payment_id,settlement_utr,order_id,order_receipt,method,dispute_id"
)


def at(day: date, hour: int = 12) -> datetime:
    """Noon of a day in India, or another hour."""
    return datetime.combine(day, time(hour), INDIA)


def _row(
    entity: str,
    rupees: int,
    *,
    settled_on: date,
    settlement: str,
    utr: str = "",
    kind: str = "payment",
    paid_on: date | None = None,
    fee: int = 0,
    tax: int = 0,
    payment: str = "",
    order: str = "",
    reference: str = "",
    dispute: str = "",
    method: str = "upi",
) -> str:
    paid_at = int(at(paid_on or settled_on, 11).timestamp())
    settled_at = int(at(settled_on, 15).timestamp())
    amount, fee_paise, tax_paise = rupees * 100, fee * 100, tax * 100
    comes = kind == "payment"
    credit = amount - fee_paise - tax_paise if comes else 0
    cells = [
        entity, kind, 0 if comes else amount, credit, amount, "INR", fee_paise + tax_paise,
        tax_paise, 1, paid_at, settled_at, settlement, payment, utr, order, reference, method,
        dispute,
    ]  # fmt: skip
    return ",".join(map(str, cells))


def paid(entity: str, rupees: int, **more: Any) -> str:
    """A row of the report: a payment that is settled."""
    return _row(entity, rupees, **more)


def refunded(entity: str, rupees: int, **more: Any) -> str:
    """A row of the report: money paid back out of a settlement."""
    return _row(entity, rupees, kind="refund", **more)


def taken_back(entity: str, rupees: int, *, dispute: str, **more: Any) -> str:
    """A row of the report: a chargeback."""
    return _row(entity, rupees, kind="adjustment", dispute=dispute, **more)


def adjusted(entity: str, rupees: int, **more: Any) -> str:
    """A row of the report: money the channel keeps for reasons of its own."""
    return _row(entity, rupees, kind="adjustment", **more)


POSTINGS = "KEYZ1;POSZA;OPBEL;XBLNR;VKONT;BETRZ;WAERS;BUDAT;STATUS;MARK"


def posted(
    receipt: Payment | str,
    rupees: int,
    *,
    on: date,
    document: str = "",
    consumer: str | None = None,
    state: str = "C",
    mark: str = "",
) -> str:
    """A row of the ERP's export; money that went back is marked R."""
    reference, account = receipt if isinstance(receipt, str) else receipt.reference, consumer or ""
    if consumer is None and isinstance(receipt, Payment):
        account = receipt.consumer_number
    document = document or f"{mark or 'P'}{reference.replace('-', '')[-11:]}"
    cells = [
        f"LOT{on:%y%m%d}", "", document, reference, account.zfill(12) if account else "",
        f"{rupees}.00", "INR", on.isoformat(), state, mark,
    ]  # fmt: skip
    return ";".join(cells)


@dataclass(frozen=True)
class Line:
    """One line of the bank's statement; a negative amount leaves the account."""

    rupees: int
    narration: str
    reference: str = "NONREF"
    code: str = "NTRF"
    paise: int = 0


@dataclass
class Desk:
    """The company's books in one test."""

    account: BankAccount
    channels: Mapping[str, Channel]
    counter: Counter
    clerk: User
    balances: dict[str, int] = field(default_factory=dict)
    files: int = 0

    @classmethod
    def open(cls, *, settlement_days: int = 2, credit_days: int = 0) -> "Desk":
        """A gateway of T+2, a second merchant of it, cash, cheques and bank transfers."""
        played.install_rules()
        account = factories.BankAccountFactory.create(code="bank")
        settled = {"settlement_days": settlement_days, "credit_days": credit_days}
        channels = {
            "razorpay": factories.RazorpayFactory.create(
                code="razorpay", bank_account=account, **settled
            ),
            "razorpay-two": factories.RazorpayFactory.create(
                code="razorpay-two", bank_account=account, **settled
            ),
            "cash": factories.ChannelFactory.create(code="cash", bank_account=account),
            "cheque": factories.ChannelFactory.create(code="cheque", bank_account=account),
            "neft": factories.BankTransferFactory.create(code="neft", bank_account=account),
        }
        for priority, side, words, meaning in (
            (10, "credit", "RAZORPAY", "settlement"),
            (20, "credit", "CASH DEP", "deposit"),
            (30, "debit", "CHQ RTN", "cheque_return"),
            (40, "debit", "CHARGES", "charge"),
        ):
            BankLineRule.objects.create(
                priority=priority, side=side, words=words, meaning=meaning,
                channel=channels["razorpay"] if meaning == "settlement" else None,
            )  # fmt: skip
        return cls(
            account=account,
            channels=channels,
            counter=factories.CounterFactory.create(bank_account=account),
            clerk=factories.UserFactory.create(),
        )

    def receipt(
        self, channel: str, rupees: int, *, on: date, state: str = State.SUCCEEDED, **more: Any
    ) -> Payment:
        """A payment as we hold it, with the event that made it so."""
        is_paid = state == State.SUCCEEDED
        payment: Payment = factories.PaymentFactory.create(
            channel=self.channels[channel], amount_paise=rupees * 100, business_date=on,
            state=state, succeeded_at=at(on) if is_paid else None, **more,
        )  # fmt: skip
        if state != State.PENDING:
            factories.PaymentEventFactory.create(payment=payment, to_state=state, at=at(on))
        return payment

    def success_told_late(self, payment: Payment, *, on: date) -> None:
        """A notice that comes after everything else: the payment has succeeded."""
        was = payment.state
        payment.state, payment.succeeded_at = State.SUCCEEDED, at(on)
        payment.save()
        factories.PaymentEventFactory.create(
            payment=payment, from_state=was, to_state=State.SUCCEEDED, at=at(on)
        )

    def refund(self, payment: Payment, rupees: int, *, ref: str, on: date) -> Refund:
        """A refund as we hold it."""
        refund: Refund = factories.RefundFactory.create(
            payment=payment, channel_ref=ref, amount_paise=rupees * 100, business_date=on
        )
        return refund

    def dispute_lost(self, payment: Payment, rupees: int, *, ref: str, on: date) -> Dispute:
        """The channel's verdict: the payer's bank keeps the money."""
        notice = Notice(
            kind=NoticeKind.DISPUTE, event="lost", outcome=Outcome.FAILED, dispute_ref=ref,
            channel_ref=payment.channel_ref or "", amount_paise=Paise(rupees * 100),
            occurred_at=at(on),
        )  # fmt: skip
        return disputes.note_dispute(payment.channel_id, notice=notice, at=at(on))

    def slip(self, number: str, payments: Iterable[Payment], *, on: date) -> Deposit:
        """A deposit slip that carries receipts to the bank."""
        carried = list(payments)
        deposit: Deposit = factories.DepositFactory.create(
            reference=number, channel=carried[0].channel, counter=self.counter,
            bank_account=self.account, business_date=on, made_by=self.clerk,
            amount_paise=sum(one.amount_paise for one in carried),
        )  # fmt: skip
        Payment.objects.filter(pk__in=[one.pk for one in carried]).update(deposit=deposit)
        return deposit

    def report(self, *rows: str, channel: str = "razorpay", name: str = "") -> StatementFile:
        """Load a settlement report of the gateway."""
        return self._load(channel, "\n".join([HEADER, *rows, ""]).encode(), name=name)

    def statement(self, *lines: Line, on: date, name: str = "") -> StatementFile:
        """Load the bank's statement of a day; its balances go on from the statement before."""
        opening = self.balances.get("bank", 0)
        closing = opening + sum(line.rupees * 100 + line.paise for line in lines)
        self.balances["bank"] = closing
        return self._load("bank", mt940(self.account, lines, on=on, opening=opening), name=name)

    def connect_erp(self, *, since: date, **agreed: Any) -> LedgerSystem:
        """From this day on each receipt is expected to be posted."""
        made: LedgerSystem = factories.LedgerSystemFactory.create(compared_from=since, **agreed)
        return made

    def postings(self, *rows: str, until: date | None = None, name: str = "") -> StatementFile:
        """Load an export of the ERP, with its last day where that is none of a row."""
        ends = [f"UNTIL;{until.isoformat()}"] if until else []
        return self._load("sap", "\n".join([POSTINGS, *rows, *ends, ""]).encode(), name=name)

    def undone(self, payment: Payment, *, on: date) -> Payment:
        """A payment that was cancelled, or whose cheque came back."""
        payment.state = State.REVERSED
        payment.save()
        factories.PaymentEventFactory.create(
            payment=payment, from_state=State.SUCCEEDED, to_state=State.REVERSED, at=at(on)
        )
        return payment

    def breaks_of_erp(self, day: date) -> list[tuple[str, str, int]]:
        """The open breaks against the ERP as (reason, reference, rupees), sorted."""
        return sorted(
            (one["reason"], one["reference"], one["amount_paise"] // 100)
            for one in self.breaks_as_data(day)
            if one["stage"] == "erp"
        )

    def _load(self, source: str, content: bytes, *, name: str) -> StatementFile:
        self.files += 1
        return statements.load(
            statements.source_of(source), io.BytesIO(content), name=name or f"{self.files}.txt"
        )

    def reconcile(self, day: date) -> Run:
        """Run the engine for a day; afterwards the proof must stand for every book."""
        run = engine.reconcile(day, started_by="test", verify=True)
        for proof in Proof.objects.filter(run=run):
            assert proof.closing_paise == (
                proof.opening_paise
                + proof.arrived_paise
                - proof.matched_paise
                - proof.written_off_paise
            )
        return run

    def breaks(self, day: date) -> list[tuple[str, str, int]]:
        """The open breaks as (reason, reference, rupees), sorted."""
        return sorted(
            (one["reason"], one["reference"], one["amount_paise"] // 100)
            for one in self.breaks_as_data(day)
        )

    def breaks_as_data(self, day: date) -> list[dict[str, Any]]:
        """The open breaks as the command prints them."""
        return [
            selectors.break_as_data(one, as_of=day)
            for one in selectors.with_lines(selectors.breaks_open_on(day))
        ]


def mt940(account: BankAccount, lines: Iterable[Line], *, on: date, opening: int) -> bytes:
    """A statement in MT940 with its balances."""
    closing, body = opening, []
    for line in lines:
        paise = line.rupees * 100 + line.paise
        closing += paise
        mark = "C" if paise > 0 else "D"
        body += [
            f":61:{on:%y%m%d}{on:%m%d}{mark}{_comma(abs(paise))}{line.code}{line.reference}",
            f":86:{line.narration}",
        ]
    return "\n".join(
        [
            ":20:STMT",
            f":25:{account.account_number}",
            ":28C:1/1",
            f":60F:{_balance(opening, on)}",
            *body,
            f":62F:{_balance(closing, on)}",
            "-",
            "",
        ]
    ).encode()


def _comma(paise: int) -> str:
    return f"{paise // 100},{paise % 100:02}"


def _balance(paise: int, on: date) -> str:
    return f"{'C' if paise >= 0 else 'D'}{on:%y%m%d}INR{_comma(abs(paise))}"
