"""A simulated day as files: what the parties send, what they report, and the truth about it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from channels_.simulation import Envelope
from counters.paper.return_files import PRESETS, write_returns
from simulator.bank import OPENING_PAISE, camt053, mt940
from simulator.books import books_of
from simulator.consumers import consumers_csv
from simulator.counters import Batch, CounterReceipt, Slip
from simulator.day import ChannelDay, Day
from simulator.messages import Sending
from simulator.offices import Step

README: Final = """\
A simulated day of collections: {date}, {payments} payments, seed {seed}.
SAMPLE DATA. Nobody in these files exists, and no money moved.

{files}
A line of a .jsonl file is one message: "at" is when it leaves its sender, "body" the exact text
to send, before it is sealed and signed: that is done when it is sent, because the secrets are
yours. A line of a -books.jsonl file is one payment, or one row of the report, as the partner
itself has it: fake_partners answers from them. The two statements of an account say the same:
load one of them.
"""
RETURNS: Final = "memo-csv"  # the layout of the bank's file of returned cheques
_WIDTH: Final = 30


def write_day(day: Day, directory: Path) -> list[Path]:
    """Write every file of the day; files of another day with the same names are replaced."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in _files(day):
        path = directory / name
        path.write_bytes(content)
        paths.append(path)
    return paths


def statements_of(day: Day, directory: Path) -> list[tuple[str, str]]:
    """What is to be loaded after the day: each source with the name of its file."""
    reports = [(code, sorted(directory.glob(f"{code}-settlement.*"))) for code in day.channels]
    endings = cycle(("mt940", "camt053.xml"))
    return [
        *((code, paths[0].name) for code, paths in reports if paths),
        *((account, f"{account}.{next(endings)}") for account in day.statements),
    ]


def eve_statement_of(day: Day) -> tuple[str, str] | None:
    """The statement of the day before: its source and its file; None where nothing was paid in."""
    source = day.scene.deposits
    return (source, f"{source}-eve.mt940") if day.eve_statement else None


def _files(day: Day) -> Iterator[tuple[str, bytes]]:
    listed = []
    for name, content, what in _contents(day):
        listed.append(f"{name:{_WIDTH}} {what}\n")
        yield name, content
    readme = README.format(
        date=day.date, payments=day.truth["payments"], seed=day.seed, files="".join(listed)
    )
    yield "README.txt", readme.encode()


def _contents(day: Day) -> Iterator[tuple[str, bytes, str]]:
    """Each file of the day: its name, its content, and what it is."""
    yield "consumers.csv", consumers_csv(day.consumers), "consumers and bills, for load_consumers"
    partners = {channel.code for channel in day.scene.channels}
    for code, played in day.channels.items():
        if code in partners:
            messages = _jsonl(map(_message, played.messages))
            yield f"{code}-messages.jsonl", messages, f"messages of {code} in sending order"
        yield f"{code}-books.jsonl", _jsonl(books_of(played)), f"what the partner of {code} knows"
        for ending, content in _report(played):
            yield f"{code}-settlement.{ending}", content, f"the settlement report of {code}"
    yield (
        "counter-receipts.jsonl",
        _jsonl(map(_batch, day.batches)),
        "receipts of the counters, in the batches in which they are sent",
    )
    yield (
        "deposits.jsonl",
        _jsonl(_slip(slip, day) for slip in day.slips),
        "pay-in slips, in the order in which counters go to the bank",
    )
    yield from _of_offices(day)
    for account in day.scene.accounts:
        lines = day.statements.get(account.code)
        if lines is not None:
            yield (
                f"{account.code}.mt940",
                mt940(account, lines, day=day.date),
                "the bank's statement of the day as MT940",
            )
            yield (
                f"{account.code}.camt053.xml",
                camt053(account, lines, day=day.date),
                "the same statement as camt.053.001.08",
            )
    truth = json.dumps(day.truth, indent=1).encode() + b"\n"
    yield "truth.json", truth, "what was planted; for comparison afterwards only"


def _of_offices(day: Day) -> Iterator[tuple[str, bytes, str]]:
    """What offices with people leave: their steps, the bank's returns, the statement of the eve."""
    if not day.steps:
        return
    yield "offices.jsonl", _jsonl(map(_step, day.steps)), "what the people of the offices do"
    if day.returned:
        content = write_returns(day.returned, PRESETS[RETURNS])
        yield f"{day.scene.deposits}-returns.csv", content, "the bank's file of returned cheques"
    if eve := eve_statement_of(day):
        source, name = eve
        account = next(one for one in day.scene.accounts if one.code == source)
        opening = OPENING_PAISE - sum(line.amount_paise for line in day.eve_statement)
        content = mt940(account, day.eve_statement, day=day.eve, opening_paise=opening)
        yield name, content, "the bank's statement of the day before, as MT940"


def _step(step: Step) -> dict[str, Any]:
    return {**step._asdict(), "at": step.at.isoformat()}


def _report(played: ChannelDay) -> list[tuple[str, bytes]]:
    """The settlement report of a channel by the ending of its file, the one to load first."""
    write = played.channel.simulation.report
    return list(write(played.report).items()) if write is not None and played.report else []


def _jsonl(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows)


def _message(sent: Sending) -> dict[str, Any]:
    row: dict[str, Any] = {
        "at": sent.at.isoformat(),
        "headers": dict(sent.envelope.headers),
        "body": sent.envelope.body.decode(),
    }
    return {**row, "path": sent.envelope.path} if sent.envelope.path else row


def envelope_of(row: Mapping[str, Any]) -> Envelope:
    """The message of a line, before it is sealed and signed."""
    return Envelope(row["body"].encode(), row["headers"], row.get("path", ""))


def _batch(batch: Batch) -> dict[str, Any]:
    return {
        "at": batch.at.isoformat(),
        "counter": batch.counter,
        "body": {"receipts": [_receipt(receipt) for receipt in batch.receipts]},
    }


def _receipt(receipt: CounterReceipt) -> dict[str, Any]:
    item: dict[str, Any] = {
        "submit_key": receipt.submit_key,
        "channel": receipt.channel,
        "consumer_number": receipt.consumer_number,
        "bill_number": receipt.bill_number,
        "amount_paise": receipt.amount_paise,
        "taken_at": receipt.at.isoformat(),
    }
    if receipt.instrument:
        item |= {
            "instrument": receipt.instrument,
            "instrument_date": receipt.at.date().isoformat(),
            "bank_name": receipt.bank_name,
            "micr": receipt.micr,
        }
    return item


def _slip(slip: Slip, day: Day) -> dict[str, Any]:
    return {
        "at": slip.at.isoformat(),
        "counter": slip.counter,
        "body": {
            "slip_number": slip.number,
            "channel": slip.channel,
            "business_date": day.date.isoformat(),
        },
    }
