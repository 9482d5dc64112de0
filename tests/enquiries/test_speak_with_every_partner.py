"""Every partner with an API is ordered from, asked and believed over HTTP, with faults too."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine

from channels_ import registry
from channels_.contract import Outcome
from channels_.models import Channel, InboundMessage
from channels_.simulation import Happened
from enquiries import ladder
from enquiries.models import OperationAttempt
from enquiries.orders import OrderUnknown, place
from payments.models import Payment, Receipt
from simulator.books import Books
from simulator.partners import Faults, Partner, Partners
from simulator.scene import PlayedChannel
from tests import factories as make

pytestmark = pytest.mark.django_db(transaction=True)

PAYMENTS = 6
STATES = {Outcome.SUCCEEDED: "succeeded", Outcome.FAILED: "failed", Outcome.PENDING: "pending"}


def askable() -> list[str]:
    """The adapters that answer questions about payments, and whose partner is played."""
    found = []
    for code, adapter in registry.adapters().items():
        played = registry.simulation(code)
        if adapter.status is not None and played is not None and played.answer is not None:
            found.append(code)
    return sorted(found)


class Played:
    """One partner at a port of its own, and our channel that leads there."""

    def __init__(self, code: str, faults: Faults) -> None:
        simulation = registry.simulation(code)
        assert simulation is not None
        keys = simulation.make_keys() if simulation.make_keys else None
        names = registry.adapter(code)
        secrets = {one: f"a secret {one}" for one in names.secret_names + names.call_secret_names}
        ours, theirs = (keys.ours, keys.theirs) if keys else (secrets, secrets)
        self.books = Books(simulation, 7, code)
        channel = PlayedChannel(
            code=code, name=code, adapter=code, route="settlement", account="bank"
        )
        self.server = Partners({code: Partner(channel, self.books, theirs)}, faults=faults)
        self.channel: Channel = make.ChannelFactory(
            code=code,
            adapter=code,
            route="settlement",
            merchant_id=simulation.merchant_id,
            settings=dict(simulation.settings),
            api_url=f"{self.server.url}/{code}",
        )
        for name, value in ours.items():
            make.ChannelSecretFactory(channel=self.channel, name=name, value=value)

    def began(self, payment: Payment) -> None:
        """The payer has begun: by our order, or with what the page offered."""
        if registry.adapter(self.channel.adapter).order is not None:
            with contextlib.suppress(OrderUnknown):
                place(payment)
        if self.theirs(payment) is None:
            self.books.begin(
                payment.reference, payment.amount_paise, consumer_number=payment.consumer_number
            )

    def theirs(self, payment: Payment) -> Happened | None:
        """The payment in the partner's books; some carry our reference without its hyphens."""
        bare = payment.reference.replace("-", "")
        return self.books.find(bare) or self.books.find(payment.reference)


@pytest.fixture
def played(request: pytest.FixtureRequest) -> Iterator[Played]:
    from threading import Thread

    code, faults = request.param
    found = Played(code, faults)
    thread = Thread(target=found.server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    yield found
    found.server.stop()
    thread.join()


def begin(played: Played) -> list[Payment]:
    payments: list[Payment] = [
        make.PaymentFactory(channel=played.channel, method="card", amount_paise=100_000 + 7 * n)
        for n in range(PAYMENTS)
    ]
    for payment in payments:
        played.began(payment)
    return payments


def climb_all(payments: list[Payment]) -> None:
    """Rung after rung until the ladder has ended."""
    began = max(payment.created_at for payment in payments)
    for minutes in (3, 12, 35, 130, 400, 1500, 1600, 1700):
        with time_machine.travel(began + timedelta(minutes=minutes), tick=False):
            ladder.climb()


@pytest.mark.parametrize(
    "played", [(code, Faults()) for code in askable()], indirect=True, ids=askable()
)
def test_what_a_partner_knows_becomes_our_payment(played: Played) -> None:
    payments = begin(played)

    climb_all(payments)

    for payment in payments:
        payment.refresh_from_db()
        theirs = played.theirs(payment)
        assert theirs is not None
        assert payment.state == STATES[theirs.outcome]
        if theirs.outcome is Outcome.SUCCEEDED:
            assert payment.channel_ref in (theirs.payment.channel_ref, theirs.payment.rrn)
    assert Payment.objects.count() == PAYMENTS
    assert Receipt.objects.count() == Payment.objects.filter(state="succeeded").count() > 0
    assert not InboundMessage.objects.exclude(state="done").exists()
    readings = set(OperationAttempt.objects.values_list("reading", flat=True))
    assert readings <= {"answered", "declined"}


BAD = Faults(fail_percent=25, garbage_percent=25, seed=3)


@pytest.mark.parametrize(
    "played", [(code, BAD) for code in askable()], indirect=True, ids=askable()
)
def test_a_bad_partner_delays_and_never_deceives(played: Played) -> None:
    payments = begin(played)

    climb_all(payments)

    for payment in payments:
        payment.refresh_from_db()
        theirs = played.theirs(payment)
        assert theirs is not None
        assert payment.state in (STATES[theirs.outcome], "created", "pending")
    assert Payment.objects.count() == PAYMENTS
    assert not InboundMessage.objects.exclude(state="done").exists()
