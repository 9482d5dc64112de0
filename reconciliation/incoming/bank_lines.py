"""How a line of a bank statement is understood: by the account's rules, then by its sign.

Money that is no collection (charges, interest, sweeps) is named and summed, never a break.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from django.db.models import Q

from channels_ import van
from channels_.contract import StatementLine
from channels_.formats.narrations import GENERAL, Narration, bank_of, read_narration
from channels_.formats.references import utr_among
from channels_.models import BankAccount, BankLineRule, Channel
from cspdcl.kernel.workdays import working_day_after
from payments import books
from reconciliation.incoming.intake import NewEntry
from reconciliation.models import Book, Kind

MEANING: Final = BankLineRule.Meaning
# What must find its other side: everything else is classified and summed.
COLLECTIONS: Final = frozenset({Kind.SETTLEMENT, Kind.DEPOSIT, Kind.TRANSFER, Kind.CHEQUE_RETURN})

_DIGITS: Final = re.compile(r"([A-Z]*)(\d{6,22})")
_INSTRUMENT: Final = re.compile(r"(?<!\d)\d{6}(?!\d)")
# A virtual account is a client's prefix and the business partner's ten digits.
_PARTNER_DIGITS: Final = 10
_NUMBER_DIGITS: Final = 12  # of a consumer, at most; more are an account of the payer


@dataclass(frozen=True, slots=True)
class BankLines:
    """Turns the lines of one account's statement into entries."""

    account: BankAccount
    file_id: int
    rules: Sequence[BankLineRule] = field(default_factory=list)
    transfers: int | None = None  # the channel whose payers send money here, if it is one
    bank: str = GENERAL  # whose way of printing the statement has
    prefixes: tuple[str, ...] = ()  # of our virtual accounts here

    @classmethod
    def of(cls, account: BankAccount, *, file_id: int) -> "BankLines":
        """The reader of an account, with its rules and the rules of every account."""
        rules = list(
            BankLineRule.objects.filter(Q(account=account) | Q(account=None)).order_by(
                "priority", "id"
            )
        )
        senders = Channel.objects.filter(bank_account=account, route=Channel.Route.TRANSFER)
        found = list(senders.values_list("pk", "settings"))
        return cls(
            account=account,
            file_id=file_id,
            rules=rules,
            transfers=found[0][0] if len(found) == 1 else None,
            bank=bank_of(account.ifsc),
            prefixes=tuple({one for _pk, told in found for one in van.prefixes_of(told)}),
        )

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
        rules = [_Rule(one, one.side, one.code.upper(), one.words.upper()) for one in self.rules]
        read = []
        for line in batch:
            said = self._said(line)
            digits = _consumer_digits(line, said) if line.amount_paise > 0 else []
            read.append((line, said, digits))
        asked = {one for _line, _said, digits in read for one in digits}
        known = books.consumer_numbers_among(asked) if asked else {}
        for line, said, digits in read:
            named = {known[one] for one in digits if one in known}
            yield self._entry(line, said, named, rules)

    def _said(self, line: StatementLine) -> Narration:
        return read_narration(line.narration, bank=self.bank, prefixes=self.prefixes)

    def _entry(
        self, line: StatementLine, said: Narration, named: set[str], rules: Sequence["_Rule"]
    ) -> NewEntry:
        kind, channel_id = self._meaning(line, rules)
        utr = line.utr or utr_among(line.reference, line.channel_ref) or said.utr
        # A number in the payer's remark is no RRN where the bank's own place for one is known.
        rrn = said.rrn if said.utr or said.rrn else line.rrn
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
            rrn=rrn,
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

    def _meaning(self, line: StatementLine, rules: Sequence["_Rule"]) -> tuple[Kind, int | None]:
        side = BankLineRule.Side.CREDIT if line.amount_paise > 0 else BankLineRule.Side.DEBIT
        narration, code = line.narration.upper(), line.code.upper()
        for rule in rules:
            if (
                rule.side in (side, BankLineRule.Side.BOTH)
                and (not rule.code or rule.code == code)
                and rule.words in narration
            ):
                kind = Kind(rule.row.meaning)
                sender = self.transfers if kind == Kind.TRANSFER else None
                return kind, rule.row.channel_id or sender
        if side == BankLineRule.Side.CREDIT:
            return Kind.TRANSFER, self.transfers
        return Kind.OTHER, None


class _Rule(NamedTuple):
    """A rule with its words as they are compared."""

    row: BankLineRule
    side: str
    code: str
    words: str


def _consumer_digits(line: StatementLine, said: Narration) -> list[str]:
    """What may name the consumer: where somebody says so that alone, else any number left over."""
    if line.consumer_number or said.consumer:
        return [line.consumer_number or said.consumer]
    text = f"{said.rest} {line.reference.upper()}"
    # The digits of a UTR or RRN are chance: some consumer of millions would have them.
    for own in (line.utr, line.rrn, said.utr, said.rrn):
        text = text.replace(own.upper(), " ") if own else text
    found = []
    for letters, digits in _DIGITS.findall(text):
        if len(digits) <= _NUMBER_DIGITS:
            found.append(digits)
        if letters and len(digits) > _PARTNER_DIGITS:
            found.append(digits[-_PARTNER_DIGITS:])
    return found


def _instrument(line: StatementLine) -> str:
    found = set(_INSTRUMENT.findall(f"{line.reference} {line.narration}"))
    return line.instrument or (found.pop() if len(found) == 1 else "")
