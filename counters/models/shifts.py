"""A clerk's shift and its drawer, the office's safe, and the day that closes over them."""

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from counters.states import ShiftState
from cspdcl.kernel.clock import now
from payments.models import Counter, Deposit
from people.models import Office

# At its window until it is counted: a recount does not keep the next clerk from it.
_LIVE = Q(state="open") | Q(state="counting", counted_at__isnull=True)


class OfficeDay(models.Model):
    """One business day of an office. Once closed, nothing is dated on it any more."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")

    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="counter_days")
    business_date = models.DateField()
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    safe_expected_paise = models.BigIntegerField(null=True)  # at close
    safe_counted_paise = models.BigIntegerField(null=True)
    safe_counted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )  # null: nothing was ever in this safe
    facts = models.JSONField(default=dict)  # sums and counts as they stood at close
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["office", "business_date"], name="office_day_once"),
            models.CheckConstraint(
                condition=Q(state="open", closed_at__isnull=True)
                | Q(state="closed", closed_at__isnull=False, closed_by__isnull=False),
                name="office_day_closed_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(safe_counted_by__isnull=True)
                | (
                    ~Q(safe_counted_by=F("closed_by"))
                    & Q(safe_counted_paise=F("safe_expected_paise"))
                ),
                name="office_day_safe_counted_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.office_id} {self.business_date} {self.state}"


class Shift(models.Model):
    """A clerk at a window with a drawer, from the counted float to the approved count."""

    public_id = models.UUIDField(default=uuid4, unique=True)
    counter = models.ForeignKey(Counter, on_delete=models.PROTECT, related_name="shifts")
    clerk = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    office_day = models.ForeignKey(OfficeDay, on_delete=models.PROTECT, related_name="shifts")
    number = models.PositiveSmallIntegerField()  # of its counter and day
    state = models.CharField(max_length=8, choices=ShiftState, default=ShiftState.OPEN)
    opened_at = models.DateTimeField(default=now)
    counting_at = models.DateTimeField(null=True)  # closing has begun: totals are hidden
    counted_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["counter", "office_day", "number"], name="shift_number_once"
            ),
            models.UniqueConstraint(
                fields=["counter"],
                condition=_LIVE,
                name="shift_one_at_a_counter",
            ),
            models.UniqueConstraint(
                fields=["clerk"],
                condition=_LIVE,
                name="shift_one_of_a_clerk",
            ),
            models.CheckConstraint(
                condition=Q(state__in=ShiftState.values), name="shift_state_known"
            ),
            models.CheckConstraint(
                condition=Q(closed_by__isnull=True) | ~Q(closed_by=F("clerk")),
                name="shift_closed_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.counter_id} shift {self.number}"


class CashMove(models.Model):
    """Cash that changes its place other than by a receipt: an append-only ledger of two sides.

    A side is a shift's drawer, the office's safe, or nothing (outside: bank, expense, difference).
    """

    class Kind(models.TextChoices):
        OPENING = "opening", _("safe counted for the first time")
        FLOAT = "float", _("float")
        DROP = "drop", _("handed in")
        TRANSFER = "transfer", _("to another drawer")
        PAID_OUT = "paid_out", _("paid out")
        HAND_IN = "hand_in", _("handed in at close")
        DIFFERENCE = "difference", _("over or short")
        DEPOSIT = "deposit", _("to the bank")
        CORRECTION = "correction", _("correction of the safe")

    class State(models.TextChoices):
        ASKED = "asked", _("waits for the other side")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused")

    public_id = models.UUIDField(default=uuid4, unique=True)
    submit_key = models.CharField(max_length=64)  # made with the form: sent twice, it counts once
    office_day = models.ForeignKey(OfficeDay, on_delete=models.PROTECT, related_name="moves")
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=8, choices=State, default=State.DONE)
    amount_paise = models.BigIntegerField()
    from_shift = models.ForeignKey(Shift, on_delete=models.PROTECT, null=True, related_name="gave")
    to_shift = models.ForeignKey(Shift, on_delete=models.PROTECT, null=True, related_name="took")
    from_safe = models.BooleanField(default=False)
    to_safe = models.BooleanField(default=False)
    receiver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )  # of a float, while its shift is not there yet
    counter = models.ForeignKey(
        Counter, on_delete=models.PROTECT, null=True, related_name="+"
    )  # the drawer in which a float was left for whoever comes next
    deposit = models.ForeignKey(
        Deposit, on_delete=models.PROTECT, null=True, related_name="cash_moves"
    )
    denominations = models.JSONField(default=dict, blank=True)  # {"500": 12, ...}; may be empty
    reason = models.CharField(max_length=200, blank=True)
    voucher = models.CharField(max_length=40, blank=True)
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    at = models.DateTimeField(default=now)
    checked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["maker", "submit_key"], name="cash_move_once"),
            models.CheckConstraint(condition=Q(amount_paise__gt=0), name="cash_move_positive"),
            models.CheckConstraint(
                condition=Q(checker__isnull=True) | ~Q(checker=F("maker")),
                name="cash_move_checked_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(from_shift__isnull=False, from_safe=True)
                & ~Q(to_shift__isnull=False, to_safe=True),
                name="cash_move_one_place_a_side",
            ),
            models.CheckConstraint(
                condition=Q(from_shift__isnull=False)
                | Q(to_shift__isnull=False)
                | Q(from_safe=True)
                | Q(to_safe=True),
                name="cash_move_touches_us",
            ),
            models.CheckConstraint(
                condition=~Q(kind="float", state="done") | Q(to_shift__isnull=False),
                name="cash_move_float_arrives",
            ),
        ]
        indexes = [
            models.Index(fields=["office_day"], condition=Q(state="asked"), name="cash_move_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_paise}"


class DrawerCount(models.Model):
    """What somebody counted, beside what the books expected at that moment. Append-only."""

    class Kind(models.TextChoices):
        FLOAT = "float", _("float at opening")
        CLOSING = "closing", _("count at close")
        RECOUNT = "recount", _("recount")

    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, related_name="counts")
    kind = models.CharField(max_length=8, choices=Kind)
    denominations = models.JSONField(default=dict)  # {"500": 58, "10c": 4, ...}
    cash_paise = models.BigIntegerField()
    torn_count = models.PositiveIntegerField(default=0)  # notes that are not taken
    papers = models.JSONField(default=dict)  # {"cheque": [7, 11294000], ...}
    expected_paise = models.BigIntegerField()  # cash
    expected_papers = models.JSONField(default=dict)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(cash_paise__gte=0), name="drawer_count_not_negative")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.shift_id}"


class Difference(models.Model):
    """Over or short of a shift in one tender: kept with its reason, posted once approved."""

    class State(models.TextChoices):
        FOUND = "found", _("waits for approval")
        POSTED = "posted", _("posted")
        RECOUNTED = "recounted", _("counted again")

    class Why(models.TextChoices):
        CHANGE = "change", _("wrong change given")
        COUNT = "count", _("wrong amount entered")
        COUNTERFEIT = "counterfeit", _("counterfeit note taken")
        LOST = "lost", _("money is missing")
        OTHER = "other", _("other")

    public_id = models.UUIDField(default=uuid4, unique=True)
    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, related_name="differences")
    count = models.ForeignKey(DrawerCount, on_delete=models.PROTECT, related_name="differences")
    method = models.CharField(max_length=16)  # cash, cheque, ...
    amount_paise = models.BigIntegerField()  # counted less expected: below zero is short
    why = models.CharField(max_length=12, choices=Why, blank=True)
    words = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.FOUND)
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )  # of finance, when it is above what a supervisor may accept
    found_at = models.DateTimeField(default=now)
    posted_at = models.DateTimeField(null=True)
    deposit = models.ForeignKey(
        Deposit, on_delete=models.PROTECT, null=True, related_name="differences"
    )  # the slip whose cash it changed

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["count", "method"], name="difference_once"),
            models.CheckConstraint(condition=~Q(amount_paise=0), name="difference_not_zero"),
            models.CheckConstraint(
                condition=~Q(state="posted")
                | Q(checker__isnull=False, posted_at__isnull=False) & ~Q(why=""),
                name="difference_posted_with_reason",
            ),
            models.CheckConstraint(
                condition=Q(approver__isnull=True) | ~Q(approver=F("checker")),
                name="difference_approved_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.amount_paise} of {self.shift_id}"


class SafeCount(models.Model):
    """What somebody counted in the safe before the day closes, beside the books. Append-only."""

    public_id = models.UUIDField(default=uuid4, unique=True)
    office_day = models.ForeignKey(OfficeDay, on_delete=models.PROTECT, related_name="safe_counts")
    submit_key = models.CharField(max_length=64)
    denominations = models.JSONField(default=dict)
    counted_paise = models.BigIntegerField()
    expected_paise = models.BigIntegerField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["by", "submit_key"], name="safe_count_once"),
            models.CheckConstraint(
                condition=Q(counted_paise__gte=0), name="safe_count_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"safe on {self.office_day_id}"


class SurpriseCheck(models.Model):
    """Somebody from outside counted a drawer or the safe, without notice. Append-only."""

    public_id = models.UUIDField(default=uuid4, unique=True)
    office_day = models.ForeignKey(OfficeDay, on_delete=models.PROTECT, related_name="checks")
    shift = models.ForeignKey(
        Shift, on_delete=models.PROTECT, null=True, related_name="checks"
    )  # null: the safe
    denominations = models.JSONField(default=dict)
    counted_paise = models.BigIntegerField()
    expected_paise = models.BigIntegerField()
    words = models.CharField(max_length=400, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"check of {self.office_day_id}"

    @property
    def difference_paise(self) -> int:
        """Counted less what had to be there: below zero is short."""
        return self.counted_paise - self.expected_paise


class CounterfeitNote(models.Model):
    """A note that was found false: impounded, never given back, told to the police by number."""

    public_id = models.UUIDField(default=uuid4, unique=True)
    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, related_name="counterfeits")
    denomination = models.PositiveIntegerField()  # rupees
    serial = models.CharField(max_length=12)
    tendered_by = models.CharField(max_length=120, blank=True)
    consumer_number = models.CharField(max_length=12, blank=True)
    words = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=now)
    reported_on = models.DateField(null=True)  # to the police
    report_number = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["denomination", "serial"], name="counterfeit_note_once")
        ]

    def __str__(self) -> str:
        return f"{self.denomination} {self.serial}"
