"""What an adapter is given of its channel's row: the agreed values and the secrets in force."""

import secrets as chance
from collections.abc import Mapping, Sequence
from typing import Final

from channels_.contract import Setup
from channels_.models import Channel
from channels_.registry import adapter
from channels_.secrets import (
    answer_secrets_of,
    call_secrets_of,
    reading_secrets_of,
    secrets_of,
)
from cspdcl.kernel.clock import now

# What is agreed with ourselves, of every channel; no adapter sees it.
HOUSE_SETTINGS: Final[Mapping[str, str]] = {
    "ladder": "when to ask for a payment that stays pending: seconds after it began, per method",
    "order_minutes": "how long a payer may take for an order",
    "identified_credits": "credits that only the bank tells of: propose, named or all",
    "report_alone_after_days": "days after which a settlement report alone proves a payment",
    "dispute_alone_paise": "up to this amount one person may answer a dispute; 10,000 rupees",
    "contact_email": "who answers our questions about its money",
    "secret_days": "after how many days a secret is said to be old; 365 where nothing is agreed",
}


def setups_of(channel: Channel) -> Sequence[Setup]:
    """One setup for every set of the secrets that prove messages, the current ones first."""
    return [_setup(channel, secrets) for secrets in secrets_of(channel)]


def reading_setups_of(channel: Channel) -> Sequence[Setup]:
    """The same with the secrets that have expired: what was believed once stays readable."""
    return [_setup(channel, secrets) for secrets in reading_secrets_of(channel)]


def answering_setups_of(channel: Channel) -> Sequence[Setup]:
    """One setup for every set of secrets that a kept answer may have been made with."""
    return [_setup(channel, secrets) for secrets in answer_secrets_of(channel)]


def calling(channel: Channel) -> Setup:
    """The setup for a call of ours: the current secrets, the moment, a fresh nonce."""
    setup = _setup(channel, call_secrets_of(channel))
    return Setup(
        merchant_id=setup.merchant_id,
        secrets=setup.secrets,
        settings=setup.settings,
        api_url=setup.api_url,
        at=now(),
        nonce=chance.token_hex(16),
    )


def _setup(channel: Channel, secrets: Mapping[str, str]) -> Setup:
    known = adapter(channel.adapter).settings
    return Setup(
        merchant_id=channel.merchant_id,
        secrets=secrets,
        settings={name: value for name, value in channel.settings.items() if name in known},
        api_url=channel.api_url.rstrip("/"),
    )
