"""Messages of every partner, sealed and signed as theirs are, for the measurement of the doors."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

from channels_ import registry
from channels_.contract import Method, Setup
from channels_.simulation import REFS, News, SampleKeys, SamplePayment, Simulation, Takes
from simulator.chance import patterned, sample_reference

AMOUNT = 123_400


class Sealed(NamedTuple):
    """One message as it goes over the wire."""

    path: str
    headers: Mapping[str, str]
    body: bytes


def speaking() -> dict[str, Simulation]:
    """The partners that tell of payments by messages signed with keys of their channel."""
    found = {}
    for code, adapter in sorted(registry.adapters().items()):
        simulation = registry.simulation(code)
        if adapter.secret_names and simulation is not None and News.PAID in simulation.news:
            found[code] = simulation
    return found


def anybody(found: Mapping[str, Simulation]) -> dict[str, Simulation]:
    """Those that need no bill to be taken: the others measure the books, not the door."""
    return {
        code: simulation
        for code, simulation in found.items()
        if simulation.takes is Takes.ANYBODY and not simulation.is_exact
    }


def keys_of(code: str, simulation: Simulation) -> SampleKeys:
    """Fresh keys in the partner's shapes."""
    if simulation.make_keys:
        return simulation.make_keys()
    texts = {name: f"bench key {name} {'k' * 24}" for name in registry.adapter(code).secret_names}
    return SampleKeys(texts, texts)


def messages(code: str, simulation: Simulation, keys: SampleKeys, count: int) -> Iterator[Sealed]:
    """So many payments that were just made."""
    rng, at = Random(code), datetime.now(UTC)
    for number in range(count):
        payment = _payment(simulation, rng, at, number)
        envelope = simulation.tell(News.PAID, payment, at, f"evt_{rng.getrandbits(56):014x}")
        setup = Setup(
            merchant_id=simulation.merchant_id,
            secrets=keys.theirs,
            settings=simulation.settings,
            at=at,
            nonce=f"{rng.getrandbits(128):032x}",
        )
        whole = simulation.seal(envelope, setup) if simulation.seal else envelope
        path = simulation.door.format(code=code, path=whole.path.lstrip("/"))
        yield Sealed(path, simulation.sign(whole, setup), whole.body)


def _payment(simulation: Simulation, rng: Random, at: datetime, number: int) -> SamplePayment:
    refs = {**REFS, **simulation.refs}
    method = simulation.methods[0][0]
    rrn = f"{number:012d}"
    utr = f"SBINN{number:011d}" if method in (Method.NEFT, Method.RTGS, Method.IMPS) else ""
    ref = rrn if refs["payment"] == "rrn" else patterned(rng, refs["payment"])
    return SamplePayment(
        channel_ref=utr or ref,
        order_ref=patterned(rng, refs["order"]),
        amount_paise=AMOUNT + number % 1000 * 100,
        method=method,
        network="",
        issuer="SBIN",
        payer="sample@upi" if method is Method.UPI else "0000004321",
        mobile="9000000000",
        rrn=rrn,
        utr=utr,
        consumer_number=str(100_000_000_000 + number % 1000),
        bill_number="",
        created_at=at - timedelta(minutes=2),
        paid_at=at - timedelta(minutes=1),
        fee_paise=0,
        tax_paise=0,
        reference=sample_reference(rng, at),
    )
