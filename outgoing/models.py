"""What leaves the house, each try of it, and how the connections do."""

from uuid import uuid4

from django.db import models
from django.db.models import Q

from cspdcl.kernel.clock import now
from outgoing.states import Channel, State, Verdict
from outgoing.wording import title_of
from people.models import Office


class Outgoing(models.Model):
    """One SMS, e-mail, letter or posting. Written with the business that causes it."""

    public_id = models.UUIDField(default=uuid4, unique=True)
    channel = models.CharField(max_length=8, choices=Channel)
    kind = models.CharField(max_length=40)  # "receipt_issued"; outgoing/wording.py knows the texts
    key = models.CharField(max_length=120)  # once per channel; goes to the provider as reference
    office = models.ForeignKey(Office, on_delete=models.PROTECT, null=True, related_name="+")
    object_type = models.CharField(max_length=40)  # what it is about, as the audit trail names it
    object_id = models.CharField(max_length=80)
    recipient = models.BinaryField(null=True)  # sealed: number, address
    recipient_masked = models.CharField(max_length=80, blank=True)
    language = models.CharField(max_length=2, blank=True)
    body = models.BinaryField(null=True)  # sealed: subject and text
    facts = models.JSONField(default=dict)  # what the text says, or what the ERP shall post
    state = models.CharField(max_length=8, choices=State)
    not_before = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    trying_since = models.DateTimeField(null=True)  # somebody sends it now, or died of it
    next_try_at = models.DateTimeField(null=True)
    provider_ref = models.CharField(max_length=80, blank=True)
    outcome = models.CharField(max_length=200, blank=True)
    is_unclear = models.BooleanField(default=False)  # given up, and it may have gone out
    made_at = models.DateTimeField(default=now)
    sent_at = models.DateTimeField(null=True)
    revived_at = models.DateTimeField(null=True)  # a person wanted it tried again, however old
    wiped_at = models.DateTimeField(null=True)  # since then recipient and body are gone

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "key"], name="outgoing_key_once"),
            models.CheckConstraint(
                condition=Q(channel__in=Channel.values), name="outgoing_channel_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=State.values), name="outgoing_state_known"
            ),
            models.CheckConstraint(
                condition=Q(key__regex=r"^[!-~]+$") & Q(kind__regex=r"^[a-z][a-z0-9_]*$"),
                name="outgoing_key_is_plain",
            ),
            models.CheckConstraint(
                condition=Q(language__in=["hi", "en"]) | Q(channel="erp", language=""),
                name="outgoing_language_known",
            ),
            models.CheckConstraint(
                condition=Q(channel="erp", recipient__isnull=True, body__isnull=True)
                | Q(wiped_at__isnull=True, recipient__isnull=False, body__isnull=False)
                | Q(wiped_at__isnull=False, recipient__isnull=True, body__isnull=True),
                name="outgoing_whole_or_wiped",
            ),
            models.CheckConstraint(
                condition=Q(wiped_at__isnull=True) | Q(state__in=["sent", "given_up", "lapsed"]),
                name="outgoing_wiped_after_its_end",
            ),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False)
                | (~Q(state="sent") & Q(sent_at__isnull=True)),
                name="outgoing_sent_iff_dated",
            ),
            models.CheckConstraint(
                condition=Q(state="due", next_try_at__isnull=False)
                | (~Q(state="due") & Q(next_try_at__isnull=True, trying_since__isnull=True)),
                name="outgoing_due_iff_timed",
            ),
            models.CheckConstraint(
                condition=~Q(state="due") | Q(channel__in=["sms", "email"]),
                name="outgoing_due_only_by_wire",
            ),
            models.CheckConstraint(
                condition=Q(is_unclear=False) | Q(state="given_up"),
                name="outgoing_unclear_is_given_up",
            ),
        ]
        indexes = [
            models.Index(
                fields=["channel", "next_try_at", "id"],
                condition=Q(state="due"),
                name="outgoing_due",
            ),
            models.Index(
                fields=["channel", "state", "made_at"],
                condition=Q(state__in=["waiting", "given_up"]),
                name="outgoing_open",
            ),
            models.Index(
                fields=["made_at"], condition=Q(wiped_at__isnull=True), name="outgoing_unwiped"
            ),
            models.Index(fields=["-made_at"], name="outgoing_latest"),
            models.Index(fields=["object_type", "object_id"], name="outgoing_about"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.key}"

    @property
    def title(self) -> str:
        """What it is, as people call it."""
        return title_of(self.kind)


class Attempt(models.Model):
    """What one try came to. Append-only by trigger."""

    outgoing = models.ForeignKey(Outgoing, on_delete=models.PROTECT, related_name="tries")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=now)
    verdict = models.CharField(max_length=12, choices=Verdict)
    words = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict__in=Verdict.values), name="outgoing_attempt_verdict_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.verdict}"


class Connection(models.Model):
    """How the connection of a channel does: after some failures in a row it is left alone."""

    channel = models.CharField(max_length=8, choices=Channel, unique=True)
    failures = models.PositiveIntegerField(default=0)
    rests_until = models.DateTimeField(null=True)
    last_problem = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.channel
