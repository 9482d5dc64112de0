"""The judge: holds what the database has against what was acknowledged, and names each fault.

It asks in plain SQL, on any connection, so that a test can doctor the end and see it found.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.chaos.senders import Heard
from tests.chaos.stream import Stream

FAULTS_TOLD: Final = 20


def faults(connection: Any, *, stream: Stream, heard: Heard) -> list[str]:
    """Everything that is not as the stream and its acknowledgements demand."""
    found = [
        *heard.problems,
        *_inbox(connection, stream, heard),
        *_payments(connection, stream, heard),
        *_stories(connection, stream),
        *_refunds(connection, stream, heard),
        *_counters(connection, stream, heard),
        *_series(connection),
    ]
    return found[:FAULTS_TOLD]


def due(connection: Any, *, stream: Stream) -> int:
    """How many messages of the stream still wait."""
    ((count,),) = _rows(
        connection,
        "SELECT count(*) FROM paychannels_inboundmessage "
        "WHERE state = 'due' AND event_key LIKE %(event)s",
        stream,
    )
    return int(count)


def waiting(connection: Any, *, stream: Stream) -> list[Any]:
    """Some of the messages of the stream that still wait, for who must find out why."""
    return _rows(
        connection,
        "SELECT event_key, attempts, next_try_at::text, outcome FROM paychannels_inboundmessage "
        "WHERE state = 'due' AND event_key LIKE %(event)s ORDER BY id LIMIT 10",
        stream,
    )


def most_attempts(connection: Any, *, stream: Stream) -> int:
    """How often the unluckiest message of the stream was tried."""
    ((most,),) = _rows(
        connection,
        "SELECT coalesce(max(attempts), 0) FROM paychannels_inboundmessage "
        "WHERE event_key LIKE %(event)s",
        stream,
    )
    return int(most)


def _inbox(connection: Any, stream: Stream, heard: Heard) -> Iterator[str]:
    """Each acknowledged message once, with the true body, and every repetition on it."""
    rows = _rows(
        connection,
        "SELECT event_key, sha256, repeats, conflicts, state, outcome "
        "FROM paychannels_inboundmessage WHERE event_key LIKE %(event)s",
        stream,
    )
    kept = defaultdict(list)
    for key, *rest in rows:
        kept[key].append(rest)
    for key in sorted(kept.keys() - stream.bodies.keys()):
        yield f"{key} is in the inbox and was never sent"
    for key in sorted(stream.bodies):
        if len(kept[key]) != 1:
            if heard.acks[key, False] or kept[key]:
                yield f"{key} was acknowledged and is {len(kept[key])} times in the inbox"
            continue
        ((sha256, repeats, conflicts, state, outcome),) = kept[key]
        if sha256 != stream.bodies[key]:
            yield f"{key} holds another body than its first"
        if not heard.acks[key, False] <= repeats + 1 <= heard.tries[key, False]:
            yield f"{key} came {repeats + 1} times, {heard.acks[key, False]} were acknowledged"
        if not heard.acks[key, True] <= conflicts <= heard.tries[key, True]:
            yield f"{key}: {conflicts} conflicts, {heard.acks[key, True]} were acknowledged"
        allowed = {"done", "refused"} if stream.events[key][1] == "payment.failed" else {"done"}
        if state not in allowed:
            yield f"{key} is {state}: {outcome}"


def _payments(connection: Any, stream: Stream, heard: Heard) -> Iterator[str]:
    """Each story one payment at its end, with one receipt exactly if it was paid."""
    rows = _rows(
        connection,
        "SELECT p.channel_ref, p.state, p.amount_paise, p.consumer_number, "
        " (SELECT count(*) FROM payments_receipt r WHERE r.payment_id = p.id), "
        " (SELECT coalesce(sum(t.amount_paise), 0) FROM payments_tender t "
        "  WHERE t.payment_id = p.id) "
        " FROM payments_payment p JOIN paychannels_channel c ON c.id = p.channel_id "
        "WHERE c.code = 'razorpay' AND p.channel_ref LIKE %(ref)s",
        stream,
    )
    made = defaultdict(list)
    for ref, *rest in rows:
        made[ref].append(rest)
    for ref in sorted(made.keys() - stream.stories.keys()):
        yield f"{ref} is a payment that nobody made"
    acknowledged = {key for (key, is_changed), _n in heard.acks.items() if not is_changed}
    silent = {ref for key, (ref, _w) in stream.events.items() if key not in acknowledged}
    for ref, story in sorted(stream.stories.items()):
        if ref in silent:
            continue  # given up by its sender, which is a fault already
        if len(made[ref]) != 1:
            yield f"{ref} is {len(made[ref])} payments, acknowledged as {story.end}"
            continue
        ((state, amount, consumer, receipts, tendered),) = made[ref]
        told = (state, int(amount), consumer, receipts)
        right = (story.end, story.amount_paise, story.consumer, int(story.end == "succeeded"))
        if told != right:
            yield f"{ref} is {told}, acknowledged as {right}"
        if tendered not in {0, story.amount_paise}:
            yield f"{ref} holds tenders of {tendered}"


def _stories(connection: Any, stream: Stream) -> Iterator[str]:
    """The state of a payment is where its events lead, each step from where the last one ended."""
    rows = _rows(
        connection,
        "SELECT p.reference, p.state, e.from_state, e.to_state FROM payments_payment p "
        "LEFT JOIN payments_paymentevent e ON e.payment_id = p.id "
        "WHERE p.channel_ref LIKE %(ref)s OR p.counter_id IS NOT NULL ORDER BY p.id, e.id",
        stream,
    )
    steps: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for reference, state, was, to in rows:
        steps[reference, state].append((was, to))
    for (reference, state), moves in steps.items():
        place = "created"
        for was, to in moves:
            if was != place:
                yield f"{reference} moved from {was} while it was {place}"
            place = to
        if place != state:
            yield f"{reference} is {state}, its events lead to {place}"


def _refunds(connection: Any, stream: Stream, heard: Heard) -> Iterator[str]:
    rows = _rows(
        connection,
        "SELECT p.channel_ref, r.state, r.amount_paise FROM payments_refund r "
        "JOIN payments_payment p ON p.id = r.payment_id WHERE p.channel_ref LIKE %(ref)s",
        stream,
    )
    made = sorted((ref, state, int(amount)) for ref, state, amount in rows)
    right = sorted(
        (one.ref, "succeeded", one.refund_paise)
        for one in stream.stories.values()
        if one.has_refund
    )
    if made != right and not heard.problems:
        yield f"refunds differ: {sorted(set(made) ^ set(right))[:4]}, {len(made)} for {len(right)}"


def _counters(connection: Any, stream: Stream, heard: Heard) -> Iterator[str]:
    """Each submit key one payment and one receipt, the same in every answer."""
    rows = _rows(
        connection,
        "SELECT c.submit_key, p.amount_paise, p.state, r.series || '/' || r.year || '/' || "
        "lpad(r.number::text, 6, '0') FROM counters_collection c "
        "JOIN counters_collectionline l ON l.collection_id = c.id "
        "JOIN payments_payment p ON p.id = l.payment_id "
        "LEFT JOIN payments_receipt r ON r.payment_id = p.id WHERE c.submit_key LIKE %(key)s",
        stream,
    )
    made = defaultdict(list)
    for key, *rest in rows:
        made[key].append(rest)
    for key, amount in sorted(stream.submitted.items()):
        labels = heard.receipts.get(key, set())
        if len(labels) != 1 or len(made[key]) != 1:
            yield f"{key} was answered with {sorted(labels)} and is {len(made[key])} payments"
        elif made[key] != [[amount, "succeeded", *labels]]:
            yield f"{key} is {made[key]}, acknowledged as {amount} with {sorted(labels)}"
    ((paid, asked),) = _rows(
        connection,
        "SELECT (SELECT count(*) FROM payments_payment WHERE counter_id IS NOT NULL), "
        "(SELECT count(*) FROM counters_collection)",
        stream,
    )
    if paid != asked:
        yield f"{paid} payments at counters for {asked} submitted keys"


def _series(connection: Any) -> Iterator[str]:
    """Receipt numbers run from 1 without a gap, and the series knows its last."""
    rows = _rows(
        connection,
        "SELECT series, year, coalesce(min(r.number), 1), coalesce(max(r.number), 0), "
        " count(r.number), count(DISTINCT r.number), coalesce(max(s.last_number), 0) "
        "FROM payments_receipt r FULL JOIN payments_receiptseries s USING (series, year) "
        "GROUP BY 1, 2",
    )
    for series, year, first, last, count, numbers, known in rows:
        if not (first == 1 and last == count == numbers == known):
            yield f"{series} {year} has {count} receipts from {first} to {last}, knows {known}"


def _rows(connection: Any, query: str, stream: Stream | None = None) -> list[Any]:
    mark = stream.mark if stream else ""
    patterns: Mapping[str, str] = {
        "event": f"evt\\_{mark}%",
        "ref": f"pay\\_{mark}%",
        "key": f"{mark}-counter-%",
    }
    with connection.cursor() as cursor:
        cursor.execute(query, patterns)
        return list(cursor.fetchall())
