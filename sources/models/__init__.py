"""What a source of files owes, how its files usually are, and what waits for a person."""

from sources.models.calendar import CalendarVersion, Holiday
from sources.models.fetching import Fetch, FetchedFile, FetchPlan, SourceSecret
from sources.models.mapping import Mapping
from sources.models.waiting import Doubt, FileProfile, QuarantinedRow

__all__ = [
    "CalendarVersion",
    "Doubt",
    "Fetch",
    "FetchPlan",
    "FetchedFile",
    "FileProfile",
    "Holiday",
    "Mapping",
    "QuarantinedRow",
    "SourceSecret",
]
