"""A simulated day played into the test's database: through the real door, drawer and loader."""

import csv
import io
import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from channels_ import inbox
from channels_.adapters.bank_transfer.simulate import SIMULATION as BANK
from channels_.adapters.razorpay.simulate import SIMULATION as RAZORPAY
from channels_.contract import Inbound, Method, Setup
from channels_.models import BankAccount, BankLineRule, Channel, FeeRate
from channels_.secrets import set_secret
from channels_.simulation import Envelope
from cspdcl.kernel.money import paise_from_rupees
from payments import counter as till
from payments.inbox import drain
from payments.models import Bill, Consumer, Counter
from people import actions
from people.models import Office, User
from reconciliation import engine, statements
from reconciliation.models import Rule, Run
from reconciliation.rules import STARTING_RULES
from simulator.day import Day, play_day
from simulator.files import write_day
from simulator.scene import DEFAULT, Scene

SECRETS = {"razorpay": {"webhook_secret": "r" * 32}, "neft": {"notice_key": "n" * 32}}
SIGN = {"razorpay": RAZORPAY.sign, "neft": BANK.sign}

LINE_RULES = (
    (10, "credit", "", "RAZORPAY", "settlement"),
    (20, "credit", "", "CASH DEP", "deposit"),
    (30, "credit", "", "CLG DEP", "deposit"),
    (40, "debit", "", "CHQ RTN", "cheque_return"),
    (50, "debit", "NCHG", "", "charge"),
    (60, "both", "NINT", "", "interest"),
    (70, "both", "", "SWEEP", "other"),
)


def install(scene: Scene = DEFAULT) -> User:
    """The scene's offices, counters, accounts, channels, rates and rules; returns the clerk."""
    company = Office.objects.create(code="CO", name="Company", kind="company", path="/CO/")
    for zone in scene.zones:
        Office.objects.create(
            code=zone, name=zone, kind="zone", parent=company, path=f"/CO/{zone}/"
        )
    accounts = {
        account.code: BankAccount.objects.create(
            code=account.code, name=account.code, bank="Bank", account_number=account.number
        )
        for account in (scene.collection, scene.ecollect)
    }
    collection, ecollect = accounts[scene.collection.code], accounts[scene.ecollect.code]
    for site in scene.counters:
        Counter.objects.create(
            code=site.code,
            name=site.code,
            office=Office.objects.get(code=site.office),
            bank_account=collection,
        )
    razorpay = Channel.objects.create(
        code="razorpay", name="Razorpay", adapter="razorpay", route="settlement", is_live=True,
        bank_account=collection, settlement_days=0, settlement_cutoff=scene.cutoff,
    )  # fmt: skip
    for code in ("cash", "cheque"):
        Channel.objects.create(
            code=code, name=code, adapter="counter", route="deposit", is_live=True,
            bank_account=collection, settlement_days=0,
        )  # fmt: skip
    neft = Channel.objects.create(
        code="neft", name="NEFT", adapter="bank_transfer", route="transfer", is_live=True,
        bank_account=ecollect, settlement_days=0,
    )  # fmt: skip
    for priority, side, code, words, meaning in LINE_RULES:
        BankLineRule.objects.create(
            priority=priority, side=side, code=code, words=words, meaning=meaning,
            channel=razorpay if meaning == "settlement" else None,
        )  # fmt: skip
    for method, rate in scene.rates.items():
        FeeRate.objects.create(
            channel=razorpay,
            method=method,
            percent=f"{rate.millionths / 10_000:.4f}",
            flat_paise=rate.flat_paise,
            tax_percent="18",
            valid_from=date(2020, 1, 1),
        )
    for channel, secrets in ((razorpay, SECRETS["razorpay"]), (neft, SECRETS["neft"])):
        for name, value in secrets.items():
            set_secret(channel, name=name, value=value, actor="test")
    install_rules()
    inbox.forget()
    clerk = User.objects.create_user("clerk", None, full_name="Clerk")
    actions.set_roles(clerk, {"clerk", "supervisor"})
    actions.grant_office(clerk, company)
    return clerk


def install_rules() -> None:
    """The starting rules, which a test that committed may have truncated away."""
    if not Rule.objects.exists():
        Rule.objects.bulk_create(Rule(**rule._asdict()) for rule in STARTING_RULES)


def play(
    directory: Path, *, clerk: User, day: date, payments: int, seed: int, scene: Scene = DEFAULT
) -> Day:
    """Write the day's files, send its messages and receipts, and load its statements."""
    played = play_day(scene, day=day, payments=payments, seed=seed)
    write_day(played, directory)
    _consumers(directory / "consumers.csv")
    tell(directory / "razorpay-webhooks.jsonl", "razorpay")
    tell(directory / "bank-notices.jsonl", "neft")
    drain()
    take(directory, clerk=clerk)
    for source, name in (
        ("razorpay", "razorpay-settlement.csv"),
        ("sbi-collection", "sbi-collection.mt940"),
        ("hdfc-ecollect", "hdfc-ecollect.camt053.xml"),
    ):
        load(source, (directory / name).read_bytes(), name=name)
    return played


def _consumers(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    offices = {office.code: office for office in Office.objects.all()}
    Consumer.objects.bulk_create(
        Consumer(
            number=row["consumer_number"],
            business_partner=row["business_partner"],
            name=row["name"],
            office=offices[row["office"]],
            category=row["category"],
        )
        for row in read
    )
    numbers = dict(Consumer.objects.values_list("number", "pk"))
    Bill.objects.bulk_create(
        Bill(
            consumer_id=numbers[row["consumer_number"]],
            number=row["bill_number"],
            period=row["period"],
            amount_paise=paise_from_rupees(row["amount"]),
            issued_on=row["issued_on"],
            due_on=row["due_on"],
        )
        for row in read
        if row["bill_number"]
    )


def tell(path: Path, channel: str) -> None:
    """Put each message through the door, signed."""
    for row in rows(path):
        body = row["body"].encode()
        headers = SIGN[channel](Envelope(body, row["headers"]), Setup(secrets=SECRETS[channel]))
        inbound = Inbound(body, {name.lower(): value for name, value in headers.items()})
        inbox.receive(channel, inbound=inbound, address="127.0.0.1")


def take(directory: Path, *, clerk: User) -> None:
    """Take the counters' receipts and make their slips, in the order of the day."""
    asked = [
        (row["at"], place, row)
        for place, name in enumerate(("counter-receipts.jsonl", "deposits.jsonl"))
        for row in rows(directory / name)
    ]
    for _at, place, row in sorted(asked, key=lambda one: one[:2]):
        counter = Counter.objects.get(code=row["counter"])
        if place == 0:
            answers = till.take_counter_payments(
                counter, clerk=clerk, asked=[_asked(one) for one in row["body"]["receipts"]]
            )
            assert [str(one.refusal) for one in answers if one.refusal] == []
        else:
            body = row["body"]
            till.make_deposit(
                counter,
                channel=Channel.objects.get(code=body["channel"]),
                on=date.fromisoformat(body["business_date"]),
                made_by=clerk,
                slip_number=body["slip_number"],
            )


def _asked(one: Mapping[str, Any]) -> till.CounterPayment:
    method = Method.CHEQUE if one["channel"] == "cheque" else Method.CASH
    on = one.get("instrument_date")
    tender = till.TenderAsked(
        method=method,
        amount_paise=one["amount_paise"],
        instrument=one.get("instrument", ""),
        instrument_date=date.fromisoformat(on) if on else None,
        bank_name=one.get("bank_name", ""),
        micr=one.get("micr", ""),
    )
    return till.CounterPayment(
        submit_key=one["submit_key"],
        channel=one["channel"],
        consumer_number=one["consumer_number"],
        amount_paise=one["amount_paise"],
        tenders=[tender],
        bill_number=one["bill_number"],
        taken_at=datetime.fromisoformat(one["taken_at"]),
    )


def load(source: str, content: bytes, *, name: str) -> Any:
    """Load bytes as a file of a source; a refusal fails the test with its reason."""
    file = statements.load(statements.source_of(source), io.BytesIO(content), name=name)
    assert file.state == "loaded", file.problem
    return file


def reconcile(day: date) -> Run:
    """Run the engine as the command does."""
    return engine.reconcile(day, started_by="test")


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
