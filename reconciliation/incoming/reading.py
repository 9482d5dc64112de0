"""The lines of a file on their way into the books, and what they come to."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from channels_.contract import Block, Page, Refusal, Statement, StatementLine
from channels_.formats import prove
from channels_.models import BankAccount, Channel, LedgerSystem, Source, StatementFile
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.workdays import known_holidays, working_day_after
from reconciliation.incoming import intake
from reconciliation.incoming.bank_lines import BankLines
from reconciliation.incoming.intake import NewEntry
from reconciliation.incoming.line_columns import KINDS, NEED_A_RECEIPT, ChannelColumns, sums_of
from reconciliation.incoming.postings import Postings
from reconciliation.models import Book
from sources.profile import Watch

if TYPE_CHECKING:
    import polars as pl


@dataclass(slots=True)
class Reading:
    """The sums and bounds of a file, gathered while its lines stream into the books."""

    file: StatementFile
    source: Source
    credit_paise: int = 0
    debit_paise: int = 0
    opening_paise: int | None = None
    closing_paise: int | None = None
    first: date | None = None
    last: date | None = None
    refusals: list[Refusal] = field(default_factory=list)
    statements: int = 0
    sets_aside: bool = False
    gaps: list[int | None] = field(default_factory=list)  # what lost rows must come to
    watch: Watch = field(default_factory=Watch)
    # Asked for here, because lines are turned into entries on a thread without the database.
    holidays: Collection[date] = field(default_factory=known_holidays)

    def entries(self, statements: Iterator[Statement]) -> Iterator[NewEntry]:
        for statement in statements:
            self.statements += 1
            count, net_paise = 0, 0
            for entry in self._entries_of(statement):
                count += 1
                net_paise += entry.net_paise
                yield entry
            self._end(statement, net_paise=net_paise, count=count)

    def texts(self, statements: Iterator[Statement], channel: Channel) -> Iterator[intake.Text]:
        """The same as COPY takes it; by columns where the layout can."""
        for statement in statements:
            blocks = statement.blocks() if statement.blocks else None
            if blocks is None:
                yield from intake.texts_of(self.entries(iter([statement])))
            else:
                yield from self._by_columns(statement, blocks, channel)

    def _by_columns(
        self, statement: Statement, blocks: Iterator[Block], channel: Channel
    ) -> Iterator[intake.Text]:
        self.statements += 1
        count, before = 0, self.credit_paise - self.debit_paise
        columns = ChannelColumns(channel, file_id=self.file.pk, holidays=self.holidays)
        for block in blocks:
            if block.frame.height:
                self._look_at(block.frame)
                yield intake.text_of(columns.entries(block.frame))
            rest = self._watched(self.watch.over(block.rest))
            yield from intake.texts_of(
                _channel_entries(
                    rest, channel=channel, file_id=self.file.pk, holidays=self.holidays
                )
            )
            count += block.frame.height + len(block.rest)
        net_paise = self.credit_paise - self.debit_paise - before
        self._end(statement, net_paise=net_paise, count=count)

    def _look_at(self, frame: "pl.DataFrame") -> None:
        """What ``_watched`` sees, of many lines at once."""
        self.watch.over_columns(frame)
        seen = sums_of(frame)
        self.credit_paise += seen.credit_paise
        self.debit_paise += seen.debit_paise
        self.first = min((day for day in (self.first, seen.first) if day), default=None)
        self.last = max((day for day in (self.last, seen.last) if day), default=None)

    def _end(self, statement: Statement, *, net_paise: int, count: int) -> None:
        """What a statement says of itself, held against what was read of it."""
        self.refusals += statement.refusals
        if not statement.refusals:
            self._prove(statement.page, net_paise=net_paise, count=count)
        elif self.sets_aside:
            lost = len(statement.refusals)
            self._prove_rest(statement.page, net_paise=net_paise, count=count + lost)

    @property
    def told(self) -> int:
        """How many lines stand in the file, those that cannot be read too."""
        return self.watch.count + len(self.refusals)

    def gap_paise(self, known: Sequence[int]) -> int | None:
        """What the rows that were set aside come to, where balances or they themselves tell it."""
        gaps = [gap for gap in self.gaps if gap is not None]
        return None if len(gaps) < len(self.gaps) else sum(gaps) + sum(known)

    def _entries_of(self, statement: Statement) -> Iterator[NewEntry]:
        lines = self._watched(self.watch.over(statement.lines))
        if isinstance(self.source, LedgerSystem):
            yield from Postings(self.source, self.file.pk).entries(lines)
        elif isinstance(self.source, BankAccount):
            yield from BankLines.of(self.source, file_id=self.file.pk).entries(lines)
        else:
            yield from _channel_entries(
                lines, channel=self.source, file_id=self.file.pk, holidays=self.holidays
            )

    def _watched(self, lines: Iterable[StatementLine]) -> Iterator[StatementLine]:
        credit = debit = 0
        first, last = self.first, self.last
        for line in lines:
            net = line.amount_paise - line.fee_paise - line.tax_paise
            if net >= 0:
                credit += net
            else:
                debit -= net
            day = line.business_date
            if first is None or day < first:
                first = day
            if last is None or day > last:
                last = day
            yield line
        self.credit_paise += credit
        self.debit_paise += debit
        self.first, self.last = first, last

    def _prove(self, page: Page, *, net_paise: int, count: int) -> None:
        problem = prove(page, net_paise, lines_count=count)
        if problem:
            raise Malformed(problem)
        self._note(page)

    def _prove_rest(self, page: Page, *, net_paise: int, count: int) -> None:
        """What is left without the lost rows proves everything but their sum, and tells that."""
        gap = None
        if page.opening_paise is not None and page.closing_paise is not None:
            gap = page.closing_paise - page.opening_paise - net_paise
        elif page.declared_paise is not None:
            gap = page.declared_paise - net_paise
        self.gaps.append(gap)
        self._prove(page, net_paise=net_paise + (gap or 0), count=count)

    def _note(self, page: Page) -> None:
        if isinstance(self.source, BankAccount):
            self._check_account(self.source, page)
        if not isinstance(self.source, Channel):
            self.last = max((day for day in (self.last, page.closed_on) if day), default=None)
            self.first = min((day for day in (self.first, page.closed_on) if day), default=None)
        if self.opening_paise is None:
            self.opening_paise = page.opening_paise
        self.closing_paise = page.closing_paise

    def _check_account(self, account: BankAccount, page: Page) -> None:
        if page.currency and page.currency != account.currency:
            raise Malformed(f"expected a statement in {account.currency}, got {page.currency}")
        number = _plain(account.account_number).lstrip("0")
        if page.account and number not in _plain(page.account):
            raise Malformed(
                f"expected a statement of the account ending {account.account_number[-4:]}, "
                f"got the account ending {page.account[-4:]}"
            )


def _plain(text: str) -> str:
    return "".join(char for char in text.upper() if char.isalnum())


_MOMENTS_KEPT: Final = 100_000


def _channel_entries(
    lines: Iterator[StatementLine], *, channel: Channel, file_id: int, holidays: Collection[date]
) -> Iterator[NewEntry]:
    days_as_text: dict[date, tuple[str, str]] = {}
    moments: dict[datetime, str] = {}
    code, pk, days, book = channel.code, channel.pk, channel.credit_days, Book.CHANNEL.value
    for line in lines:
        day = line.business_date
        text = days_as_text.get(day)
        if text is None:
            text = days_as_text[day] = (str(day), str(working_day_after(day, days, holidays)))
        at = line.occurred_at
        moment = at and moments.get(at)
        if moment is None and at is not None:
            if len(moments) >= _MOMENTS_KEPT:
                moments.clear()
            moment = moments[at] = str(at)
        kind = KINDS[line.kind]
        # By position: this runs a million times for a large report. The order is NewEntry's.
        yield NewEntry(
            book, kind.value, pk, None, file_id, line.line, f"{code}:{line.key}", *text,
            moment, line.amount_paise, line.fee_paise, line.tax_paise,
            line.amount_paise - line.fee_paise - line.tax_paise,
            line.reference, line.channel_ref, line.order_ref, line.original_ref,
            line.settlement_ref, "", line.utr.upper(), line.rrn, line.instrument,
            line.consumer_number, line.method, line.network, line.code, line.narration,
            kind in NEED_A_RECEIPT, True,
        )  # fmt: skip
