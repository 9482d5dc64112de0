"""Posts the answers that partners want apart from their questions."""

from channels_.contract import Call, Wire
from channels_.models import Channel
from enquiries import http
from payments import asked, owed


def deliver() -> int:
    """Send what is owed, and say how many answers were tried."""
    tried = owed.deliver_due(send=_send, reply_to=asked.reply_to)
    owed.forget_old()
    return tried


def _send(channel: Channel, call: Call) -> Wire:
    return http.send(call, api_url=channel.api_url)
