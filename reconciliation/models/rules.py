"""How entries are matched: rules as rows, in versions; and what was tried before one holds."""

from datetime import date
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cspdcl.kernel.clock import now
from reconciliation.models.books import Leg
from reconciliation.models.runs import Run

FIRST_DAY: Final = date(2000, 1, 1)  # from when the rules of a new installation hold


class Rule(models.Model):
    """One version of one way to match, as data; compiled to SQL from closed enums only.

    What a version says is final once it is proposed, and the database refuses to alter it: a change
    is another version. ``is_active`` is part of what it says: a version may say that runs leave
    the rule out. Nobody as maker: the installation or its configuration file.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("being written")
        PROPOSED = "proposed", _("waits for a second person")
        ACTIVE = "active", _("in force")
        RETIRED = "retired", _("followed by another")
        WITHDRAWN = "withdrawn", _("never came into force")

    class Key(models.TextChoices):
        """What entries must have in common. A rule without a key would match on luck."""

        CHANNEL_REF = "channel_ref", _("the channel's id")
        REFERENCE = "reference", _("our reference")
        RRN = "rrn", _("the RRN")
        UTR = "utr", _("the UTR")
        DEPOSIT_REF = "deposit_ref", _("the deposit slip")
        EVIDENCE = "evidence", _("the line it was made of")
        INSTRUMENT = "instrument", _("the number of the cheque")

    class Cardinality(models.TextChoices):
        ONE_TO_ONE = "one_to_one", _("one to one")
        MANY_TO_ONE = "many_to_one", _("many to one credit")
        MANY_TO_MANY = "many_to_many", _("all that share the key, by their sums")
        NIL = "nil", _("what comes to nothing together")
        CARRIED = "carried", _("a settlement with what was carried on")
        IN_PARTS = "in_parts", _("a settlement in several credits")

    class Direction(models.TextChoices):
        EITHER = "either", _("before or after")
        LATER = "later", _("the other side on the same day or later")

    class Ambiguity(models.TextChoices):
        """What is done where more than one pair would fit."""

        NEVER = "never", _("matched by nobody but people")
        TWINS = "twins", _("equal twins of one payer together, else by nobody but people")

    code = models.SlugField(max_length=32)
    version = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    priority = models.PositiveSmallIntegerField()
    leg = models.CharField(max_length=16, choices=Leg)
    key = models.CharField(max_length=16, choices=Key)
    fallbacks = models.JSONField(default=list, blank=True)  # further keys, tried in this order
    cardinality = models.CharField(max_length=12, choices=Cardinality)
    tolerance_paise = models.PositiveIntegerField(default=0)  # for rounding only
    window_days = models.PositiveSmallIntegerField(null=True, blank=True)  # working; none: any day
    direction = models.CharField(max_length=8, choices=Direction, default=Direction.EITHER)
    ambiguity = models.CharField(max_length=8, choices=Ambiguity, default=Ambiguity.NEVER)
    is_active = models.BooleanField(default=True)
    effective_from = models.DateField(default=FIRST_DAY)
    effective_until = models.DateField(null=True, blank=True)  # the last business date it held for
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=now)
    maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    checked_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "version"], name="rule_version_once"),
            models.UniqueConstraint(
                fields=["code"], condition=Q(state="active"), name="rule_one_version_in_force"
            ),
            models.UniqueConstraint(
                fields=["code"],
                condition=Q(state__in=["draft", "proposed"]),
                name="rule_one_version_in_the_making",
            ),
            models.CheckConstraint(
                condition=Q(tolerance_paise__lte=100), name="rule_tolerance_is_rounding"
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["draft", "proposed", "active", "retired", "withdrawn"],
                    direction__in=["either", "later"],
                ),
                name="rule_words_known",
            ),
            models.CheckConstraint(
                condition=Q(window_days__isnull=True) | Q(window_days__lte=30),
                name="rule_window_is_a_month",
            ),
            models.CheckConstraint(
                condition=Q(ambiguity="never")
                | Q(ambiguity="twins", leg="receipt_channel", cardinality="one_to_one"),
                name="rule_twins_never_of_bank_credits",
            ),
            models.CheckConstraint(
                condition=Q(checker__isnull=True) | Q(maker__isnull=True) | ~Q(maker=F("checker")),
                name="rule_maker_is_not_checker",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["active", "retired"])
                | Q(maker__isnull=True)
                | Q(checker__isnull=False, checked_at__isnull=False),
                name="rule_of_a_person_has_a_checker",
            ),
            models.CheckConstraint(
                condition=Q(state="retired", effective_until__isnull=False)
                | ~Q(state="retired") & Q(effective_until__isnull=True),
                name="rule_ends_iff_retired",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"

    @property
    def keys(self) -> list[str]:
        """Its keys in the order they are tried."""
        return [self.key, *self.fallbacks]


class BackTest(models.Model):
    """What a version would have matched otherwise, over days that are over. It changes nothing."""

    class State(models.TextChoices):
        QUEUED = "queued", _("asked for")
        RUNNING = "running", _("at work")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="back_tests")
    content_hash = models.CharField(max_length=64)  # of what the version said when it was tried
    against = models.JSONField(default=dict)  # {code: version} of the rules beside it
    days = models.PositiveSmallIntegerField()
    since = models.DateField()
    until = models.DateField()
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField(default=now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    found = models.JSONField(default=dict)  # {word: {count, paise, samples}}, see backtest.py
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "done", "failed"]),
                name="back_test_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["done", "failed"], finished_at__isnull=False)
                | ~Q(state__in=["done", "failed"]) & Q(finished_at__isnull=True),
                name="back_test_ended_iff_dated",
            ),
            models.CheckConstraint(
                condition=Q(days__gte=1, days__lte=366), name="back_test_days_of_a_year"
            ),
            models.UniqueConstraint(
                fields=["rule"],
                condition=Q(state__in=["queued", "running"]),
                name="back_test_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id}: {self.since} to {self.until}"


class RuleTally(models.Model):
    """How many matches a rule made in a run, counted once the run was over."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tallies")
    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="tallies")
    matched_count = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "rule"], name="rule_tally_once"),
            models.CheckConstraint(
                condition=Q(matched_count__gte=0), name="rule_tally_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.rule_id}"
