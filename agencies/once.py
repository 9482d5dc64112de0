"""Each POST is taken once: its key, its effect and its answer are one commit.

A repeat at the same moment waits for that commit on the unique key, so none is ever told to come
again because of it, and a crash leaves neither key nor effect.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction

from agencies.auth import Caller
from agencies.models import AskedOnce
from agencies.problems import KeyReused, Refused, of_refusal
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import now
from payments.models import Payment

KEY_HEADER: Final = "Idempotency-Key"
HIT_HEADER: Final = "Idempotency-Hit"
KEY_SHAPE: Final = re.compile(r"[!-~]{16,200}")
EVIDENCE_PLACE: Final = "agencies_askedonce.evidence"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a POST is answered with. A hit is an answer that was given before."""

    status: int
    body: Mapping[str, Any]
    payment: Payment | None = None
    is_hit: bool = False
    is_problem: bool = False


def fingerprint_of(method: str, path: str, contents: Mapping[str, Any]) -> str:
    """Equal for requests that ask the same, however their JSON is written."""
    told = json.dumps(contents, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(f"{method}\n{path}\n{told}".encode()).hexdigest()


@transaction.atomic
def once(caller: Caller, *, key: str, fingerprint: str, work: Callable[[], Answer]) -> Answer:
    """Do the work the first time a key comes, and give its answer every time.

    A refusal of the business is an answer too, its effects taken back. Whatever else is raised
    leaves nothing, and the key may come again.
    """
    agency = caller.door.agency
    row = _begin(agency.pk, key=key, fingerprint=fingerprint, evidence=caller.evidence)
    if row is None:
        return _again(agency.pk, key=key, fingerprint=fingerprint)
    try:
        with transaction.atomic():
            answer = work()
    except Refused as refused:
        if not refused.is_final:
            raise
        answer = Answer(refused.status, of_refusal(refused), is_problem=True)
    AskedOnce.objects.filter(pk=row).update(
        http_status=answer.status,
        answer=json.dumps(answer.body, ensure_ascii=False),
        payment=answer.payment,
    )
    return answer


def _begin(agency_pk: int, *, key: str, fingerprint: str, evidence: bytes) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO agencies_askedonce
                (agency_id, key, fingerprint, evidence, answer, created_at)
            VALUES (%s, %s, %s, %s, '', %s)
            ON CONFLICT (agency_id, key) DO NOTHING
            RETURNING id
            """,
            [agency_pk, key, fingerprint, crypto.seal(evidence, place=EVIDENCE_PLACE), now()],
        )
        found = cursor.fetchone()
    return found[0] if found else None


def _again(agency_pk: int, *, key: str, fingerprint: str) -> Answer:
    row = AskedOnce.objects.get(agency_id=agency_pk, key=key)
    if row.fingerprint != fingerprint:
        raise KeyReused(
            "The key stands for a request with other contents.",
            expected="the same contents as the first time, or a new key",
        )
    status = row.http_status or 0
    return Answer(status, json.loads(row.answer), is_hit=True, is_problem=status >= 400)
