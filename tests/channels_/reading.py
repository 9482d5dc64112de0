"""What an adapter reads out of a message, in the plain form of the golden files."""

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from channels_.contract import Adapter, Inbound, Notice, Setup, Unreadable
from cspdcl.kernel.errors import Malformed


def reading(adapter: Adapter, inbound: Inbound, setup: Setup) -> Any:
    """The notices without their empty fields; or how the message is refused."""
    assert adapter.parse is not None
    try:
        return [_plain(notice) for notice in adapter.parse(inbound, setup)]
    except Unreadable as error:
        return {"unreadable": str(error)}
    except Malformed as error:
        return {"malformed": str(error)}


def _plain(notice: Notice) -> dict[str, Any]:
    empty = {field.name: field.default for field in fields(Notice)}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(notice).items()
        if value != empty[name]
    }
