"""Requests for refunds, our answers to disputes, and money that came back by itself."""

from functools import reduce
from operator import or_
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from cspdcl.kernel.clock import now
from payments.models import Dispute, Payment, Refund
from refunds.states import ANSWER_OPEN, EDGES, AnswerState, State


class RefundRequest(models.Model):
    """Money of one payment that shall go back: asked by one person, decided by another."""

    reference = models.CharField(max_length=32, unique=True)  # ours; equal on every try
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refund_requests")
    amount_paise = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=16, choices=State, default=State.ASKED)
    submit_key = models.CharField(max_length=64)  # made before the first press
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField(default=now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=200, blank=True)
    told_ref = models.CharField(max_length=64, blank=True)  # theirs, as their answer named it
    refund = models.OneToOneField(
        Refund, on_delete=models.PROTECT, null=True, related_name="request"
    )
    note = models.CharField(max_length=200, blank=True)  # what the last step came to
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_paise__gt=0), name="refund_request_amount_positive"
            ),
            models.CheckConstraint(
                condition=Q(state__in=State.values), name="refund_request_state_known"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("asked_by")),
                name="refund_request_by_two_persons",
            ),
            models.CheckConstraint(
                condition=Q(state="asked", decided_by__isnull=True, decided_at__isnull=True)
                | (~Q(state="asked") & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="refund_request_decided_by_somebody",
            ),
            models.UniqueConstraint(
                fields=["asked_by", "submit_key"], name="refund_request_asked_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["state", "id"],
                condition=Q(state__in=["asked", "approved", "sending", "manual"]),
                name="refund_request_open",
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class RefundEvent(models.Model):
    """One move of a request, with its cause. Append-only by trigger."""

    request = models.ForeignKey(RefundRequest, on_delete=models.PROTECT, related_name="events")
    from_state = models.CharField(max_length=16, choices=State)
    to_state = models.CharField(max_length=16, choices=State)
    cause = models.CharField(max_length=200)
    actor = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=reduce(or_, (Q(from_state=was, to_state=to) for was, to in EDGES)),
                name="refund_event_edge_is_legal",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_state} -> {self.to_state}"


class DisputeAnswer(models.Model):
    """What we say to a dispute: evidence, or that we give in."""

    public_id = models.UUIDField(default=uuid4, unique=True)
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="answers")
    phase = models.CharField(max_length=32, blank=True)  # the dispute's when it was written
    summary = models.CharField(max_length=1000)
    accept = models.BooleanField(default=False)
    needs_second = models.BooleanField(default=True)
    state = models.CharField(max_length=16, choices=AnswerState, default=AnswerState.PROPOSED)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField(default=now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=AnswerState.values), name="dispute_answer_state_known"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("made_by")),
                name="dispute_answer_by_two_persons",
            ),
            models.CheckConstraint(
                condition=Q(needs_second=False)
                | Q(state="proposed")
                | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="dispute_answer_decided_by_somebody",
            ),
            models.UniqueConstraint(
                fields=["dispute"],
                condition=Q(state__in=[state.value for state in ANSWER_OPEN]),
                name="dispute_answer_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dispute_id} {self.state}"


class CameBack(models.Model):
    """A person knows that the payer has the money of a failed payment again, and since when."""

    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="came_back")
    on = models.DateField()
    note = models.CharField(max_length=200)
    noted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    noted_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"{self.payment_id} on {self.on}"
