"""A simulated day as files: what the parties send, what they report, and the truth about it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from channels_.adapters.razorpay.simulate import SIMULATION as RAZORPAY
from simulator.bank import camt053, mt940
from simulator.consumers import consumers_csv
from simulator.counters import Batch, CounterReceipt, Slip
from simulator.day import Day
from simulator.messages import Sending

README: Final = """\
A simulated day of collections: {date}, {payments} payments, seed {seed}.
SAMPLE DATA. Nobody in these files exists, and no money moved.

consumers.csv              consumers and their bills, for load_consumers
razorpay-webhooks.jsonl    the gateway's webhooks in sending order, not yet signed
bank-notices.jsonl         credit notices of the bank in sending order, not yet signed
counter-receipts.jsonl     receipts of the counters, in the batches in which they are sent
deposits.jsonl             pay-in slips, in the order in which counters go to the bank
razorpay-settlement.csv    the gateway's settlement report, money in paise
razorpay-settlement.json   the same report as the API gives it
{accounts}truth.json                 what was planted; for comparison afterwards only

A line of a .jsonl file is one message: "at" is when it leaves its sender, "body" the exact text
to send. Webhooks and notices are signed when they are sent, because their secret is yours.
The two statements of an account say the same: load one of them.
"""


def write_day(day: Day, directory: Path) -> list[Path]:
    """Write every file of the day; files of another day with the same names are replaced."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in _files(day):
        path = directory / name
        path.write_bytes(content)
        paths.append(path)
    return paths


def _files(day: Day) -> Iterator[tuple[str, bytes]]:
    yield "consumers.csv", consumers_csv(day.consumers)
    yield "razorpay-webhooks.jsonl", _jsonl(map(_message, day.webhooks))
    yield "bank-notices.jsonl", _jsonl(map(_message, day.notices))
    yield "counter-receipts.jsonl", _jsonl(map(_batch, day.batches))
    yield "deposits.jsonl", _jsonl(_slip(slip, day) for slip in day.slips)
    if RAZORPAY.report is not None:
        for ending, content in RAZORPAY.report(day.report).items():
            yield f"razorpay-settlement.{ending}", content
    for account, lines in (
        (day.scene.collection, day.collection),
        (day.scene.ecollect, day.ecollect),
    ):
        yield f"{account.code}.mt940", mt940(account, lines, day=day.date)
        yield f"{account.code}.camt053.xml", camt053(account, lines, day=day.date)
    yield "truth.json", json.dumps(day.truth, indent=1).encode() + b"\n"
    yield "README.txt", _readme(day).encode()


def _readme(day: Day) -> str:
    accounts = "".join(
        f"{f'{code}.mt940':26} the bank's statement of the day as MT940\n"
        f"{f'{code}.camt053.xml':26} the same statement as camt.053.001.08\n"
        for code in (day.scene.collection.code, day.scene.ecollect.code)
    )
    return README.format(
        date=day.date, payments=day.truth["payments"], seed=day.seed, accounts=accounts
    )


def _jsonl(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows)


def _message(sent: Sending) -> dict[str, Any]:
    return {
        "at": sent.at.isoformat(),
        "headers": dict(sent.envelope.headers),
        "body": sent.envelope.body.decode(),
    }


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
