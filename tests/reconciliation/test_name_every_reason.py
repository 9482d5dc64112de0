"""One fault on a sound day for each reason there is: that break is found, and no other."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from payments.models import Payment
from payments.states import State
from reconciliation.models import Reason
from tests import factories
from tests.played import use_rule
from tests.worked_examples.accounts import Desk, Line, paid, posted, refunded, taken_back

MON, WED, THU, FRI = (date(2026, 8, n) for n in (10, 12, 13, 14))
UTR: Final = "SBIN526224000001"
OTHER_UTR: Final = "SBIN526224000002"
GATEWAY: Final = {"settlement": "S1", "utr": "UTR0001", "settled_on": WED}


@pytest.fixture
def desk(db: None, settings, tmp_path: Path) -> Desk:
    settings.STATEMENTS_DIR = tmp_path / "statements"
    desk = Desk.open()
    factories.FeeRateFactory.create(
        channel=desk.channels["razorpay"], method="upi", percent=Decimal(1), tax_percent=18,
        valid_from=date(2026, 1, 1),
    )  # fmt: skip
    return desk


@dataclass
class Sound:
    """A day on which everything agrees, until a fault is planted; then it is played."""

    desk: Desk
    rows: dict[str, str] = field(default_factory=dict)
    credits: dict[str, Line] = field(default_factory=dict)
    postings: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # what a break calls our receipts

    def __post_init__(self) -> None:
        for entity, rupees in (("pay_1", 5_000), ("pay_2", 10_000)):
            self.receive(entity, rupees)
            self.rows[entity] = self.row(entity, rupees)
        self.credits["S1"] = Line(14_823, "NEFT CR RAZORPAY UTR0001")  # 15,000 less 150 and 27
        cash = [self.desk.receipt("cash", rupees, on=WED) for rupees in (100, 50)]
        self.desk.slip("DS-0001", cash, on=WED)
        self.credits["DS-0001"] = Line(150, "CASH DEP DS-0001")
        cheque = self.desk.receipt("cheque", 900, on=WED)
        factories.TenderFactory.create(payment=cheque, method="cheque", instrument="004417")
        self.desk.slip("DS-0002", [cheque], on=WED)
        self.credits["DS-0002"] = Line(900, "CLG DEP DS-0002")
        self.names["cheque"] = cheque.reference
        self.desk.receipt("neft", 700, on=WED, utr=UTR, channel_ref=UTR)
        self.credits["transfer"] = Line(700, f"NEFT CR-{UTR}-A PAYER")

    def post_in_erp(self, **cheque: str) -> None:
        """There is an ERP, and it posts all of the day; the cheque as is said."""
        self.desk.connect_erp(since=WED, clarification_days=1)
        for payment in Payment.objects.filter(business_date=WED):
            rupees = payment.amount_paise // 100
            name = "cheque" if rupees == 900 else payment.reference
            more = cheque if name == "cheque" else {}
            self.postings[name] = posted(payment, rupees, on=THU, **more)

    def receive(self, entity: str, rupees: int, **more: Any) -> None:
        """We hold a payment at the gateway."""
        payment = self.desk.receipt("razorpay", rupees, on=MON, channel_ref=entity, **more)
        self.names[entity] = payment.reference

    def row(self, entity: str, rupees: int, *, dearer: int = 0) -> str:
        """A row with the agreed fee of one per cent and its GST of eighteen; 5,000s are whole."""
        fee = rupees // 100
        return paid(entity, rupees, paid_on=MON, fee=fee + dearer, tax=fee * 18 // 100, **GATEWAY)

    def credit(self, name: str, *, more: int) -> None:
        """The bank credits so much more than agreed, or less."""
        line = self.credits[name]
        self.credits[name] = Line(line.rupees + more, line.narration)

    def play(self) -> list[tuple[str, str, int]]:
        """The files of the day, a run, and the breaks with our names of receipts."""
        self.desk.report(*self.rows.values())
        self.desk.statement(*self.credits.values(), on=WED)
        if self.postings:
            self.desk.postings(*self.postings.values(), until=FRI)
        self.desk.reconcile(WED)
        ours = {reference: name for name, reference in self.names.items()}
        return [
            (reason, ours.get(reference, reference), rupees)
            for reason, reference, rupees in self.desk.breaks(WED)
        ]


# ---- the faults: what each does to the day, and what the break must say


def _not_listed(day: Sound) -> tuple[str, int]:
    day.receive("pay_9", 50)
    return "pay_9", 50


def _not_held(day: Sound) -> tuple[str, int]:
    day.rows["pay_9"] = day.row("pay_9", 5_000)
    day.credit("S1", more=4_941)
    return "pay_9", 5_000


def _listed_with_more(day: Sound) -> tuple[str, int]:
    day.rows["pay_2"] = day.row("pay_2", 15_000)
    day.credit("S1", more=4_941)
    return "pay_2", 5_000


def _held_as_failed(day: Sound) -> tuple[str, int]:
    day.receive("pay_9", 5_000, state=State.FAILED)
    day.rows["pay_9"] = day.row("pay_9", 5_000)
    day.credit("S1", more=4_941)
    return "pay_9", 5_000


def _listed_again(day: Sound) -> tuple[str, int]:
    day.rows["again"] = day.rows["pay_1"]
    day.credit("S1", more=4_941)
    return "pay_1", 5_000


def _not_credited(day: Sound) -> tuple[str, int]:
    del day.credits["S1"]
    return "S1", 14_823


def _credited_for_nothing(day: Sound) -> tuple[str, int]:
    day.credits["stray"] = Line(99, "RAZORPAY UTR0099")
    return "RAZORPAY UTR0099", 99


def _credited_short(day: Sound) -> tuple[str, int]:
    day.credit("S1", more=-3)
    return "S1", 3


def _credited_in_excess(day: Sound) -> tuple[str, int]:
    day.credit("S1", more=5)
    return "S1", 5


def _dearer(day: Sound) -> tuple[str, int]:
    day.rows["pay_1"] = day.row("pay_1", 5_000, dearer=1)
    day.credit("S1", more=-1)
    return "pay_1", 1


def _refund_not_held(day: Sound) -> tuple[str, int]:
    day.rows["rfnd_9"] = refunded("rfnd_9", 60, payment="pay_1", **GATEWAY)
    day.credit("S1", more=-60)
    return "rfnd_9", 60


def _charged_back(day: Sound) -> tuple[str, int]:
    day.rows["adj_9"] = taken_back("adj_9", 80, dispute="disp_9", payment="pay_1", **GATEWAY)
    day.credit("S1", more=-80)
    return "adj_9", 80


def _bounced(day: Sound) -> tuple[str, int]:
    day.credits["return"] = Line(-900, "CHQ RTN 004417 FUNDS INSUFFICIENT")
    return "cheque", 900


def _slip_not_credited(day: Sound) -> tuple[str, int]:
    del day.credits["DS-0001"]
    return "DS-0001", 150


def _slip_credited_short(day: Sound) -> tuple[str, int]:
    day.credit("DS-0001", more=-10)
    return "DS-0001", 10


def _nobodys_credit(day: Sound) -> tuple[str, int]:
    day.credits["stray"] = Line(40, "WHO IS IT")
    return "WHO IS IT", 40


def _slip_credited_twice_at_once(day: Sound) -> tuple[str, int]:
    day.credits["again"] = Line(150, "CASH DEP DS-0001 BRANCH 17")
    return "DS-0001", 150


def _word_of_no_contract(day: Sound) -> tuple[str, int]:
    day.rows["hold_9"] = paid("hold_9", 70, kind="mystery", **GATEWAY)
    day.credit("S1", more=-70)
    return "hold_9", 70


def _outside_a_window(day: Sound) -> tuple[str, int]:
    use_rule("transfer_utr_exact", window_days=0)
    day.desk.receipt("neft", 30, on=MON, utr=OTHER_UTR, channel_ref=OTHER_UTR)
    day.credits["late"] = Line(30, f"NEFT CR-{OTHER_UTR}-A PAYER")
    return OTHER_UTR, 30


def _not_posted(day: Sound) -> tuple[str, int]:
    day.post_in_erp()
    del day.postings["cheque"]
    return "cheque", 900


def _posted_to_another(day: Sound) -> tuple[str, int]:
    day.post_in_erp(consumer="999999999999")
    return "cheque", 900


def _left_in_clarification(day: Sound) -> tuple[str, int]:
    day.post_in_erp(state="K")
    return "cheque", 900


FAULTS: Final[dict[Reason, Callable[[Sound], tuple[str, int]]]] = {
    Reason.MISSING_IN_CHANNEL: _not_listed,
    Reason.MISSING_IN_BOOKS: _not_held,
    Reason.AMOUNT_DIFFERS: _listed_with_more,
    Reason.STATUS_DIFFERS: _held_as_failed,
    Reason.DUPLICATE: _listed_again,
    Reason.SETTLED_NOT_CREDITED: _not_credited,
    Reason.CREDITED_NOT_SETTLED: _credited_for_nothing,
    Reason.SHORT_CREDIT: _credited_short,
    Reason.EXCESS_CREDIT: _credited_in_excess,
    Reason.FEE_DIFFERS: _dearer,
    Reason.REFUND_UNMATCHED: _refund_not_held,
    Reason.CHARGEBACK: _charged_back,
    Reason.CHEQUE_RETURNED: _bounced,
    Reason.DEPOSIT_MISSING: _slip_not_credited,
    Reason.DEPOSIT_DIFFERS: _slip_credited_short,
    Reason.UNIDENTIFIED_CREDIT: _nobodys_credit,
    Reason.AMBIGUOUS: _slip_credited_twice_at_once,
    Reason.OUTSIDE_RULES: _outside_a_window,
    Reason.UNKNOWN_CODE: _word_of_no_contract,
    Reason.NOT_POSTED: _not_posted,
    Reason.WRONG_CONSUMER: _posted_to_another,
    Reason.IN_CLARIFICATION: _left_in_clarification,
}


def test_every_reason_has_a_fault_of_its_own() -> None:
    assert set(FAULTS) == set(Reason)
    assert len(set(FAULTS.values())) == len(FAULTS)


def test_without_a_fault_the_day_has_no_break(desk: Desk) -> None:
    assert Sound(desk).play() == []


@pytest.mark.parametrize("reason", FAULTS)
def test_one_fault_is_one_break_with_its_reason(desk: Desk, reason: Reason) -> None:
    day = Sound(desk)
    reference, rupees = FAULTS[reason](day)

    assert day.play() == [(reason.value, reference, rupees)]
