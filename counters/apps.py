"""The counters: money taken by our own people, from the drawer to the bank."""

from django.apps import AppConfig


class CountersConfig(AppConfig):
    """Windows, shifts, drawers, deposits, and the paper that is taken there."""

    name = "counters"
    verbose_name = "Counters"

    def ready(self) -> None:
        """Tell the apps below what only the counters know."""
        from counters import live, overrides, registers  # noqa: PLC0415 - models are ready now
        from counters.handed import handed  # noqa: PLC0415 - models are ready now
        from counters.papers import why_not_refundable  # noqa: PLC0415
        from counters.selectors import counted_by  # noqa: PLC0415 - models are ready now
        from counters.shifts import hides_sums  # noqa: PLC0415
        from payments.paper import tell_by  # noqa: PLC0415
        from payments.selectors import hide_sums_by, veil_by  # noqa: PLC0415
        from people.context import count_by  # noqa: PLC0415
        from refunds.actions import object_by  # noqa: PLC0415

        veil_by("counters", counted_by)
        hide_sums_by("counters", hides_sums)
        object_by("counters", why_not_refundable)
        tell_by("counters", handed)
        count_by("returns", registers.returns_waiting)
        count_by("overrides", overrides.waiting_count)
        count_by("legal", registers.notices_due_count)
        count_by("office_days", live.days_late)
