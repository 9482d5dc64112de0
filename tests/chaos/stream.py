"""What is sent, and what must have come of it: a model of our own that knows nothing of the code.

Razorpay tells the story of a payment in several messages. Whatever their order, and however often
each is sent, the story has one end: the highest of authorised < failed < captured.
"""

import hashlib
import hmac
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

CONSUMERS: Final = tuple(f"{100_000_000_000 + n}" for n in range(50))
COUNTERS: Final = ("bsp1", "rgh1", "jdp1")  # they hand in
MERCHANT: Final = "acc_SampleCspdcl01"  # of configuration/demo.toml

CAPTURED: Final = frozenset({"payment.captured", "order.paid"})
RANKS: Final = {"payment.authorized": 1, "payment.failed": 2, **dict.fromkeys(CAPTURED, 3)}
ENDS: Final = {1: "pending", 2: "failed", 3: "succeeded"}

# A kind of story, and how many of a hundred payments have it.
STORIES: Final[Sequence[tuple[int, tuple[str, ...]]]] = (
    (38, ("payment.authorized", "payment.captured")),
    (20, ("payment.authorized", "payment.captured", "order.paid")),
    (8, ("payment.authorized", "payment.failed")),
    (4, ("payment.failed",)),
    (12, ("payment.failed", "payment.captured")),
    (6, ("payment.authorized",)),
    (12, ("payment.authorized", "payment.captured", "refund.created", "refund.processed")),
)
DUPLICATES: Final = 50  # of a hundred messages are sent again, some of them more than once
CHANGED: Final = 2  # of a hundred messages come again with another body under the same id


@dataclass(frozen=True, slots=True)
class Message:
    """One request. ``after`` names another that must have been acknowledged before."""

    id: str
    path: str
    body: bytes
    headers: Mapping[str, str]
    is_changed: bool = False  # claims an id that belongs to another body


@dataclass(frozen=True, slots=True)
class Story:
    """A payment as the gateway lived it."""

    ref: str
    amount_paise: int
    consumer: str
    events: tuple[str, ...]
    refund_paise: int

    @property
    def end(self) -> str:
        return ENDS[max(RANKS[one] for one in self.events if one in RANKS)]

    @property
    def has_refund(self) -> bool:
        return "refund.processed" in self.events


@dataclass
class Stream:
    """All that is sent under one mark, in the order of a shuffled world."""

    seed: int
    mark: str
    stories: dict[str, Story] = field(default_factory=dict)  # by the gateway's payment id
    bodies: dict[str, str] = field(default_factory=dict)  # event id -> sha256 of the true body
    events: dict[str, tuple[str, str]] = field(default_factory=dict)  # event id -> (payment, word)
    submitted: dict[str, int] = field(default_factory=dict)  # submit key -> paise
    deliveries: list[Message] = field(default_factory=list)


def make_stream(events: int, *, seed: int, mark: str, secret: str, api_key: str) -> Stream:
    """A stream of about so many gateway events, and a tenth as many batches of counters."""
    chance = random.Random(f"{seed}:{mark}")
    stream = Stream(seed, mark)
    kinds = [events for _weight, events in STORIES]
    weights = [weight for weight, _events in STORIES]
    messages: list[Message] = []
    while len(stream.bodies) < events:
        (kind,) = chance.choices(kinds, weights)
        number = len(stream.stories)
        amount = chance.randrange(100, 500_000)
        story = Story(
            ref=f"pay_{mark}{number:06d}",
            amount_paise=amount,
            consumer=chance.choice(CONSUMERS),
            events=kind,
            refund_paise=chance.randrange(1, amount),
        )
        stream.stories[story.ref] = story
        for place, word in enumerate(kind):
            messages += _gateway_messages(stream, story, word, place, secret, chance)
    for number in range(max(1, events // 10)):
        messages += _batch(stream, number, api_key, chance)
    again = [chance.choice(messages) for _ in range(len(messages) * DUPLICATES // 100)]
    stream.deliveries = messages + again
    chance.shuffle(stream.deliveries)
    return stream


def signed(body: bytes, *, event_id: str, secret: str) -> dict[str, str]:
    """The headers with which the gateway proves a body."""
    return {
        "Content-Type": "application/json",
        "X-Razorpay-Event-Id": event_id,
        "X-Razorpay-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }


def _gateway_messages(
    stream: Stream, story: Story, word: str, place: int, secret: str, chance: random.Random
) -> Iterator[Message]:
    event_id = f"evt_{story.ref[4:]}_{place}"
    body = json.dumps(_told(story, word)).encode()
    stream.bodies[event_id] = hashlib.sha256(body).hexdigest()
    stream.events[event_id] = (story.ref, word)
    headers = signed(body, event_id=event_id, secret=secret)
    yield Message(event_id, "/in/razorpay/", body, headers)
    if chance.randrange(100) < CHANGED:
        more = Story(story.ref + "x", story.amount_paise * 10, story.consumer, story.events, 1)
        other = json.dumps(_told(more, word)).encode()
        headers = signed(other, event_id=event_id, secret=secret)
        yield Message(event_id, "/in/razorpay/", other, headers, is_changed=True)


def _told(story: Story, word: str) -> dict[str, Any]:
    is_refund = word.startswith("refund.")
    status = "captured" if is_refund or word in CAPTURED else word.removeprefix("payment.")
    payment = {
        "id": story.ref,
        "entity": "payment",
        "amount": story.amount_paise,
        "currency": "INR",
        "status": status,
        "order_id": story.ref.replace("pay_", "order_"),
        "method": "upi",
        "captured": status == "captured",
        "vpa": "sample@okbank",
        "notes": {"consumer_number": story.consumer},
        "acquirer_data": {},
        "error_code": "BAD_REQUEST_ERROR" if status == "failed" else None,
        "created_at": 1_787_000_000,
    }
    payload: dict[str, Any] = {"payment": {"entity": payment}}
    if word == "order.paid":
        order = {"id": payment["order_id"], "entity": "order", "amount": story.amount_paise}
        payload["order"] = {"entity": {**order, "status": "paid", "currency": "INR"}}
    if is_refund:
        payload["refund"] = {
            "entity": {
                "id": story.ref.replace("pay_", "rfnd_"),
                "entity": "refund",
                "amount": story.refund_paise,
                "currency": "INR",
                "payment_id": story.ref,
                "status": word.removeprefix("refund.").replace("created", "pending"),
                "created_at": 1_787_000_100,
            }
        }
    return {
        "entity": "event",
        "account_id": MERCHANT,
        "event": word,
        "payload": payload,
        "created_at": 1_787_000_000,
    }


def _batch(stream: Stream, number: int, api_key: str, chance: random.Random) -> Iterator[Message]:
    items: list[dict[str, Any]] = []
    for place in range(chance.randrange(1, 5)):
        key = f"{stream.mark}-counter-{number:05d}-{place}"
        stream.submitted[key] = chance.randrange(100, 100_000)
        items.append(
            {
                "submit_key": key,
                "channel": "cash",
                "consumer_number": chance.choice(CONSUMERS),
                "amount_paise": stream.submitted[key],
            }
        )
    path = f"/api/v1/counters/{chance.choice(COUNTERS)}/receipts/"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {api_key}"}
    batch_id = f"{stream.mark}-batch-{number:05d}"
    yield Message(batch_id, path, json.dumps({"receipts": items}).encode(), headers)
    if chance.randrange(100) < CHANGED:
        other = [{**one, "amount_paise": one["amount_paise"] + 1} for one in items]
        body = json.dumps({"receipts": other}).encode()
        yield Message(batch_id, path, body, headers, is_changed=True)
