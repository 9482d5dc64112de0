"""What a source of files owes, how its files usually are, and what waits for a person."""

from sources.models.calendar import CalendarVersion, Holiday

__all__ = ["CalendarVersion", "Holiday"]
