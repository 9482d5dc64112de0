"""A channel of the test's database that speaks as its partner does, over the real doors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from django.test import Client

from channels_ import inbox, registry
from channels_.contract import Method, Setup
from channels_.models import Channel, InboundMessage
from channels_.secrets import set_secret
from channels_.simulation import (
    REFS,
    Envelope,
    News,
    SampleDispute,
    SampleKeys,
    SamplePayment,
    SampleRefund,
    Simulation,
    Takes,
)
from cspdcl.kernel.clock import now
from payments.inbox import drain
from payments.models import Consumer
from simulator.chance import chance, patterned, sample_reference
from tests import factories as make

AMOUNT = 123_456

OWN_TESTS = frozenset({"agency"})  # it speaks the partner API, which has keys of its own


def speaking() -> list[str]:
    """The adapters whose partners tell or ask something, by their code."""
    found = []
    for code, adapter in sorted(registry.adapters().items()):
        simulation = registry.simulation(code)
        listens = adapter.parse is not None or adapter.ask is not None
        if listens and simulation is not None and simulation.news and code not in OWN_TESTS:
            found.append(code)
    return found


@dataclass
class Spoken:
    """One channel with its partner's side: what it knows, and how it sends."""

    channel: Channel
    simulation: Simulation
    keys: SampleKeys
    consumer: Consumer
    rng: Random

    @property
    def theirs(self) -> Setup:
        """What the partner signs with, now."""
        return Setup(
            merchant_id=self.channel.merchant_id,
            secrets=self.keys.theirs,
            settings=self.channel.settings,
            at=now(),
            nonce=f"{self.rng.getrandbits(128):032x}",
        )

    def ref(self, name: str) -> str:
        """A name as the partner gives them."""
        return patterned(self.rng, {**REFS, **self.simulation.refs}[name])

    def payment(self) -> SamplePayment:
        """A payment of this consumer, paid a minute ago."""
        return sample_payment(self.simulation, self.rng, self.consumer.number, at=now())

    def story(self) -> list[Envelope]:
        """Everything the partner may ever say of one payment, in the order in which it happens."""
        payment = self.payment()
        refund = SampleRefund(
            channel_ref=self.ref("refund"),
            payment=payment,
            amount_paise=payment.amount_paise,
            created_at=now(),
            processed_at=now(),
            rrn=patterned(self.rng, "############"),
        )
        dispute = SampleDispute(
            dispute_ref=self.ref("dispute"),
            payment=payment,
            amount_paise=payment.amount_paise,
            raised_at=now(),
            respond_by=now() + timedelta(days=7),
            reason="chargeback",
        )
        told: Sequence[tuple[News, SamplePayment | SampleRefund | SampleDispute]] = (
            (News.AUTHORISED, payment),
            (News.FAILED, payment),
            (News.PAID, payment),
            (News.ORDER_PAID, payment),
            (News.REFUND_CREATED, refund),
            (News.REFUND_PROCESSED, refund),
            (News.DISPUTE_OPENED, dispute),
            (News.DISPUTE_WON, dispute),
        )
        return [self.tell(news, subject) for news, subject in told if news in self.simulation.news]

    def tell(self, news: News, subject: SamplePayment | SampleRefund | SampleDispute) -> Envelope:
        """One message before it is sealed and signed."""
        event_id = f"evt_{self.rng.getrandbits(56):014x}"
        return self.simulation.tell(news, subject, _moment(subject), event_id)

    def sealed(self, envelope: Envelope, setup: Setup | None = None) -> Envelope:
        """The message as it travels, its headers complete."""
        return sealed_by(self.simulation, envelope, setup or self.theirs)

    def send(self, sealed: Envelope, *, extra: Mapping[str, str] | None = None) -> Any:
        """Put a sealed message through the door."""
        headers = {**sealed.headers, **(extra or {})}
        kind = next((v for k, v in headers.items() if k.lower() == "content-type"), "text/plain")
        path = sealed.path.lstrip("/")
        door = self.simulation.door.format(code=self.channel.code, path=path)
        rest = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        return Client(headers=rest).post(door, data=sealed.body, content_type=kind, secure=True)


def speak(code: str, *, seed: int = 1) -> Spoken:
    """A live channel of this adapter, a consumer who pays by it, and the partner's keys."""
    simulation = registry.simulation(code)
    assert simulation is not None
    adapter = registry.adapter(code)
    channel = make.ChannelFactory(
        code=code.replace("_", "-"),
        adapter=code,
        route=Channel.Route.TRANSFER if is_transfer(simulation) else Channel.Route.SETTLEMENT,
        is_live=True,
        merchant_id=simulation.merchant_id,
        settings=dict(simulation.settings),
    )
    keys = keys_of(code, simulation)
    for name in dict.fromkeys([*adapter.secret_names, *adapter.call_secret_names]):
        set_secret(channel, name=name, value=keys.ours[name], actor="test")
    inbox.forget()
    plan = "prepaid" if simulation.takes is Takes.PREPAID else "postpaid"
    consumer = make.ConsumerFactory(plan=plan)
    if simulation.takes is Takes.POSTPAID or simulation.is_exact:
        make.BillFactory(consumer=consumer, amount_paise=AMOUNT)
    return Spoken(channel, simulation, keys, consumer, chance(code, seed))


def sample_payment(
    simulation: Simulation, rng: Random, consumer_number: str, *, at: datetime
) -> SamplePayment:
    """A payment as the partner knows it, made a minute before."""
    method = simulation.methods[0][0]
    rrn, refs = patterned(rng, "############"), {**REFS, **simulation.refs}
    utr = patterned(rng, "SBINN###########") if is_transfer(simulation) else ""
    channel_ref = rrn if refs["payment"] == "rrn" else patterned(rng, refs["payment"])
    return SamplePayment(
        channel_ref=utr or channel_ref,
        order_ref=patterned(rng, refs["order"]),
        amount_paise=AMOUNT,
        method=method,
        network="",
        issuer="SBIN",
        payer="sample@upi" if method is Method.UPI else "0000004321",
        mobile="9000000000",
        rrn=rrn,
        utr=utr,
        consumer_number=consumer_number,
        bill_number="",
        created_at=at - timedelta(minutes=2),
        paid_at=at - timedelta(minutes=1),
        fee_paise=0,
        tax_paise=0,
        reference=sample_reference(rng, at),
    )


def keys_of(code: str, simulation: Simulation) -> SampleKeys:
    """Fresh keys in the channel's shapes."""
    if simulation.make_keys:
        return simulation.make_keys()
    adapter = registry.adapter(code)
    names = dict.fromkeys([*adapter.secret_names, *adapter.call_secret_names])
    texts = {name: f"sample {name} {'k' * 24}" for name in names}
    return SampleKeys(texts, texts)


def signs_the_time(code: str) -> bool:
    """Whether a message looks different at another moment: then the moment is signed."""
    simulation = registry.simulation(code)
    assert simulation is not None
    rng, at = chance(code, "time"), datetime(2026, 8, 18, 12, tzinfo=UTC)
    payment = sample_payment(simulation, rng, "100000000000", at=at)
    envelope = simulation.tell(News.PAID, payment, at, "evt_00000000000001")
    setup = Setup(
        merchant_id=simulation.merchant_id,
        secrets=keys_of(code, simulation).theirs,
        settings=simulation.settings,
        at=at,
        nonce="0" * 32,
    )
    later = replace(setup, at=at + timedelta(hours=30))
    first, again, other = (sealed_by(simulation, envelope, one) for one in (setup, setup, later))
    return first == again != other  # chance in a message is no time


def sealed_by(simulation: Simulation, envelope: Envelope, setup: Setup) -> Envelope:
    """The message as it travels, its headers complete."""
    whole = simulation.seal(envelope, setup) if simulation.seal else envelope
    return whole._replace(headers=simulation.sign(whole, setup))


def is_transfer(simulation: Simulation) -> bool:
    """Whether the bank's credit itself is what proves the money."""
    return simulation.methods[0][0] in (Method.NEFT, Method.RTGS, Method.IMPS)


def settle() -> None:
    """Apply what was sent, and what waited for something else, without waiting for its time."""
    drain()
    for _ in range(2):
        InboundMessage.objects.filter(state="due").update(next_try_at=now())
        drain()


def _moment(subject: SamplePayment | SampleRefund | SampleDispute) -> datetime:
    if isinstance(subject, SamplePayment):
        return subject.paid_at
    if isinstance(subject, SampleRefund):
        return subject.processed_at
    return subject.raised_at


def moved(setup: Setup, by: timedelta) -> Setup:
    """The same partner at another moment."""
    return replace(setup, at=setup.at + by)
