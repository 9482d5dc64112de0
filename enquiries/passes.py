"""The tokens that some partners want with every call: asked for, kept encrypted, asked anew."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from channels_.contract import TOKEN, Declined, Setup, Token
from channels_.models import Channel
from channels_.registry import adapter
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.http import NoAnswer, NotSent
from enquiries.http import send
from enquiries.models import Pass

_SPARE: Final = timedelta(seconds=60)  # a token that ends during the call is no use


def with_pass(channel: Channel, setup: Setup) -> Setup:
    """The setup with a token among its secrets, where the partner wants one.

    Raises NotSent when none is to be had: the call itself was not made then.
    """
    exchange = adapter(channel.adapter).token
    if exchange is None:
        return setup
    value = _held(channel)
    if not value:
        try:
            wire = send(exchange.call(None, setup), api_url=setup.api_url)
            token = exchange.read(wire, setup, None)
        except (NoAnswer, Malformed, Declined) as error:
            raise NotSent(f"no token: {error}") from error
        _keep(channel, token)
        value = token.value
    return replace(setup, secrets={**setup.secrets, TOKEN: value})


def forget(channel: Channel) -> None:
    """The partner refused it: ask for another next time."""
    Pass.objects.filter(channel=channel).delete()


def _held(channel: Channel) -> str:
    row = Pass.objects.filter(channel=channel, expires_at__gt=now() + _SPARE).first()
    return crypto.unseal(row.sealed, place=_place(channel)).decode() if row else ""


def _keep(channel: Channel, token: Token) -> None:
    sealed = crypto.seal(token.value.encode(), place=_place(channel))
    Pass.objects.update_or_create(
        channel=channel, defaults={"sealed": sealed, "expires_at": token.expires_at}
    )


def _place(channel: Channel) -> str:
    return f"enquiries_pass.sealed:{channel.code}"
