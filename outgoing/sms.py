"""SMS by a gateway that the settings describe: its address, what it wants, how it answers.

Nothing counts as sent but what the gateway says in the agreed place. What may have reached it
without such an answer is unknown, and repeated only if the gateway honours our reference.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from string import Template
from typing import Any, Final
from urllib.parse import quote, urlsplit

from django.conf import settings

from cspdcl.kernel import http
from cspdcl.kernel.http import Limits, NoAnswer, NotAllowed, NotSent
from outgoing.parcels import Parcel, Result
from outgoing.states import Verdict
from outgoing.wording import is_wide

PLACES: Final = frozenset({"mobile", "text", "template_id", "reference", "id", "unicode"})

_LIMITS: Final = Limits(connect_seconds=3, read_seconds=8, total_seconds=12)
_SAID_MAX: Final = 80
# Our address, our key or our pace is wrong; the message is not.
_NOT_THE_MESSAGE: Final = frozenset({401, 402, 403, 404, 405, 407, 408, 425, 429})

_Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """The request for the gateway."""

    url: str
    method: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def is_connected() -> bool:
    """Whether a gateway is described."""
    return bool(settings.SMS_URL and settings.SMS_SUCCESS)


def honours_reference() -> bool:
    """Whether the gateway sends two messages with one reference once."""
    return bool(settings.SMS_HONOURS_REFERENCE)


def has_template(kind: str, language: str) -> bool:
    """Whether the text is registered, where the gateway wants to be told its number."""
    return not wants_template_id() or f"{kind}.{language}" in templates()


def wants_template_id() -> bool:
    """Whether the gateway is told the id of the regulator's registry."""
    everything = settings.SMS_URL + settings.SMS_BODY + settings.SMS_HEADERS
    return "$template_id" in everything or "${template_id}" in everything


def templates() -> Mapping[str, str]:
    """The ids of the regulator's registry, by kind and language."""
    pairs = (line.partition("=") for line in settings.SMS_TEMPLATES)
    return {name.strip(): number.strip() for name, _, number in pairs}


def send(parcel: Parcel) -> Result:
    """Hand one SMS to the gateway. Opens a socket; touches no database."""
    try:
        answer = http.send(posting(parcel), api_url=settings.SMS_URL, limits=_LIMITS)
    except (NotSent, NotAllowed) as error:
        return Result(Verdict.NOT_TAKEN, f"not reached: {error}"[:_SAID_MAX])
    except NoAnswer as error:
        return Result(Verdict.UNKNOWN, f"no answer: {error}")
    return _read(answer)


def posting(parcel: Parcel) -> Posting:
    """The request as the settings want it; each value is written as its place demands."""
    values = {
        "mobile": parcel.to,
        "text": parcel.written.text,
        "template_id": templates().get(f"{parcel.kind}.{parcel.language}", ""),
        "reference": parcel.reference,
        "id": parcel.public_id,
        "unicode": "1" if is_wide(parcel.written.text) else "0",
    }
    headers = json.loads(settings.SMS_HEADERS or "{}")
    in_body = _in_json if _is_json(headers) else _in_form
    return Posting(
        url=_filled(settings.SMS_URL, values, _in_form),
        method=settings.SMS_METHOD,
        headers={name: _filled(text, values, _in_header) for name, text in headers.items()},
        body=_filled(settings.SMS_BODY, values, in_body).encode(),
    )


def faults() -> list[str]:
    """What is wrong with the description of the gateway, for the check at the start."""
    if not settings.SMS_URL:
        return []
    found = [] if settings.SMS_SUCCESS else ["SMS_SUCCESS must say how a yes is told from a no"]
    if settings.SMS_METHOD not in ("GET", "POST", "PUT"):
        found.append("SMS_METHOD must be GET, POST or PUT")
    if "$" in urlsplit(settings.SMS_URL).netloc:
        found.append("SMS_URL: the host takes no value of a message")
    found += _faulty_headers() + _faulty_places() + _faulty_readings()
    found += [
        f"SMS_TEMPLATES: expected KIND.LANGUAGE=ID, got {line!r}"
        for line in settings.SMS_TEMPLATES
        if not re.fullmatch(r"[a-z_]+\.(en|hi)\s*=\s*\w+", line)
    ]
    return found


# ---- what the gateway says ----


def _read(answer: http.Answer) -> Result:
    if not HTTPStatus(200) <= answer.status < HTTPStatus(300):
        return _read_refusal(answer.status)
    text = answer.body.decode("utf-8", errors="replace")
    said = _said(text, settings.SMS_SUCCESS.partition("=")[0])
    if said is None:
        return Result(Verdict.UNKNOWN, "the answer is not what was agreed")
    if not _is_yes(said):
        return Result(Verdict.NOT_TAKEN, f"the gateway says {said[:_SAID_MAX]!r}")
    name = _said(text, settings.SMS_PROVIDER_ID) if settings.SMS_PROVIDER_ID else ""
    return Result(Verdict.TAKEN, "taken by the gateway", (name or "")[:_SAID_MAX])


def _read_refusal(status: int) -> Result:
    words = f"the gateway answers {status}"
    if status in _NOT_THE_MESSAGE:
        return Result(Verdict.NOT_TAKEN, words)
    if HTTPStatus(400) <= status < HTTPStatus(500):
        return Result(Verdict.REFUSED, words)
    return Result(Verdict.UNKNOWN, words)  # also a redirect: nobody knows what it did before


def _said(text: str, place: str) -> str | None:
    """What stands at a place of the answer; None when there is no such place."""
    if place.startswith("/"):
        found = _pattern(place).search(text)
        return None if found is None else found[1 if found.re.groups else 0]
    try:
        node: Any = json.loads(text)
    except ValueError:
        return None
    for step in place.split("."):
        if isinstance(node, list) and step.isdigit() and int(step) < len(node):
            node = node[int(step)]
        elif isinstance(node, dict) and step in node:
            node = node[step]
        else:
            return None
    if isinstance(node, dict | list):
        return None
    return json.dumps(node) if not isinstance(node, str) else node


def _is_yes(said: str) -> bool:
    """A pattern that was found is a yes; a word must be one of those agreed."""
    if settings.SMS_SUCCESS.startswith("/"):
        return True
    return said.lower() in settings.SMS_SUCCESS.partition("=")[2].lower().split("|")


@cache
def _pattern(place: str) -> re.Pattern[str]:
    return re.compile(place.strip("/"))


# ---- what we write ----


def _filled(text: str, values: Mapping[str, str], written: Callable[[str], str]) -> str:
    return Template(text).substitute({name: written(value) for name, value in values.items()})


def _in_json(value: str) -> str:
    return json.dumps(value)[1:-1]


def _in_form(value: str) -> str:
    return quote(value, safe="")


def _in_header(value: str) -> str:
    return "".join(char for char in value if " " <= char <= "~")


def _is_json(headers: _Json) -> bool:
    names = {name.lower(): value for name, value in headers.items()}
    return "json" in str(names.get("content-type", "")).lower()


def _faulty_headers() -> list[str]:
    try:
        headers = json.loads(settings.SMS_HEADERS or "{}")
    except ValueError:
        headers = None
    if isinstance(headers, dict) and all(isinstance(one, str) for one in headers.values()):
        return []
    return ["SMS_HEADERS must be a JSON object of texts"]


def _faulty_places() -> list[str]:
    found = []
    for name in ("SMS_URL", "SMS_BODY", "SMS_HEADERS"):
        template = Template(getattr(settings, name))
        if not template.is_valid():
            found.append(f"{name}: a dollar sign that is no place is written $$")
        elif unknown := sorted(set(template.get_identifiers()) - PLACES):
            found.append(f"{name}: no such place: {', '.join(unknown)}")
    return found


def _faulty_readings() -> list[str]:
    found = []
    for name in ("SMS_SUCCESS", "SMS_PROVIDER_ID"):
        place = getattr(settings, name)
        if place.startswith("/"):
            try:
                _pattern(place)
            except re.error as error:
                found.append(f"{name}: {error}")
        elif name == "SMS_SUCCESS" and place and "=" not in place:
            found.append("SMS_SUCCESS: expected PATH=WORD[|WORD] or /pattern/")
    return found
