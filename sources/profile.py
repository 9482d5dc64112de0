"""What a file looks like, gathered while its lines stream by: exact where that is cheap.

Lines and words of kinds are counted exactly; shares and the median come from an even sample of a
few thousand lines, the same for the same file.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median_low
from typing import TYPE_CHECKING, Final

from channels_.contract import StatementLine
from channels_.models import StatementFile
from sources.models import FileProfile

if TYPE_CHECKING:
    import polars as pl

SAMPLE_MAX: Final = 8192
CODES_MAX: Final = 400  # more words than that are no words for kinds
FIELDS: Final = (
    *("reference", "channel_ref", "order_ref", "settlement_ref", "utr", "rrn", "method"),
    *("consumer_number", "instrument", "narration"),
)
_PLACES: Final = tuple((name, StatementLine._fields.index(name)) for name in FIELDS)


@dataclass(frozen=True, slots=True)
class Profile:
    """The figures of one file."""

    line_count: int
    sum_paise: int
    median_paise: int | None
    empty_permille: dict[str, int]
    codes: tuple[str, ...]

    def kept_for(self, file: StatementFile) -> FileProfile:
        """The row that keeps it."""
        return FileProfile(
            file=file,
            line_count=self.line_count,
            sum_paise=self.sum_paise,
            median_paise=self.median_paise,
            empty_permille=self.empty_permille,
            codes=list(self.codes),
        )


@dataclass(slots=True)
class Watch:
    """Looks at the lines of one file on their way into the books."""

    count: int = 0
    _step: int = 1
    _sample: list[StatementLine] = field(default_factory=list)
    _codes: set[str] = field(default_factory=set)

    def over(self, lines: Iterable[StatementLine]) -> Iterator[StatementLine]:
        """The same lines, each looked at."""
        codes, sample, count, step = self._codes, self._sample, self.count, self._step
        for line in lines:
            count += 1
            if line.code not in codes and len(codes) < CODES_MAX:
                codes.add(line.code)
            if count % step == 0:
                sample.append(line)
                if len(sample) >= SAMPLE_MAX:
                    del sample[::2]  # what is left stands at even multiples of the step
                    step *= 2
            yield line
        self.count, self._step = count, step

    def over_columns(self, frame: "pl.DataFrame") -> None:
        """The same for lines that stand in columns."""
        for code in frame["code"].unique(maintain_order=True):
            if len(self._codes) < CODES_MAX:
                self._codes.add(code)
        step = self._step
        first = -(self.count + 1) % step
        for place, row in enumerate(frame.gather_every(step, first).iter_rows()):
            if (self.count + 1 + first + place * step) % self._step == 0:
                self._sample.append(StatementLine(*row))
                if len(self._sample) >= SAMPLE_MAX:
                    del self._sample[::2]
                    self._step *= 2
        self.count += frame.height

    def profile(self, *, sum_paise: int) -> Profile:
        """The figures, once every line has come by."""
        sample = self._sample
        size = len(sample)
        return Profile(
            line_count=self.count,
            sum_paise=sum_paise,
            median_paise=median_low(abs(line.amount_paise) for line in sample) if size else None,
            empty_permille={
                name: 1000 * sum(not line[place] for line in sample) // size
                for name, place in _PLACES
                if size
            },
            codes=tuple(sorted(code for code in self._codes if code)),
        )
