"""The outbox as a queue, and the one mover of its states.

A try is counted and committed before a socket opens; the claim is only a time until which others
wait. Whoever dies in between leaves a try of which nobody knows, and that is what it is called.
"""

import json
import logging
import secrets
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Greatest

from cspdcl.kernel import crypto
from cspdcl.kernel.clock import INDIA, business_date, now, today
from cspdcl.kernel.errors import DomainError
from outgoing import lines
from outgoing.models import Attempt, Connection, Outgoing
from outgoing.parcels import Parcel, Result
from outgoing.states import BY_ITSELF, OVER, Channel, State, Verdict
from outgoing.wording import LASTING, Written
from people import audit
from people.models import User

RECIPIENT_PLACE: Final = "outgoing_outgoing.recipient"
BODY_PLACE: Final = "outgoing_outgoing.body"
WIDTH: Final = 8  # messages of one channel that are under way at once, in all workers together
TRIES_MAX: Final = 12  # about half a day
LEASE: Final = timedelta(minutes=3)  # longer than any try may take
FAILURES_MAX: Final = 5  # in a row; then the connection is left alone for a while
BATCH: Final = 5_000
AGAIN_FROM: Final = (State.GIVEN_UP, State.LAPSED)
AGAIN_MAX: Final = 1_000  # of one press

_FIRST_PAUSE_SECONDS: Final = 30
_PAUSE_SECONDS_MAX: Final = 3600
_REST_SECONDS_MAX: Final = 960
_WORDS_MAX: Final = 200

log = logging.getLogger(__name__)


class NotAgain(DomainError):
    """It is not given up, or its text is wiped: there is nothing to try again."""

    code = "not_again"


class NotSentByHand(DomainError):
    """What a person says about the sending cannot be so."""

    code = "not_sent_by_hand"


# ---- what the worker does ----


def sort_out() -> None:
    """Let news go or wait, as the connections are now; end those that are too old to be sent."""
    for channel in BY_ITSELF:
        rows = Outgoing.objects.filter(channel=channel)
        pairs = Q()
        for kind, language in lines.sendable(channel):
            pairs |= Q(kind=kind, language=language)
        can_go = pairs or Q(pk__in=[])
        at = Coalesce(Greatest(F("not_before"), Value(now())), Value(now()))
        rows.filter(can_go, state=State.WAITING).update(state=State.DUE, next_try_at=at, outcome="")
        rows.filter(~can_go, state=State.DUE, trying_since=None).update(
            state=State.WAITING, next_try_at=None, outcome="no connection"
        )
        _end_stale(rows)


def _end_stale(rows: QuerySet[Outgoing]) -> None:
    """Nobody wants last week's receipt today; what the law wants goes however late it is."""
    oldest = now() - timedelta(days=settings.OUTGOING_STALE_DAYS)
    is_old = Q(made_at__lt=oldest) & (Q(not_before=None) | Q(not_before__lt=oldest))
    is_asked_for = Q(revived_at__gte=oldest)
    # One statement for each state: together they would find no index.
    for state in (State.WAITING, State.DUE):
        stale = rows.filter(is_old, state=state, trying_since=None).exclude(kind__in=LASTING)
        count = stale.exclude(is_asked_for).update(
            state=State.LAPSED, next_try_at=None, outcome="too old to be sent by itself"
        )
        if count:
            log.warning("%s news were too old to be sent", count)


def claim(channel: str, *, limit: int = WIDTH) -> list[Parcel]:
    """Take what is due in hand and count the try; committed before anybody opens a socket."""
    if is_resting(channel):
        return []
    moment = now()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH room AS (
                SELECT GREATEST(0, %(limit)s - count(*)) AS places FROM outgoing_outgoing
                 WHERE channel = %(channel)s AND state = 'due'
                   AND trying_since IS NOT NULL AND next_try_at > %(now)s
            ), picked AS MATERIALIZED (
                SELECT id FROM outgoing_outgoing
                 WHERE channel = %(channel)s AND state = 'due'
                   AND trying_since IS NULL AND next_try_at <= %(now)s
                 ORDER BY next_try_at, id
                   FOR UPDATE SKIP LOCKED LIMIT (SELECT places FROM room)
            )
            UPDATE outgoing_outgoing AS one
               SET attempts = attempts + 1, trying_since = %(now)s, next_try_at = %(until)s
              FROM picked WHERE one.id = picked.id
            RETURNING one.id
            """,
            {"channel": channel, "limit": limit, "now": moment, "until": moment + LEASE},
        )
        ids = [row[0] for row in cursor.fetchall()]
    rows = Outgoing.objects.filter(pk__in=ids).order_by("id")
    return [parcel for row in rows if (parcel := _opened(row)) is not None]


def settle(parcel: Parcel, result: Result) -> None:
    """Keep what a try came to. A yes counts even after others have stopped to wait for it."""
    with transaction.atomic():
        row = Outgoing.objects.select_for_update().get(pk=parcel.row_id)
        is_ours = row.attempts == parcel.number and row.trying_since is not None
        is_late_yes = result.verdict is Verdict.TAKEN and row.state != State.SENT
        if is_ours or is_late_yes:
            _after(row, number=parcel.number, result=result)
    _note_connection(parcel.channel, result)


def recover_lost(limit: int = BATCH) -> int:
    """Tries whose worker ended: nobody knows whether they went out. Says how many."""
    with transaction.atomic():
        rows = Outgoing.objects.select_for_update(skip_locked=True).filter(
            state=State.DUE, trying_since__isnull=False, next_try_at__lte=now()
        )
        lost = list(rows.order_by("id")[:limit])
        for row in lost:
            words = "the worker ended while it was under way"
            _after(row, number=row.attempts, result=Result(Verdict.UNKNOWN, words))
    return len(lost)


def wipe(limit: int = BATCH) -> int:
    """Take recipient and text from what is long over; facts and outcome stay. Says how many."""
    before = now() - timedelta(days=settings.OUTGOING_KEEP_DAYS)
    over = Outgoing.objects.filter(made_at__lt=before, wiped_at=None, state__in=OVER).exclude(
        channel=Channel.ERP
    )
    ids = list(over.order_by("made_at").values_list("pk", flat=True)[:limit])
    return Outgoing.objects.filter(pk__in=ids, state__in=OVER).update(
        recipient=None, body=None, wiped_at=now()
    )


def is_resting(channel: str) -> bool:
    """Whether the connection is left alone now, after failures."""
    return Connection.objects.filter(channel=channel, rests_until__gt=now()).exists()


# ---- what a person does ----


@transaction.atomic
def try_again(outgoing: Outgoing, *, by: User) -> Outgoing:
    """Let what was given up, or was too old, be sent once more, from its first try on."""
    row = Outgoing.objects.select_for_update(of=("self",)).get(pk=outgoing.pk)
    if row.state not in AGAIN_FROM or row.wiped_at is not None:
        raise NotAgain(f"{row.channel} is {State(row.state).label}: it cannot be tried again")
    audit.record(by, "outgoing.again", row, before={"outcome": row.outcome}, office=row.office)
    _release(Outgoing.objects.filter(pk=row.pk))
    row.refresh_from_db()
    return row


@transaction.atomic
def try_many_again(rows: QuerySet[Outgoing], *, by: User) -> int:
    """The same for the oldest of many; what may have gone out is left to a look at each."""
    wanted = rows.filter(state__in=AGAIN_FROM, is_unclear=False, wiped_at=None)
    ids = list(wanted.order_by("id").values_list("pk", flat=True)[:AGAIN_MAX])
    held = Outgoing.objects.select_for_update(of=("self",)).filter(pk__in=ids, state=State.GIVEN_UP)
    locked = {row.pk: str(row) for row in held.order_by("id")}
    if locked:
        told = ("outgoing", f"{len(locked)} of them")
        audit.record(by, "outgoing.many_again", told, after={"which": list(locked.values())})
        _release(Outgoing.objects.filter(pk__in=locked))
    return len(locked)


@transaction.atomic
def note_sent(outgoing: Outgoing, *, by: User, on: date, ref: str) -> Outgoing:
    """Say that a person posted a letter, or knows that what was given up did arrive."""
    row = Outgoing.objects.select_for_update(of=("self",)).get(pk=outgoing.pk)
    is_letter = row.channel == Channel.LETTER and row.state == State.WAITING
    if not is_letter and row.state != State.GIVEN_UP:
        raise NotSentByHand(f"it is {State(row.state).label}")
    if not business_date(row.made_at) <= on <= today():
        raise NotSentByHand("the day lies before the writing, or is still to come")
    noon = datetime.combine(on, time(12), tzinfo=INDIA)
    before = {"state": row.state, "outcome": row.outcome}
    row.state, row.outcome, row.is_unclear = (
        State.SENT,
        f"said by {by.username}"[:_WORDS_MAX],
        False,
    )
    row.sent_at = max(row.made_at, min(noon, now()))
    row.provider_ref = ref
    row.save(update_fields=["state", "outcome", "is_unclear", "sent_at", "provider_ref"])
    after = {"on": on, "ref": ref}
    audit.record(by, "outgoing.sent_by_hand", row, before=before, after=after, office=row.office)
    return row


def _release(rows: QuerySet[Outgoing]) -> None:
    """Wire news are due at once, and go back to waiting if nothing is connected; letters wait."""
    by_wire = Q(channel__in=BY_ITSELF)
    rows.update(
        state=Case(When(by_wire, then=Value(State.DUE)), default=Value(State.WAITING)),
        next_try_at=Case(When(by_wire, then=Value(now())), default=Value(None)),
        attempts=0,
        is_unclear=False,
        outcome="",
        revived_at=now(),
    )


# ---- moving ----


def _opened(row: Outgoing) -> Parcel | None:
    try:
        to, written = opened(row)
    except crypto.Undecipherable as error:
        with transaction.atomic():
            _after(row, number=row.attempts, result=Result(Verdict.REFUSED, str(error)))
        return None
    return Parcel(
        row_id=row.pk,
        number=row.attempts,
        channel=row.channel,
        kind=row.kind,
        language=row.language,
        reference=row.key,
        public_id=str(row.public_id),
        to=to,
        written=written,
    )


def opened(row: Outgoing) -> tuple[str, Written]:
    """Recipient and text of a row that has them; raises Undecipherable."""
    if row.recipient is None or row.body is None:
        raise crypto.Undecipherable("recipient and text are wiped")
    body: dict[str, Any] = json.loads(crypto.unseal(row.body, place=BODY_PLACE))
    to = crypto.unseal(row.recipient, place=RECIPIENT_PLACE).decode()
    return to, Written(body["subject"], body["text"])


def _after(row: Outgoing, *, number: int, result: Result) -> None:
    """Move a locked row as the try demands, and keep the try."""
    words = result.words[:_WORDS_MAX]
    was = row.state
    row.outcome, row.trying_since = words, None
    if result.verdict is Verdict.TAKEN:
        row.state, row.sent_at, row.next_try_at = State.SENT, now(), None
        row.provider_ref, row.is_unclear = result.provider_ref, False
    elif _may_repeat(row, result):
        row.next_try_at = now() + timedelta(seconds=_pause(row.attempts))
    else:
        row.state, row.next_try_at = State.GIVEN_UP, None
        row.is_unclear = result.verdict is Verdict.UNKNOWN
    row.save(
        update_fields=[
            *("state", "outcome", "trying_since", "next_try_at", "sent_at"),
            *("provider_ref", "is_unclear"),
        ]
    )
    Attempt.objects.create(outgoing=row, number=number, verdict=result.verdict, words=words)
    if row.state != was:
        level = logging.WARNING if row.state == State.GIVEN_UP else logging.INFO
        log.log(level, "%s: %s -> %s, %s", row, was, row.state, words)


def _may_repeat(row: Outgoing, result: Result) -> bool:
    if row.attempts >= TRIES_MAX or result.verdict is Verdict.REFUSED:
        return False
    return result.verdict is Verdict.NOT_TAKEN or lines.LINES[row.channel].may_repeat()


def _pause(attempts: int) -> int:
    """Seconds until the next try: twice as long each time, and never for all at once."""
    longest = min(_FIRST_PAUSE_SECONDS << min(attempts - 1, 10), _PAUSE_SECONDS_MAX)
    return longest // 2 + secrets.randbelow(longest // 2 + 1)


def _note_connection(channel: str, result: Result) -> None:
    """Count failures in a row; a refusal of one message is an answer, and so no failure."""
    if result.verdict in (Verdict.TAKEN, Verdict.REFUSED):
        Connection.objects.filter(channel=channel, failures__gt=0).update(
            failures=0, rests_until=None, last_problem=""
        )
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO outgoing_connection AS line (channel, failures, last_problem)
            VALUES (%s, 1, %s)
            ON CONFLICT (channel) DO UPDATE
                SET failures = line.failures + 1, last_problem = EXCLUDED.last_problem
            RETURNING failures
            """,
            [channel, result.words[:_WORDS_MAX]],
        )
        failures = cursor.fetchone()[0]
    if failures >= FAILURES_MAX:
        doublings = min((failures - FAILURES_MAX) // WIDTH, 10)
        seconds = min(_FIRST_PAUSE_SECONDS << doublings, _REST_SECONDS_MAX)
        Connection.objects.filter(channel=channel).update(
            rests_until=now() + timedelta(seconds=seconds)
        )
