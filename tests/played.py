"""A simulated day played into the test's database: through the real door, drawer and loader."""

import csv
import io
import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.test import Client

from channels_ import inbox, registry
from channels_.contract import Method, Wire
from channels_.models import BankAccount, BankLineRule, Channel, FeeRate
from channels_.registry import adapter
from channels_.secrets import set_secret
from channels_.simulation import SampleKeys
from counters import taking as till
from counters.deposits import make_deposit
from counters.models import OfficePolicy
from cspdcl.kernel.clock import played_at
from cspdcl.kernel.money import paise_from_rupees
from enquiries import ladder
from payments.inbox import drain
from payments.models import Bill, Consumer, Counter, Payment
from people import actions
from people.models import Office, User
from reconciliation import engine
from reconciliation.desk import versions
from reconciliation.incoming import statements
from reconciliation.models import Rule, Run
from reconciliation.rulebook import rules
from simulator.chance import instant
from simulator.day import Day, play_day
from simulator.files import eve_statement_of, statements_of, write_day
from simulator.partners import Partners, partners_of
from simulator.scene import DEFAULT, TERMINAL, PlayedChannel, Rate, Scene, Staff
from simulator.sender import letters
from simulator.staff import Troupe
from tests.agencies.partner import install_agency

PATIENCE_SECONDS = 120
AGENCY = "agency"  # its keys are not its channel's

LINE_RULES = (
    (20, "credit", "", "CASH DEP", "deposit"),
    (30, "credit", "", "CLG DEP", "deposit"),
    (40, "debit", "", "CHQ RTN", "cheque_return"),
    (50, "debit", "NCHG", "", "charge"),
    (60, "both", "NINT", "", "interest"),
    (70, "both", "", "SWEEP", "other"),
)


# Two offices with people; the other counters hand in.
STAFFED = replace(
    DEFAULT,
    staff=(
        Staff("RPR-Z1", {"rpr1": "clerk-rpr1"}, "supervisor-rpr", "finance"),
        Staff("RPR-Z2", {"rpr2": "clerk-rpr2"}, "supervisor-rpr", "finance"),
    ),
    terminal=PlayedChannel(
        code="cards",
        name="Cards",
        adapter=TERMINAL,
        route="settlement",
        account="sbi-collection",
        narration="CARD TERMINALS SETTLEMENT",
        rates={"card": Rate(9_000, 0, 180_000)},
    ),
)


@cache
def keys(code: str, channel: str) -> SampleKeys:
    """The secrets of a channel, made once: what we hold, and what its partner holds."""
    found = registry.simulation(code)
    if found is not None and found.make_keys is not None:
        return found.make_keys()
    names = (*adapter(code).secret_names, *adapter(code).call_secret_names)
    secrets = {name: f"{code}-{name}-".ljust(32, "s") for name in names}
    return SampleKeys(ours=secrets, theirs=secrets)


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
        for account in scene.accounts
    }
    machines = {site.code for site in scene.machines}
    for site in scene.counters:
        Counter.objects.create(
            code=site.code,
            name=site.code,
            office=Office.objects.get(code=site.office),
            bank_account=accounts[scene.deposits],
            keeps_shifts=site.code not in machines,
        )
    for code in ("cash", "cheque"):
        Channel.objects.create(
            code=code, name=code, adapter="counter", route="deposit", is_live=True,
            bank_account=accounts[scene.deposits], settlement_days=0,
        )  # fmt: skip
    for number, channel in enumerate(_settled(scene)):
        _install_channel(channel, accounts[channel.account], number=number)
    for priority, side, code, words, meaning in LINE_RULES:
        BankLineRule.objects.create(
            priority=priority, side=side, code=code, words=words, meaning=meaning
        )
    install_rules()
    inbox.forget()
    clerk = User.objects.create_user("hands-in", None, full_name="Clerk")
    actions.set_roles(clerk, {"clerk", "supervisor"})
    actions.grant_office(clerk, company)
    OfficePolicy.objects.create(office=company, post_dated=OfficePolicy.Late.HOLD)
    for staff in scene.staff:
        _install_staff(staff)
    return clerk


def _settled(scene: Scene) -> list[PlayedChannel]:
    return [*scene.channels, *([scene.terminal] if scene.terminal else [])]


def _install_staff(staff: Staff) -> None:
    office = Office.objects.get(code=staff.office)
    people = [
        *((name, "clerk") for name in staff.clerks.values()),
        (staff.supervisor, "supervisor"),
        (staff.finance, "finance_officer"),
    ]
    for name, role in people:
        user, _is_new = User.objects.get_or_create(username=name, defaults={"full_name": name})
        actions.set_roles(user, {role})
        actions.grant_office(user, office)


def _install_channel(played: PlayedChannel, account: BankAccount, *, number: int) -> None:
    setup = played.setup({})
    is_settled = played.route == "settlement"
    channel = Channel.objects.create(
        code=played.code, name=played.name, adapter=played.adapter, route=played.route,
        is_live=True, bank_account=account, settlement_days=0,
        settlement_cutoff=played.cutoff if is_settled else None,
        merchant_id=setup.merchant_id, settings=dict(setup.settings),
    )  # fmt: skip
    ours = keys(played.adapter, played.code).ours
    if played.adapter == TERMINAL:
        pass  # tells nothing, is asked nothing
    elif played.adapter == AGENCY:
        install_agency(channel, ours)
    else:
        for name, value in ours.items():
            set_secret(channel, name=name, value=value, actor="test")
    if is_settled:
        BankLineRule.objects.create(
            priority=100 + number, side="credit", words=played.narration, meaning="settlement",
            channel=channel,
        )  # fmt: skip
    for method, rate in played.rates.items():
        FeeRate.objects.create(
            channel=channel,
            method=method,
            percent=f"{rate.millionths / 10_000:.4f}",
            flat_paise=rate.flat_paise,
            tax_percent="18",
            valid_from=date(2020, 1, 1),
        )


def install_rules() -> None:
    """The starting rules, which a test that committed may have truncated away."""
    if not Rule.objects.exists():
        Rule.objects.bulk_create(
            Rule(**one._asdict(), state=Rule.State.ACTIVE) for one in rules.STARTING_RULES
        )


def use_rule(code: str, **content: object) -> Rule:
    """Let a rule of the house be used, as it is or with other content, for every day."""
    held = Rule.objects.get(code=code, state=Rule.State.ACTIVE)
    return versions.install(
        code,
        content={**rules.content_of(held), "is_active": True, **content},
        effective_from=held.effective_from,
        reason="of a test",
    )


def play(
    directory: Path,
    *,
    clerk: User,
    day: date,
    payments: int,
    seed: int,
    scene: Scene = DEFAULT,
    loads: bool = True,
) -> Day:
    """Write the day's files, send its messages and receipts, and load its statements."""
    played = play_day(scene, day=day, payments=payments, seed=seed)
    write_day(played, directory)
    know_consumers(directory / "consumers.csv")
    play_eve(played, directory)
    for channel in scene.channels:
        tell(directory, channel)
    drain()
    ask(directory, scene)
    take(directory, clerk=clerk)
    Troupe(directory).play(day)
    for source, name in statements_of(played, directory) if loads else ():
        load(source, (directory / name).read_bytes(), name=name)
    return played


def play_eve(played: Day, directory: Path) -> None:
    """The day before, at the offices with people: played, loaded and proved in its own evening."""
    if not Troupe(directory).play(played.eve):
        return
    with played_at(instant(played.eve, hour=23)):
        if eve := eve_statement_of(played):
            source, name = eve
            load(source, (directory / name).read_bytes(), name=name)
        reconcile(played.eve)


def know_consumers(path: Path) -> None:
    """The consumers of a day and their bills."""
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


def tell(directory: Path, channel: PlayedChannel) -> None:
    """Put each message of a channel's partner through its real door, sealed and signed."""
    client = Client()
    for letter in letters(
        directory, channel=channel, secrets=keys(channel.adapter, channel.code).theirs
    ):
        request = letter.signed()
        kind = dict(request.headers).get("Content-Type", "application/octet-stream")
        answer = client.generic(
            "POST", request.path, request.body, content_type=kind, headers=request.headers
        )
        assert answer.status_code in (200, 201), (request.path, answer.status_code, answer.content)
        assert request.is_accepted(Wire(answer.content, answer.status_code)), answer.content


def ask(directory: Path, scene: Scene) -> None:
    """Ask the partners, over HTTP, about all that their messages alone did not prove."""
    if not Payment.objects.filter(ask_from__isnull=False).exists():
        return
    secrets = {
        channel.code: keys(channel.adapter, channel.code).theirs for channel in scene.channels
    }
    server = Partners(partners_of(scene, secrets=secrets, directory=directory))
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    try:
        for code in server.partners:
            Channel.objects.filter(code=code).update(api_url=f"{server.url}/{code}")
        ladder.climb(seconds=PATIENCE_SECONDS)
    finally:
        server.stop()
        thread.join()
    assert not Payment.objects.filter(state__in=("created", "pending")).exists()


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
            answers = till.take(
                counter, clerk=clerk, asked=[_asked(one) for one in row["body"]["receipts"]]
            )
            assert [str(one.refusal) for one in answers if one.refusal] == []
        else:
            body = row["body"]
            make_deposit(
                counter,
                channel=Channel.objects.get(code=body["channel"]),
                on=date.fromisoformat(body["business_date"]),
                made_by=clerk,
                slip_number=body["slip_number"],
            )


def _asked(one: Mapping[str, Any]) -> till.HandOver:
    method = Method.CHEQUE if one["channel"] == "cheque" else Method.CASH
    on = one.get("instrument_date")
    share = till.ShareAsked(
        consumer_number=one["consumer_number"],
        amount_paise=one["amount_paise"],
        bill_number=one["bill_number"],
    )
    tender = till.TenderAsked(
        method=method,
        amount_paise=one["amount_paise"],
        instrument=one.get("instrument", ""),
        instrument_date=date.fromisoformat(on) if on else None,
        bank_name=one.get("bank_name", ""),
        micr=one.get("micr", ""),
    )
    return till.HandOver(
        submit_key=one["submit_key"],
        shares=[share],
        tenders=[tender],
        channel=one["channel"],
        taken_at=datetime.fromisoformat(one["taken_at"]),
    )


def load(source: str, content: bytes, *, name: str) -> Any:
    """Load bytes as a file of a source; a refusal fails the test with its reason."""
    file = statements.load(statements.source_of(source), io.BytesIO(content), name=name)
    assert file.state == "loaded", file.problem
    return file


def reconcile(day: date) -> Run:
    """Run the engine as the command does."""
    return engine.reconcile(day, started_by="test", verify=True)


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
