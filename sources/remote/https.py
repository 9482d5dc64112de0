"""One file a day at an address of a web server."""

import base64
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from cspdcl.kernel import http
from sources.remote.terms import SECONDS_MAX, Arrived, IsKnown, OutOfReach, Terms

_NOT_THERE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.NO_CONTENT, HTTPStatus.GONE})


@dataclass(frozen=True, slots=True)
class _Ask:
    url: str
    headers: Mapping[str, str]
    method: str = "GET"
    body: bytes = field(default=b"")


def pull(terms: Terms, is_known: IsKnown) -> Iterator[Arrived]:
    """What lies at the address of each day; ``{day}`` in it is the day, ``{day:%d%m%Y}`` too."""
    limits = http.Limits(read_seconds=60.0, total_seconds=SECONDS_MAX, bytes_max=terms.bytes_max)
    for day in reversed(terms.days) if "{day" in terms.address else terms.days[:1]:
        url = terms.address.format(day=day)
        try:
            answer = http.send(_Ask(url, _headers(terms)), api_url=url, limits=limits)
        except (http.NotSent, http.NoAnswer, http.NotAllowed) as error:
            raise OutOfReach(f"{terms.host}: {error}") from error
        if answer.status in _NOT_THERE:
            continue
        if answer.status != HTTPStatus.OK:
            raise OutOfReach(f"{terms.host} answered {answer.status} for {day}")
        # The address may show another content tomorrow: only the content itself is a mark.
        name, mark = _name(url, day), hashlib.sha256(answer.body).hexdigest()
        if not is_known(name, mark):
            yield Arrived(name, mark, io.BytesIO(answer.body))


def _headers(terms: Terms) -> Mapping[str, str]:
    if not terms.secret:
        return {}
    if not terms.user:
        return {"Authorization": f"Bearer {terms.secret}"}
    both = base64.b64encode(f"{terms.user}:{terms.secret}".encode()).decode()
    return {"Authorization": f"Basic {both}"}


def _name(url: str, day: object) -> str:
    last = url.partition("?")[0].rpartition("/")[2]
    return last if str(day) in last else f"{day} {last}".strip()
