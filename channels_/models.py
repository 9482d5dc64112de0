"""Channels and bank accounts as configuration, and what came in through them."""

from django.conf import settings
from django.core.validators import URLValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from channels_.contract import Method
from cspdcl.kernel.clock import now


class FileSource(models.Model):
    """Who sends files of what was settled or booked, and when each of them is owed."""

    class Days(models.TextChoices):
        """The days of which it owes a file."""

        EVERY = "every", _("every day")
        WORKING = "working", _("working days of banks")

    class Policy(models.TextChoices):
        """What becomes of a file with a line that cannot be taken."""

        STRICT = "strict", _("the whole file is refused")
        ROW = "row", _("the line is set aside, the rest is loaded")

    file_due_at = models.TimeField(null=True, blank=True)  # IST; null: none expected
    file_days = models.CharField(max_length=8, choices=Days, default=Days.EVERY)
    file_due_days = models.PositiveSmallIntegerField(default=1)  # so many such days after
    file_policy = models.CharField(max_length=8, choices=Policy, default=Policy.STRICT)
    file_compared = models.BooleanField(default=True)  # with its last ones, before it is loaded

    class Meta:
        abstract = True


class BankAccount(FileSource):
    """One of the company's accounts into which collections arrive."""

    code = models.SlugField(max_length=24, unique=True)  # "sbi-4417": the SOURCE of load_statement
    name = models.CharField(max_length=120)
    bank = models.CharField(max_length=80)
    account_number = models.CharField(max_length=35, unique=True)
    ifsc = models.CharField(max_length=11, blank=True)
    currency = models.CharField(max_length=3, default="INR")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(file_days__in=["every", "working"], file_policy__in=["strict", "row"]),
                name="bank_account_file_words_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Channel(FileSource):
    """One configured way money reaches us. What it can do comes from its adapter."""

    class Route(models.TextChoices):
        """How a receipt of this channel is proved."""

        SETTLEMENT = "settlement", _("the channel's report, then its settlement in the bank")
        DEPOSIT = "deposit", _("a deposit slip, then its credit in the bank")
        TRANSFER = "transfer", _("the credit in the bank itself")

    code = models.SlugField(max_length=24, unique=True)
    name = models.CharField(max_length=80)
    adapter = models.CharField(max_length=24)
    route = models.CharField(max_length=12, choices=Route)
    is_live = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=100)  # order on the boards
    merchant_id = models.CharField(max_length=64, blank=True)
    bank_account = models.ForeignKey(
        BankAccount, on_delete=models.PROTECT, null=True, blank=True, related_name="channels"
    )
    settlement_days = models.PositiveSmallIntegerField(default=2)  # working days after the payment
    settlement_cutoff = models.TimeField(
        null=True, blank=True
    )  # IST; later payments count as the next day's
    credit_days = models.PositiveSmallIntegerField(
        default=0
    )  # working days from settled to credited
    receipt_series = models.CharField(
        max_length=12, default="WEB"
    )  # counters have series of their own
    api_url = models.CharField(
        max_length=200, blank=True, validators=[URLValidator(schemes=["https", "http"])]
    )  # the partner's API; no slash at its end
    settings = models.JSONField(default=dict, blank=True)  # what was agreed; the adapter names keys
    quiet_minutes = models.PositiveSmallIntegerField(
        null=True, blank=True
    )  # silent for longer by day: an alarm; null: it need not speak
    paused_at = models.DateTimeField(null=True, blank=True)  # nothing new goes out or is offered
    paused_by = models.CharField(max_length=80, blank=True)
    pause_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(route__in=["settlement", "deposit", "transfer"]),
                name="channel_route_known",
            ),
            models.CheckConstraint(
                condition=Q(paused_at__isnull=True) | (~Q(paused_by="") & ~Q(pause_reason="")),
                name="channel_pause_has_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(file_days__in=["every", "working"], file_policy__in=["strict", "row"]),
                name="channel_file_words_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ChannelSecret(models.Model):
    """One secret of a channel, encrypted. The previous one is tried too while it is kept."""

    class State(models.TextChoices):
        CURRENT = "current", _("current")
        PREVIOUS = "previous", _("previous")

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="secrets")
    name = models.CharField(max_length=32)
    state = models.CharField(max_length=8, choices=State, default=State.CURRENT)
    sealed = models.BinaryField()  # kernel.crypto, bound to channel and name
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "name", "state"], name="channel_secret_one_per_state"
            ),
            models.CheckConstraint(
                condition=Q(state="current", expires_at__isnull=True)
                | Q(state="previous", expires_at__isnull=False),
                name="channel_secret_previous_expires",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id}/{self.name} ({self.state})"


class FeeRate(models.Model):
    """What a channel may keep of a payment, by method, network and amount, from a date on."""

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="fee_rates")
    method = models.CharField(max_length=16, choices=[(m.value, m.value) for m in Method])
    network = models.CharField(max_length=24, blank=True)  # "" is any network
    percent = models.DecimalField(max_digits=7, decimal_places=4, default=0)
    flat_paise = models.BigIntegerField(default=0)
    # From which amount on; all of the amount is rated so until the next row of the same day.
    from_paise = models.BigIntegerField(default=0)
    cap_paise = models.BigIntegerField(null=True, blank=True)  # the most of one payment, before GST
    tax_percent = models.DecimalField(max_digits=5, decimal_places=2, default=18)
    valid_from = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "method", "network", "valid_from", "from_paise"],
                name="fee_rate_once_a_day",
            ),
            models.CheckConstraint(
                condition=Q(
                    percent__gte=0, percent__lte=100, flat_paise__gte=0, tax_percent__gte=0
                ),
                name="fee_rate_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(from_paise__gte=0) & (Q(cap_paise__isnull=True) | Q(cap_paise__gt=0)),
                name="fee_rate_slab_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.method} {self.percent} %"


class BankLineRule(models.Model):
    """How a line of a bank statement is understood: the first rule that fits names its kind."""

    class Meaning(models.TextChoices):
        SETTLEMENT = "settlement", _("settlement of a channel")
        DEPOSIT = "deposit", _("counter deposit")
        TRANSFER = "transfer", _("transfer from a payer")
        CHEQUE_RETURN = "cheque_return", _("returned cheque")
        CHARGE = "charge", _("bank charge")
        INTEREST = "interest", _("interest")
        OTHER = "other", _("no collection")

    class Side(models.TextChoices):
        CREDIT = "credit", _("credits")
        DEBIT = "debit", _("debits")
        BOTH = "both", _("credits and debits")

    account = models.ForeignKey(
        BankAccount, on_delete=models.PROTECT, null=True, blank=True, related_name="line_rules"
    )  # null: every account
    priority = models.PositiveSmallIntegerField()
    side = models.CharField(max_length=8, choices=Side, default=Side.BOTH)
    code = models.CharField(max_length=16, blank=True)  # the bank's transaction type, "" is any
    words = models.CharField(
        max_length=120, blank=True
    )  # text in the narration, any case, "" is any
    meaning = models.CharField(max_length=16, choices=Meaning)
    channel = models.ForeignKey(
        Channel, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["priority", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(code="", words=""), name="bank_line_rule_says_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.priority} {self.code} {self.words} -> {self.meaning}"


class InboundMessage(models.Model):
    """The raw bytes a notice came in, kept before they are believed. Redis may forget; this not."""

    class State(models.TextChoices):
        DUE = "due", _("waits")
        DONE = "done", _("done")
        REFUSED = "refused", _("understood, and refused")
        PARKED = "parked", _("failed too often, waits for a person")

    channel = models.ForeignKey(
        Channel, on_delete=models.PROTECT, related_name="messages", db_index=False
    )
    event_key = models.CharField(max_length=96)  # the channel's own event id, else sha256:...
    sha256 = models.CharField(max_length=64)
    body = models.BinaryField()  # encrypted, kernel.crypto
    headers = models.JSONField(default=dict)  # without authorisation and cookies
    path = models.CharField(max_length=200, blank=True)  # what followed the code in the address
    received_at = models.DateTimeField(default=now)
    repeats = models.PositiveIntegerField(default=0)  # how often it came again, equal
    conflicts = models.PositiveIntegerField(default=0)  # same id, other body: never believed
    state = models.CharField(max_length=8, choices=State, default=State.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=now)
    outcome = models.CharField(max_length=200, blank=True)  # what it did, or why nothing
    settled_at = models.DateTimeField(null=True)  # when the worker last said what became of it
    replay = models.ForeignKey(
        "Replay", on_delete=models.PROTECT, null=True, related_name="messages", db_index=False
    )  # the last one that let it be tried again

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "event_key"], name="inbound_message_once"),
            models.CheckConstraint(
                condition=Q(state__in=["due", "done", "refused", "parked"]),
                name="inbound_message_state_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at", "id"], condition=Q(state="due"), name="inbound_message_due"
            ),
            models.Index(fields=["channel", "-received_at"], name="inbound_message_latest"),
            # A handful of rows: what a person must look at is found without reading the rest.
            models.Index(
                fields=["channel"], condition=Q(state="parked"), name="inbound_message_parked"
            ),
            # What a channel says of its own accord: how it fares is read from this alone.
            models.Index(
                fields=["channel", "received_at"],
                condition=~Q(path__startswith="answer:"),
                name="inbound_message_told",
            ),
            models.Index(
                fields=["replay", "state"],
                condition=Q(replay__isnull=False),
                name="inbound_message_replayed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id}:{self.event_key}"


class Replay(models.Model):
    """A person's decision to let many parked messages be tried again; they know it by its id."""

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="+")
    since = models.DateField()  # of the day in India on which they came
    until = models.DateField()
    words = models.CharField(max_length=80, blank=True)  # part of why they were parked, "" is any
    total = models.PositiveIntegerField()  # so many were released
    asked_by = models.CharField(max_length=80)
    asked_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(until__gte=F("since")), name="replay_covers_forward"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.total} messages of {self.since} to {self.until}"


class RefusalTally(models.Model):
    """How many messages a door refused on a day, by kind: counted, their bodies not kept."""

    class Kind(models.TextChoices):
        FORGED = "forged", _("signature wrong")
        OVERSIZED = "oversized", _("too large")
        MALFORMED = "malformed", _("not what was agreed")
        UNKNOWN_CHANNEL = "unknown_channel", _("no such channel")
        NOT_LIVE = "not_live", _("channel is switched off")
        STALE = "stale", _("signed too long ago")
        WRONG_MERCHANT = "wrong_merchant", _("meant for another merchant")
        DOUBLED = "doubled", _("a header came twice")
        REPLAYED = "replayed", _("sent a second time")
        WRONG_ADDRESS = "wrong_address", _("from another address")

    day = models.DateField()
    channel_code = models.CharField(max_length=24)  # "?" for every code that is no channel of ours
    kind = models.CharField(max_length=16, choices=Kind)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()
    last_from = models.CharField(max_length=45, blank=True)  # address of the last sender
    last_problem = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "channel_code", "kind"], name="refusal_tally_once"
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        *("forged", "oversized", "malformed", "unknown_channel", "not_live"),
                        *("stale", "wrong_merchant", "doubled", "replayed", "wrong_address"),
                    ]
                ),
                name="refusal_tally_kind_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.channel_code} {self.kind}: {self.count}"


class StatementFile(models.Model):
    """One file of a channel or bank, known by its content; the bytes are kept by their sha256."""

    class State(models.TextChoices):
        LOADED = "loaded", _("loaded")
        WAITING = "waiting", _("waits for a second person")
        REFUSED = "refused", _("refused")
        UNDONE = "undone", _("taken out again")

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, null=True, related_name="files")
    bank_account = models.ForeignKey(
        BankAccount, on_delete=models.PROTECT, null=True, related_name="files"
    )
    sha256 = models.CharField(max_length=64)
    name = models.CharField(max_length=200)  # as it was sent; never used as a path
    version = models.PositiveSmallIntegerField(default=1)  # of this name within the source
    size = models.BigIntegerField()
    format = models.CharField(max_length=24)
    state = models.CharField(max_length=8, choices=State)
    problem = models.TextField(blank=True)  # why it was refused
    refusals = models.JSONField(default=list)  # the first refused lines: [{line, problem}]
    covers_from = models.DateField(null=True)
    covers_to = models.DateField(null=True)  # until when its source has spoken
    told_count = models.BigIntegerField(default=0)  # lines that stand in the file
    line_count = models.BigIntegerField(default=0)  # of them those that were read
    quarantined_count = models.BigIntegerField(default=0)  # and those that were set aside
    quarantined_paise = models.BigIntegerField(null=True)  # what they come to; null: unknown
    added_count = models.BigIntegerField(default=0)  # entries that were not known before
    credit_paise = models.BigIntegerField(default=0)
    debit_paise = models.BigIntegerField(default=0)
    opening_paise = models.BigIntegerField(null=True)
    closing_paise = models.BigIntegerField(null=True)
    loaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    loaded_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(channel__isnull=False, bank_account__isnull=True)
                | Q(channel__isnull=True, bank_account__isnull=False),
                name="statement_file_has_one_source",
            ),
            models.UniqueConstraint(
                fields=["channel", "bank_account", "sha256"],
                condition=Q(state="loaded"),
                nulls_distinct=False,
                name="statement_file_loaded_once",
            ),
            models.CheckConstraint(
                condition=Q(covers_from__isnull=True) | Q(covers_to__gte=F("covers_from")),
                name="statement_file_covers_forward",
            ),
            models.UniqueConstraint(
                fields=["channel", "bank_account", "sha256"],
                condition=Q(state="waiting"),
                nulls_distinct=False,
                name="statement_file_waits_once",
            ),
            models.CheckConstraint(
                condition=~Q(state="loaded")
                | Q(told_count=F("line_count") + F("quarantined_count")),
                name="statement_file_loses_no_line",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["loaded", "waiting", "refused", "undone"]),
                name="statement_file_state_known",
            ),
        ]
        indexes = [models.Index(fields=["-loaded_at"], name="statement_file_latest")]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    @property
    def source_code(self) -> str:
        """The code of the channel or bank account it speaks for."""
        source = self.channel or self.bank_account
        return source.code if source else ""
