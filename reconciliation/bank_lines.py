"""How a line of a bank statement is understood: by the account's rules, then by its sign.

Money that is no collection (charges, interest, sweeps) is named and summed, never a break.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.db.models import Q

from channels_.contract import StatementLine
from channels_.formats.references import rrn_in, utr_among
from channels_.models import BankAccount, BankLineRule, Channel
from cspdcl.kernel.workdays import working_day_after
from payments import books
from reconciliation.intake import NewEntry
from reconciliation.models import Book, Kind

MEANING: Final = BankLineRule.Meaning
# What must find its other side: everything else is classified and summed.
COLLECTIONS: Final = frozenset({Kind.SETTLEMENT, Kind.DEPOSIT, Kind.TRANSFER, Kind.CHEQUE_RETURN})

_DIGITS: Final = re.compile(r"\d{6,22}")
_INSTRUMENT: Final = re.compile(r"(?<!\d)\d{6}(?!\d)")
# A virtual account is a client's prefix and the business partner's ten digits.
_PARTNER_DIGITS: Final = 10


@dataclass(frozen=True, slots=True)
class BankLines:
    """Turns the lines of one account's statement into entries."""

    account: BankAccount
    file_id: int
    rules: Sequence[BankLineRule] = field(default_factory=list)
    transfers: int | None = None  # the channel whose payers send money here, if it is one

    @classmethod
    def of(cls, account: BankAccount, *, file_id: int) -> "BankLines":
        """The reader of an account, with its rules and the rules of every account."""
        rules = list(
            BankLineRule.objects.filter(Q(account=account) | Q(account=None)).order_by(
                "priority", "id"
            )
        )
        senders = Channel.objects.filter(bank_account=account, route=Channel.Route.TRANSFER)
        keys = list(senders.values_list("pk", flat=True)[:2])
        transfers = keys[0] if len(keys) == 1 else None
        return cls(account=account, file_id=file_id, rules=rules, transfers=transfers)

    def entries(self, lines: Iterable[StatementLine]) -> Iterable[NewEntry]:
        """One entry a line, in batches so that consumer numbers are looked up set-based."""
        batch: list[StatementLine] = []
        for line in lines:
            batch.append(line)
            if len(batch) >= 1000:
                yield from self._batch(batch)
                batch = []
        yield from self._batch(batch)

    def _batch(self, batch: Sequence[StatementLine]) -> Iterable[NewEntry]:
        credits_of = [line for line in batch if line.amount_paise > 0]
        asked = {digits for line in credits_of for digits in _consumer_digits(line)}
        known = books.consumer_numbers_among(asked) if asked else {}
        for line in batch:
            yield self._entry(line, known)

    def _entry(self, line: StatementLine, known: Mapping[str, str]) -> NewEntry:
        kind, channel_id = self._meaning(line)
        utr = line.utr or utr_among(line.reference, line.channel_ref, line.narration)
        named = {known[digits] for digits in _consumer_digits(line) if digits in known}
        return NewEntry(
            book=Book.BANK,
            kind=kind,
            channel_id=channel_id,
            bank_account_id=self.account.pk,
            file_id=self.file_id,
            line=line.line,
            source_key=f"{self.account.code}:{line.key}",
            business_date=line.business_date,
            due_on=working_day_after(line.business_date, 0),
            occurred_at=line.occurred_at,
            amount_paise=line.amount_paise,
            fee_paise=0,
            tax_paise=0,
            net_paise=line.amount_paise,
            reference=line.reference[:40],
            channel_ref=line.channel_ref[:64],
            order_ref="",
            original_ref="",
            settlement_ref="",
            deposit_ref="",
            utr=utr.upper()[:40],
            rrn=line.rrn or rrn_in(line.narration),
            instrument=_instrument(line) if kind == Kind.CHEQUE_RETURN else "",
            # Two consumers named is none named: a wrong one is worse.
            consumer_number=named.pop() if kind == Kind.TRANSFER and len(named) == 1 else "",
            method="",
            network="",
            code=line.code[:40],
            narration=line.narration,
            in_channel_stage=False,
            in_bank_stage=kind in COLLECTIONS,
        )

    def _meaning(self, line: StatementLine) -> tuple[Kind, int | None]:
        side = BankLineRule.Side.CREDIT if line.amount_paise > 0 else BankLineRule.Side.DEBIT
        narration = line.narration.upper()
        for rule in self.rules:
            if (
                rule.side in {side, BankLineRule.Side.BOTH}
                and rule.code.upper() in {"", line.code.upper()}
                and rule.words.upper() in narration
            ):
                kind = Kind(rule.meaning)
                sender = self.transfers if kind == Kind.TRANSFER else None
                return kind, rule.channel_id or sender
        if side == BankLineRule.Side.CREDIT:
            return Kind.TRANSFER, self.transfers
        return Kind.OTHER, None


def _consumer_digits(line: StatementLine) -> list[str]:
    if line.consumer_number:
        return [line.consumer_number]
    text = f"{line.narration} {line.reference}".upper()
    # The digits of a UTR or RRN are chance: some consumer of millions would have them.
    for own in (line.utr, line.rrn):
        text = text.replace(own.upper(), " ") if own else text
    found = []
    for digits in _DIGITS.findall(text):
        found.append(digits)
        if len(digits) > _PARTNER_DIGITS:
            found.append(digits[-_PARTNER_DIGITS:])
    return found


def _instrument(line: StatementLine) -> str:
    found = set(_INSTRUMENT.findall(f"{line.reference} {line.narration}"))
    return line.instrument or (found.pop() if len(found) == 1 else "")
