"""The door for other apps: news and postings are stored in the caller's transaction.

Nothing is sent here. What the caller rolls back was never told; what it commits is delivered at
least once. The same key of the same channel is the same row, however often it is told.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Model

from cspdcl.kernel import crypto
from cspdcl.kernel.clock import now
from outgoing import lines, wording
from outgoing.models import Outgoing
from outgoing.queue import BODY_PLACE, RECIPIENT_PLACE
from outgoing.states import Channel, State
from people.audit import name_of
from people.models import Office

_MOBILE: Final = re.compile(r"(?:\+?91[ -]?|0)?([6-9]\d{4}[ -]?\d{5})")
_PIN: Final = re.compile(
    r"(?<!\d)(\d{6})\s*$"
)  # at the end: elsewhere six digits may be a consumer
_AT_ONCE: Final = 500

About = Model | tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing to tell somebody. ``to`` is a mobile number, an e-mail or a postal address."""

    kind: str  # of outgoing/wording.py, which says the facts it wants
    channel: str
    key: str  # such as "receipt_issued:RPR1/2026-27/000123"
    to: str
    language: str
    facts: Mapping[str, Any]
    about: About  # a row, or its type and its reference
    office: Office | None
    at: datetime | None = None  # not before


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One thing that the ERP shall post. Amounts are whole paise; there are no floats."""

    kind: str
    key: str
    facts: Mapping[str, Any]
    about: About
    office: Office | None


def tell(
    kind: str,
    *,
    channel: str,
    key: str,
    to: str,
    language: str,
    facts: Mapping[str, Any],
    about: About,
    office: Office | None,
    at: datetime | None = None,
) -> Outgoing | None:
    """Tell one person. None: there is no address of that kind, or they did not want it (``to``
    is empty), or what is written there is no address; the business goes on all the same."""
    news = News(
        kind=kind,
        channel=channel,
        key=key,
        to=to,
        language=language,
        facts=facts,
        about=about,
        office=office,
        at=at,
    )
    return tell_many([news])[0]


def tell_many(news: Sequence[News]) -> list[Outgoing | None]:
    """Tell many at once; each place of the answer is as ``tell`` says."""
    drafts = [_drafted(one) for one in news]
    kept = _kept([draft for draft in drafts if draft is not None])
    return [None if draft is None else kept[draft.channel, draft.key] for draft in drafts]


def post_to_erp(
    kind: str, *, key: str, facts: Mapping[str, Any], about: About, office: Office | None
) -> Outgoing:
    """Queue one posting for the ERP; it waits until the ERP is connected."""
    return post_many_to_erp([Posting(kind=kind, key=key, facts=facts, about=about, office=office)])[
        0
    ]


def post_many_to_erp(postings: Sequence[Posting]) -> list[Outgoing]:
    """Queue many postings at once."""
    drafts = [_posting(one) for one in postings]
    kept = _kept(drafts)
    return [kept[draft.channel, draft.key] for draft in drafts]


def address_of(channel: str, to: str) -> str:
    """The address as it is used, or empty when it is none: ten digits, an e-mail, some lines."""
    text = to.strip()
    if channel == Channel.SMS:
        found = _MOBILE.fullmatch(text)
        return "" if found is None or not text.isascii() else re.sub(r"\D", "", found[1])
    if channel == Channel.EMAIL:
        try:
            validate_email(text)
        except ValidationError:
            return ""
        return text if text.isascii() else ""
    return text.replace("\0", "")[:1000]


def goes_to(row: Outgoing, to: str) -> bool:
    """Whether a stored row goes to this address; one that is wiped goes to nobody any more."""
    if row.recipient is None:
        return False
    sealed = crypto.unseal(row.recipient, place=RECIPIENT_PLACE)
    return sealed.decode() == address_of(row.channel, to)


def masked(channel: str, address: str) -> str:
    """An address of which enough is left to be recognised by who knows it."""
    if channel == Channel.SMS:
        return f"••••••{address[-4:]}"
    if channel == Channel.EMAIL:
        name, _, home = address.rpartition("@")
        return f"{name[:2] if len(name) > 3 else name[:1]}••@{home}"[:80]
    found = _PIN.search(address)
    return f"••••, {found[1]}" if found else "••••"


def _drafted(news: News) -> Outgoing | None:
    # The text is written even when nobody can be told, so that a wrong fact shows in any test.
    written, facts = wording.write(
        news.kind, channel=news.channel, language=news.language, facts=news.facts
    )
    address = address_of(news.channel, news.to)
    if not address:
        return None
    can_go = lines.can_send(news.channel, kind=news.kind, language=news.language)
    body = json.dumps({"subject": written.subject, "text": written.text}, ensure_ascii=False)
    object_type, object_id = name_of(news.about)
    return Outgoing(
        channel=news.channel,
        kind=news.kind,
        key=news.key,
        office=news.office,
        object_type=object_type,
        object_id=object_id,
        recipient=crypto.seal(address.encode(), place=RECIPIENT_PLACE),
        recipient_masked=masked(news.channel, address),
        language=news.language,
        body=crypto.seal(body.encode(), place=BODY_PLACE),
        facts=facts,
        state=State.DUE if can_go else State.WAITING,
        not_before=news.at,
        next_try_at=(news.at or now()) if can_go else None,
    )


def _posting(one: Posting) -> Outgoing:
    object_type, object_id = name_of(one.about)
    return Outgoing(
        channel=Channel.ERP,
        kind=one.kind,
        key=one.key,
        office=one.office,
        object_type=object_type,
        object_id=object_id,
        facts={name: _plain(value, name=name) for name, value in one.facts.items()},
        state=State.WAITING,
    )


def _plain(value: Any, *, name: str) -> Any:
    """What JSON holds exactly; a float would lose money on the way to the ERP."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(one, name=name) for one in value]
    raise wording.UnknownNews(f"{name}: the ERP is told texts, whole numbers and days")


def _kept(drafts: Sequence[Outgoing]) -> dict[tuple[str, str], Outgoing]:
    """Store what is new; answer the rows, also those that were there before."""
    if not drafts:
        return {}
    Outgoing.objects.bulk_create(drafts, batch_size=_AT_ONCE, ignore_conflicts=True)
    channels = {draft.channel for draft in drafts}
    keys = [draft.key for draft in drafts]
    rows = Outgoing.objects.filter(channel__in=channels, key__in=keys)
    return {(row.channel, row.key): row for row in rows}
