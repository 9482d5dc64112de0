"""The API of refunds and disputes: read them, ask for a refund. People decide, at their pages.

Every operation names who may call it (``roles``) and every answer it may give; a field that is not
known is refused. Money is whole paise.
"""

from typing import Final
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotAuthenticated
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from cspdcl.kernel.api import (
    PaiseField,
    StrictSerializer,
    checked,
    found_or_404,
    page_of,
    refusals,
)
from cspdcl.kernel.money import PAISE_MAX
from payments.models import Dispute
from payments.selectors import payments_visible_to
from payments.states import DisputeState
from people import roles
from people.models import User
from refunds import actions, selectors
from refunds.models import RefundRequest
from refunds.states import State

_CODE: Final = r"^[A-Za-z0-9_-]{1,24}$"
_REFERENCE: Final = r"^[A-Za-z0-9-]{1,32}$"
_PLAIN: Final = r"^[A-Za-z0-9 .,:;()/'\u0900-\u097f-]*$"  # Latin or Devanagari


# ---- shapes ----


class RefundRequestSerializer(serializers.Serializer[RefundRequest]):
    """One request for a refund."""

    reference = serializers.CharField(help_text="Ours, equal on every try.")
    payment = serializers.CharField(source="payment.reference")
    channel = serializers.CharField(source="payment.channel.code")
    amount_paise = serializers.IntegerField()
    reason = serializers.CharField()
    state = serializers.ChoiceField(choices=State.choices)
    asked_by = serializers.CharField(source="asked_by.username")
    asked_at = serializers.DateTimeField()
    decided_by = serializers.CharField(source="decided_by.username", default=None, allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    channel_ref = serializers.CharField(
        source="told_ref", allow_blank=True, help_text="The channel's name of the refund."
    )
    note = serializers.CharField(allow_blank=True, help_text="What the last step came to.")


class DisputeSerializer(serializers.Serializer[Dispute]):
    """One dispute."""

    id = serializers.UUIDField(source="public_id")
    dispute_ref = serializers.CharField(help_text="The channel's.")
    channel = serializers.CharField(source="channel.code")
    payment = serializers.CharField(source="payment.reference", default=None, allow_null=True)
    amount_paise = serializers.IntegerField()
    phase = serializers.CharField(allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=DisputeState.choices)
    respond_by = serializers.DateTimeField(allow_null=True)
    opened_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class _Paged(StrictSerializer):
    """What both lists take."""

    page = serializers.IntegerField(required=False, min_value=1)
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=500)
    channel = serializers.RegexField(_CODE, required=False)


class RefundsQuery(_Paged):
    """Filters of refunds."""

    state = serializers.ChoiceField(choices=State.choices, required=False)
    payment = serializers.RegexField(_REFERENCE, required=False)


class DisputesQuery(_Paged):
    """Filters of disputes."""

    state = serializers.ChoiceField(choices=DisputeState.choices, required=False)


class RefundAsked(StrictSerializer):
    """Money of one payment that shall go back."""

    payment = serializers.RegexField(_REFERENCE, help_text="Our reference of the payment.")
    amount_paise = PaiseField(min_value=1, max_value=PAISE_MAX)
    reason = serializers.RegexField(_PLAIN, min_length=5, max_length=200)
    submit_key = serializers.RegexField(
        r"^[A-Za-z0-9_-]{16,64}$", help_text="Made once, before the first try; equal on every try."
    )


# ---- operations ----


class Refunds(GenericAPIView[RefundRequest]):
    """The refunds you may see, latest first; ask for one."""

    roles = {"GET": selectors.READERS, "POST": (roles.FINANCE_OFFICER,)}
    serializer_class = RefundRequestSerializer

    def get_queryset(self) -> QuerySet[RefundRequest]:
        """Only what the caller may see."""
        return _named(selectors.requests_visible_to(self.request.user))

    @extend_schema(
        parameters=[RefundsQuery],
        responses={200: RefundRequestSerializer(many=True), **refusals(404)},
        operation_id="refunds_list",
    )
    def get(self, request: Request) -> Response:
        """Refunds, filtered and paged."""
        asked = checked(RefundsQuery, request.query_params)
        rows = self.get_queryset().order_by("-id")
        for name, column in (
            ("state", "state"),
            ("payment", "payment__reference"),
            ("channel", "payment__channel__code"),
        ):
            if name in asked:
                rows = rows.filter(**{column: asked[name]})
        return page_of(self, rows, RefundRequestSerializer)

    @extend_schema(
        request=RefundAsked,
        responses={201: RefundRequestSerializer, **refusals(404, 409, 413, 415)},
        operation_id="refunds_ask",
    )
    def post(self, request: Request) -> Response:
        """Ask for a refund; a second person decides at the page. The same key is the same one."""
        asked = checked(RefundAsked, request.data)
        if not isinstance(request.user, User):
            raise NotAuthenticated
        payments = payments_visible_to(request.user).select_related("channel")
        payment = found_or_404(payments, reference=asked["payment"].upper())
        made = actions.ask(
            payment,
            amount_paise=asked["amount_paise"],
            reason=asked["reason"],
            by=request.user,
            submit_key=asked["submit_key"],
        )
        return Response(RefundRequestSerializer(made).data, status=status.HTTP_201_CREATED)


class RefundDetail(GenericAPIView[RefundRequest]):
    """One refund."""

    roles = {"GET": selectors.READERS}
    serializer_class = RefundRequestSerializer

    def get_queryset(self) -> QuerySet[RefundRequest]:
        """Only what the caller may see."""
        return _named(selectors.requests_visible_to(self.request.user))

    @extend_schema(
        responses={200: RefundRequestSerializer, **refusals(404)}, operation_id="refunds_retrieve"
    )
    def get(self, _request: Request, reference: str) -> Response:
        """The refund with this reference."""
        found = found_or_404(self.get_queryset(), reference=reference.upper())
        return Response(RefundRequestSerializer(found).data)


class Disputes(GenericAPIView[Dispute]):
    """The disputes you may see, latest first."""

    roles = {"GET": selectors.READERS}
    serializer_class = DisputeSerializer

    def get_queryset(self) -> QuerySet[Dispute]:
        """Only what the caller may see."""
        rows = selectors.disputes_visible_to(self.request.user)
        return rows.select_related("channel", "payment")

    @extend_schema(
        parameters=[DisputesQuery],
        responses={200: DisputeSerializer(many=True), **refusals(404)},
        operation_id="disputes_list",
    )
    def get(self, request: Request) -> Response:
        """Disputes, filtered and paged."""
        asked = checked(DisputesQuery, request.query_params)
        rows = self.get_queryset().order_by("-id")
        for name, column in (("state", "state"), ("channel", "channel__code")):
            if name in asked:
                rows = rows.filter(**{column: asked[name]})
        return page_of(self, rows, DisputeSerializer)


def _uuid(text: str) -> str:
    """The text of an id; Http404 for what is none: the answer is JSON, as all of the API."""
    try:
        return str(UUID(text))
    except ValueError:
        raise Http404 from None


class DisputeDetail(GenericAPIView[Dispute]):
    """One dispute."""

    roles = {"GET": selectors.READERS}
    serializer_class = DisputeSerializer

    def get_queryset(self) -> QuerySet[Dispute]:
        """Only what the caller may see."""
        rows = selectors.disputes_visible_to(self.request.user)
        return rows.select_related("channel", "payment")

    @extend_schema(
        responses={200: DisputeSerializer, **refusals(404)}, operation_id="disputes_retrieve"
    )
    def get(self, _request: Request, public_id: str) -> Response:
        """The dispute with this id."""
        found = found_or_404(self.get_queryset(), public_id=_uuid(public_id))
        return Response(DisputeSerializer(found).data)


app_name = "refunds-api"

urlpatterns = [
    path("refunds/", Refunds.as_view(), name="refunds"),
    path("refunds/<str:reference>/", RefundDetail.as_view(), name="refund"),
    path("disputes/", Disputes.as_view(), name="disputes"),
    path("disputes/<str:public_id>/", DisputeDetail.as_view(), name="dispute"),
]


def _named(rows: QuerySet[RefundRequest]) -> QuerySet[RefundRequest]:
    return rows.select_related("payment__channel", "asked_by", "decided_by")
