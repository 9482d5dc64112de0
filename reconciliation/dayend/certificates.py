"""What a closed day certifies, as facts that are hashed, signed and checked by anybody.

The facts are whole numbers and texts only. Their one form in bytes is JSON with sorted names and no
blanks, so a certificate read from a file gives the same hash on any machine.
"""

import base64
import binascii
import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from django.db.models import Count, Q, QuerySet, Sum

from channels_.models import Channel
from cspdcl.kernel.errors import Malformed
from people import audit
from people.models import AuditHead, User
from people.roles import ROLES
from reconciliation.matching import inputs
from reconciliation.models import (
    Book,
    DayCause,
    DayClose,
    Decision,
    Entry,
    Expected,
    Kind,
    Proof,
    RollForward,
    Run,
    Stage,
)

Facts = dict[str, Any]

FORM: Final = 1  # of the facts; a change of their names is another form
ROLL: Final = ("opening", "arrived", "matched", "written_off", "closing")
AGES: Final = ((0, 1), (2, 3), (4, 7), (8, 30), (31, None))  # days, both ends included
_SIGNED_AS: Final = b"CSPDCL certificate of a day, form 1\n"
FILE_BYTES_MAX: Final = 16 * 1024**2


# ---- the facts ----


def facts_of(
    run: Run, *, version: int, reason: str, live: DayClose | None, causes: Sequence[DayCause]
) -> Facts:
    """All that a version certifies, but for who approves it: from the run that proves the day."""
    day = run.business_date
    files = inputs.files_of(day)
    facts: Facts = {
        "form": FORM,
        "number": f"DC-{day.isoformat()}-{version}",
        "business_date": day.isoformat(),
        "version": version,
        "reason": reason,
        "run": _run_facts(run),
        "rules": dict(sorted(run.rule_versions.items())),
        "receipts": _receipts(run),
        "proofs": _proofs(run),
        "sources": _sources(run),
        "channels": _channels(run),
        "waits": _waits(run),
        "carried": _carried(run),
        "carried_by_age": _carried_by_age(run),
        "decisions": _decisions(run),
        "inputs": {"files": files, "hash": inputs.hash_of(files)},
        "previous": _previous(live),
        "causes": [cause_facts(one) for one in causes],
        "differences": [],
    }
    if live is not None:
        facts["differences"] = differences(live.facts, facts)
    return facts


def _run_facts(run: Run) -> Facts:
    earlier = Run.objects.filter(business_date=run.business_date, id__lte=run.pk).count()
    return {
        "number": earlier,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else "",
        "started_by": run.started_by,
        "entries_until": run.entries_until,
        "output_hash": run.output_hash,
    }


def _previous(live: DayClose | None) -> Facts | None:
    return {"number": live.number, "content_hash": live.content_hash} if live else None


def _pair(count: int | None, paise: int | None) -> list[int]:
    return [int(count or 0), int(paise or 0)]


def _rolled(proof: RollForward, parts: Sequence[str]) -> Facts:
    return {
        "stage": proof.stage,
        "book": proof.book,
        **{
            name: _pair(getattr(proof, f"{name}_count"), getattr(proof, f"{name}_paise"))
            for name in parts
        },
    }


def _proofs(run: Run) -> list[Facts]:
    parts = (*ROLL, "broken", "expected", "later")
    return [
        _rolled(proof, parts) for proof in Proof.objects.filter(run=run).order_by("stage", "book")
    ]


def _sources(run: Run) -> list[Facts]:
    """The roll-forward of each channel, bank account and the ERP by itself."""
    rows = run.source_proofs.select_related("channel", "bank_account").order_by(
        "stage", "book", "channel__position", "channel__code", "bank_account__code"
    )
    return [
        {
            **_rolled(one, ROLL),
            "source": source.code if source else "",
            "name": source.name if source else "",
        }
        for one in rows
        for source in [one.channel or one.bank_account]
    ]


def _of_day(run: Run) -> QuerySet[Entry]:
    return Entry.objects.filter(business_date=run.business_date, id__lte=run.entries_until)


def _matched_in_time(run: Run, stage: str) -> Q:
    """Matched by the end of the day, as the roll-forward counts it."""
    return Q(
        match_lines__stage=stage,
        match_lines__is_live=True,
        match_lines__match__matched_on__lte=run.business_date,
    )


def _receipts(run: Run) -> Facts:
    """What was receipted on the day, and how much of it was matched by its end, in 1/100 %."""
    issued = _of_day(run).filter(book=Book.RECEIPTS, kind__in=(Kind.PAYMENT, Kind.REPEATED))
    total = issued.aggregate(n=Count("id"), paise=Sum("amount_paise"))
    matched = sum(
        issued.filter(**{f"in_{stage}_stage": True}).filter(_matched_in_time(run, stage)).count()
        for stage in (Stage.CHANNEL, Stage.BANK)
    )
    count = total["n"]
    return {
        "issued": _pair(count, total["paise"]),
        "matched_count": matched,
        "match_rate": matched * 10_000 // count if count else 10_000,
    }


def _channels(run: Run) -> list[Facts]:
    """By channel: receipted, confirmed by it, fee and GST, due in the bank, in the bank."""
    day = _of_day(run).filter(channel__isnull=False)
    rows: dict[int, Facts] = defaultdict(dict)
    issued = day.filter(book=Book.RECEIPTS, kind__in=(Kind.PAYMENT, Kind.REPEATED))
    confirmed = issued.filter(_matched_in_time(run, Stage.CHANNEL))
    to_bank = day.filter(in_bank_stage=True, book__in=(Book.RECEIPTS, Book.CHANNEL))
    banked = to_bank.filter(_matched_in_time(run, Stage.BANK))
    for name, entries, paise in (
        ("receipts", issued, Sum("amount_paise")),
        ("confirmed", confirmed, Sum("amount_paise")),
        ("charges", day.filter(book=Book.CHANNEL), Sum("fee_paise") + Sum("tax_paise")),
        ("due", to_bank, Sum("net_paise")),
        ("banked", banked, Sum("net_paise")),
    ):
        for row in entries.order_by().values("channel_id").annotate(n=Count("id"), paise=paise):
            rows[row["channel_id"]][name] = _pair(row["n"], row["paise"])
    columns = ("receipts", "confirmed", "charges", "due", "banked")
    return [
        {
            "channel": channel.code,
            "name": channel.name,
            **{name: rows[channel.pk].get(name, [0, 0]) for name in columns},
        }
        for channel in Channel.objects.order_by("position", "code")
        if channel.pk in rows
    ]


def _waits(run: Run) -> list[Facts]:
    """What is open because it is not due, or its file has not come."""
    rows = (
        Expected.objects.filter(run=run, business_date__lte=run.business_date)
        .order_by("stage", "book", "why")
        .values("stage", "book", "why")
        .annotate(n=Sum("count"), total=Sum("paise"))
    )
    return [
        {
            "stage": row["stage"],
            "book": row["book"],
            "why": row["why"],
            "open": _pair(row["n"], row["total"]),
        }
        for row in rows
    ]


def _carried(run: Run) -> list[Facts]:
    """The breaks of the day and earlier ones that the run left open, by reason."""
    found: dict[str, Facts] = {}
    for one in run.carried:
        row = found.setdefault(
            one["reason"], {"reason": one["reason"], "open": [0, 0], "oldest": one["day"]}
        )
        row["open"] = [row["open"][0] + one["count"], row["open"][1] + one["paise"]]
        row["oldest"] = min(row["oldest"], one["day"])
    return [found[reason] for reason in sorted(found)]


def _carried_by_age(run: Run) -> list[Facts]:
    found = []
    for first, last in AGES:
        inside = [
            one
            for one in run.carried
            if first <= _age(one, run) and (last is None or _age(one, run) <= last)
        ]
        total = _pair(sum(one["count"] for one in inside), sum(one["paise"] for one in inside))
        found.append({"from_days": first, "to_days": last, "open": total})
    return found


def _age(one: Facts, run: Run) -> int:
    return (run.business_date - date.fromisoformat(one["day"])).days


def _decisions(run: Run) -> list[Facts]:
    """What people decided about breaks of the day before the run proved it, and it still held."""
    rows = (
        Decision.objects.filter(
            state__in=(Decision.State.APPROVED, Decision.State.ALONE),
            open_break__business_date=run.business_date,
            checked_at__lte=run.finished_at,
        )
        .exclude(undone_at__lte=run.finished_at)
        .order_by("kind", "state")
        .values("kind", "state")
        .annotate(n=Count("id"), total=Sum("amount_paise"))
    )
    return [
        {"kind": row["kind"], "state": row["state"], "sum": _pair(row["n"], row["total"])}
        for row in rows
    ]


def cause_facts(cause: DayCause) -> Facts:
    """A cause as its certificate lists it."""
    return {
        "kind": cause.kind,
        "key": cause.key,
        "reference": cause.reference,
        "count": cause.count,
        "amount_paise": cause.amount_paise,
        "at": cause.at.isoformat(),
        **cause.facts,
    }


def differences(was: Facts, now: Facts) -> list[Facts]:
    """What a version says otherwise than the one before it: by stage and book, and by channel."""
    found: list[Facts] = []
    before = {(one["stage"], one["book"]): one for one in was["proofs"]}
    after = {(one["stage"], one["book"]): one for one in now["proofs"]}
    for stage, book in sorted(before.keys() | after.keys()):
        found += _changed(
            {"of": "proof", "stage": stage, "book": book},
            before.get((stage, book), {}),
            after.get((stage, book), {}),
            (*ROLL, "broken", "expected", "later"),
        )
    old = {one["channel"]: one for one in was["channels"]}
    new = {one["channel"]: one for one in now["channels"]}
    for code in sorted(old.keys() | new.keys()):
        found += _changed(
            {"of": "channel", "channel": code},
            old.get(code, {}),
            new.get(code, {}),
            ("receipts", "confirmed", "charges", "due", "banked"),
        )
    return found


def _changed(where: Facts, was: Facts, now: Facts, names: Sequence[str]) -> list[Facts]:
    return [
        {**where, "what": name, "was": was.get(name, [0, 0]), "is": now.get(name, [0, 0])}
        for name in names
        if was.get(name, [0, 0]) != now.get(name, [0, 0])
    ]


def closing_changed(facts: Facts) -> int | None:
    """By how much the closing of some book moved against the version before; None: by nothing."""
    moved = [one for one in facts["differences"] if one.get("what") == "closing"]
    moved = [one for one in moved if one["of"] == "proof"]
    return sum(one["is"][1] - one["was"][1] for one in moved) if moved else None


# ---- signing ----


def signed_by(close: DayClose, *, checker: User, at: datetime) -> Facts:
    """The facts with who answers for them, and where the audit trail stood."""
    head = AuditHead.objects.filter(pk=1).first()
    return {
        **close.facts,
        "audit": {"seq": head.seq if head else 0, "hash": bytes(head.hash).hex() if head else ""},
        "proposed": _person(close.maker, close.made_at),
        "approved": _person(checker, at),
    }


def _person(user: User | None, at: datetime) -> Facts:
    if user is None:
        return {"username": "", "name": "", "role": "", "at": at.isoformat()}
    codes = sorted(user.groups.values_list("name", flat=True))
    role = next((code for code in codes if code.startswith("finance") and code in ROLES), "")
    return {
        "username": user.username,
        "name": user.full_name,
        "role": role,
        "at": at.isoformat(),
    }


def canonical(facts: Mapping[str, Any]) -> bytes:
    """The one form of the facts in bytes."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def hash_of(facts: Mapping[str, Any]) -> str:
    """What the signature is over."""
    return hashlib.sha256(canonical(facts)).hexdigest()


def sign(content_hash: str) -> bytes:
    """Today's key over the hash."""
    return audit.sign(_SIGNED_AS + content_hash.encode())


def document(close: DayClose) -> bytes:
    """The certificate as a file: facts, their hash and the signature; always the same bytes."""
    return _written(
        {
            "certificate": close.facts,
            "content_hash": close.content_hash,
            "key_id": close.key_id,
            "signature": base64.b64encode(bytes(close.signature or b"")).decode(),
        }
    )


def _written(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, indent=1, ensure_ascii=False).encode() + b"\n"


# ---- checking ----


@dataclass(frozen=True, slots=True)
class Checked:
    """A certificate from a file, and the first thing wrong with it; no fault: it is as signed."""

    facts: Facts
    content_hash: str
    fault: str

    @property
    def number(self) -> str:
        """What the file calls itself."""
        return str(self.facts.get("number", "?"))


def check(content: bytes) -> Checked:
    """Hold a certificate's file against its own hash and signature; raises Malformed for no one."""
    facts, told, key_id, signature = _read(content)
    found = hash_of(facts)
    if found != told:
        return Checked(facts, told, "its facts were altered: they do not give its hash")
    key = audit.public_keys().get(key_id)
    if key is None:
        return Checked(facts, told, f"it was signed by the unknown key {key_id}")
    try:
        key.verify(signature, _SIGNED_AS + told.encode())
    except InvalidSignature:
        return Checked(facts, told, "it was forged: its signature does not hold")
    return Checked(facts, told, "")


def check_against_books(found: Checked) -> str:
    """What the stored version says otherwise; empty when it is the same to the byte."""
    stored = _stored(found)
    if stored is None:
        return f"{found.number} is not among the closed days here"
    if canonical(stored.facts) != canonical(found.facts) or stored.content_hash != (
        found.content_hash
    ):
        return f"{found.number} says otherwise here"
    return _chain_fault(stored)


def _chain_fault(last: DayClose) -> str:
    """Walks from a version back to the first: each names the hash of the one before it."""
    versions = _signed().filter(business_date=last.business_date, version__lte=last.version)
    before: DayClose | None = None
    for version, one in enumerate(versions.order_by("version"), start=1):
        named = one.facts.get("previous")
        expected = _previous(before)
        if one.version != version:
            return f"version {version} of the day is missing"
        if named != expected or hash_of(one.facts) != one.content_hash:
            return f"{one.number} does not follow the version before it"
        before = one
    return ""


def chain_fault_between(found: Sequence[Checked]) -> str:
    """What is wrong between files of one day: each names the hash of the version before it."""
    by_day: dict[str, list[Checked]] = defaultdict(list)
    for one in found:
        by_day[str(one.facts.get("business_date"))].append(one)
    for versions in by_day.values():
        ordered = sorted(versions, key=lambda one: int(one.facts.get("version") or 0))
        for before, after in pairwise(ordered):
            if after.facts["version"] != before.facts["version"] + 1:
                continue
            named = (after.facts.get("previous") or {}).get("content_hash")
            if named != before.content_hash:
                return f"{after.number} does not follow {before.number}: it names another version"
    return ""


def _signed() -> QuerySet[DayClose]:
    return DayClose.objects.filter(state__in=(DayClose.State.CLOSED, DayClose.State.SUPERSEDED))


def _stored(found: Checked) -> DayClose | None:
    version = found.facts.get("version")
    try:
        day = date.fromisoformat(str(found.facts.get("business_date")))
    except ValueError:
        return None
    if not isinstance(version, int):
        return None
    return _signed().filter(business_date=day, version=version).first()


def _read(content: bytes) -> tuple[Facts, str, str, bytes]:
    if len(content) > FILE_BYTES_MAX:
        raise Malformed("the file is larger than any certificate")
    try:
        told = json.loads(content)
        facts, content_hash = told["certificate"], told["content_hash"]
        signature = base64.b64decode(told["signature"], validate=True)
        key_id = told["key_id"]
        as_written = _written(told)  # refuses half a character, which JSON can name
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise Malformed("this is no certificate of a day") from error
    if not isinstance(facts, dict) or not isinstance(content_hash, str):
        raise Malformed("this is no certificate of a day")
    # A name that stands twice is read once: a reader would see what no signature covers.
    if as_written != content:
        raise Malformed("this file is not written as a certificate is: something was altered")
    return facts, content_hash, str(key_id), signature
