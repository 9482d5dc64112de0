"""Bharat Connect's XML: who signed it, and what the worker reads in a message that was kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from lxml import etree

from channels_ import xml_signed
from channels_.adapters.bbps.messages import biller_of, document, read
from channels_.bharat_connect import check_moment, instant
from channels_.contract import (
    Inbound,
    Notice,
    NoticeKind,
    Setup,
    Unreadable,
    WrongMerchant,
)
from cspdcl.kernel.errors import Malformed, Unverified

SECRET: Final = "unit_key"  # noqa: S105 - the name of the secret, not the secret


def verify(inbound: Inbound, setup: Setup) -> None:
    """Prove that the unit's key signed the whole document, lately, and for our biller."""
    try:
        root = document(inbound.body)
    except Unreadable as error:
        raise Unverified(str(error)) from error
    xml_signed.check(root, setup.secrets.get(SECRET, ""))
    check_moment(_moment(root), setup)
    biller = biller_of(root)
    if setup.merchant_id and biller and biller != setup.merchant_id:
        raise WrongMerchant(f"meant for the biller {biller!r}")


def event_key(inbound: Inbound, setup: Setup) -> str:
    """refId and msgId of the message, with what it asks for."""
    return read(inbound, setup).message_ref


def parse(inbound: Inbound, setup: Setup) -> Sequence[Notice]:
    """What a kept message asserts: a payment, a complaint, or nothing that changes anything."""
    ask = read(inbound, setup)
    if ask.notice is not None:
        return [ask.notice]
    return [Notice(kind=NoticeKind.IGNORED, event=ask.kind.value, code=ask.kind.value)]


def _moment(root: etree._Element) -> datetime:
    head = root.find("Head")
    try:
        return instant("" if head is None else head.get("ts", ""), "Head ts")
    except Malformed as error:
        raise Unverified(str(error)) from error
