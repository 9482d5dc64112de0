"""News to tell, for the tests of what leaves the house; every name and number is made up."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from cspdcl.kernel.clock import now
from outgoing import port
from outgoing.models import Outgoing
from outgoing.wording import KINDS, Fact

CONSUMER: Final = "100000417263"
MOBILE: Final = "9876504321"
_SAMPLES: Final[Mapping[Fact, Any]] = {
    Fact.MONEY: 12_34_567_00,
    Fact.DAY: date(2026, 8, 18),
    Fact.CONSUMER: CONSUMER,
    Fact.WORDS: "RAIPUR1/2026-27/000123",
    Fact.NAME: "Sample Drawer of a Cheque",
}


def facts_of(kind: str, **more: Any) -> dict[str, Any]:
    """Facts of a kind as long as they get."""
    return {name: _SAMPLES[how] for name, how in KINDS[kind].facts.items()} | more


def told(number: int = 1, **more: Any) -> Outgoing:
    """A receipt that a consumer is told of by SMS."""
    asked: dict[str, Any] = {
        "kind": "receipt_issued",
        "channel": "sms",
        "key": f"receipt_issued:RPR1/2026-27/{number:06d}",
        "to": MOBILE,
        "language": "en",
        "about": ("receipt", f"RPR1/2026-27/{number:06d}"),
        "office": None,
    } | more
    asked["facts"] = asked.get("facts") or facts_of(asked["kind"])
    row = port.tell(asked.pop("kind"), **asked)
    assert row is not None
    return row


def described(settings: Any, url: str) -> None:
    """A gateway that takes JSON and answers JSON."""
    settings.SMS_URL = f"{url}/send"
    settings.SMS_METHOD = "POST"
    settings.SMS_HEADERS = json.dumps(
        {"Content-Type": "application/json", "Authorization": "Bearer s3cret", "X-Ref": "$id"}
    )
    settings.SMS_BODY = (
        '{"to": "91$mobile", "text": "$text", "dlt": "$template_id", '
        '"ref": "$reference", "unicode": $unicode}'
    )
    settings.SMS_SUCCESS = "status=success|queued"
    settings.SMS_PROVIDER_ID = "data.0.id"
    settings.SMS_HONOURS_REFERENCE = False
    settings.SMS_TEMPLATES = [
        f"{kind}.{language}=1107{number}"
        for number, kind in enumerate(KINDS)
        for language in ("en", "hi")
    ]


def lease_is_over() -> None:
    """As if the time had passed for which a worker holds what it sends."""
    Outgoing.objects.filter(trying_since__isnull=False).update(
        next_try_at=now() - timedelta(seconds=1)
    )


def due_now() -> None:
    """As if the pause before the next try were over."""
    Outgoing.objects.filter(state="due", trying_since=None).update(next_try_at=now())
