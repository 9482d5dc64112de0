"""The partner API: what ATP machines, Pay-point and CSC call to collect for us.

docs/partner-api.md tells a stranger's developer all of it. An agency sees its own payments, its
own float, and the dues of those it collects for.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, ClassVar, Final

from django.http import Http404
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from agencies import actions, selectors
from agencies.auth import AgencyKeyAuthentication, Caller, HasCapability
from agencies.capabilities import Capability
from agencies.models import AgencyPayment, FloatAccount, FloatEntry
from agencies.once import HIT_HEADER, KEY_HEADER, KEY_SHAPE, Answer, fingerprint_of, once
from agencies.problems import MEDIA_TYPE, Paused, answer_problem, problems
from channels_ import json_strict
from channels_.contract import Dues, Method
from cspdcl.kernel.api import PaiseField, StrictSerializer, checked
from cspdcl.kernel.money import PAISE_MAX

LAST_MAX: Final = 100
TAG: Final = "partner"

_TXN_ID: Final = r"^[A-Za-z0-9._-]{1,40}$"
_NUMBER: Final = r"^[0-9]{6,12}$"
_BILL: Final = r"^[A-Za-z0-9/._-]{0,20}$"
_CODE: Final = r"^[A-Za-z0-9._-]{0,24}$"
_PLAIN: Final = r"^[A-Za-z0-9 .,&()/'\u0900-\u097f-]*$"
_WHY: Final = r"^[A-Za-z0-9 .,:;()/'\u0900-\u097f-]*$"
_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2999


# ---- shapes ----


class TextField(serializers.RegexField):
    """A text of a shape: a number in its place is refused, not written out."""

    def to_internal_value(self, data: Any) -> str:
        """Nothing but a text is one."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class YesNoField(serializers.BooleanField):
    """true or false; "yes" and 1 are neither."""

    def to_internal_value(self, data: Any) -> bool:
        """Nothing but a truth value is one."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class DuesQuery(StrictSerializer):
    """Whose dues."""

    consumer = TextField(
        _NUMBER, help_text="Consumer number, or a business partner that has one account."
    )


class DuesSerializer(serializers.Serializer[Dues]):
    """What a consumer owes. Money is whole paise."""

    consumer_number = serializers.CharField()
    name = serializers.CharField(help_text="To be shown, so that the payer sees who it is for.")
    plan = serializers.ChoiceField(choices=["postpaid", "prepaid"])
    amount_paise = serializers.IntegerField(help_text="All open bills; 0 for prepaid.")
    bill_number = serializers.CharField(allow_blank=True, help_text="Of the newest open bill.")
    bill_period = serializers.CharField(allow_blank=True)
    issued_on = serializers.DateField(allow_null=True)
    due_on = serializers.DateField(allow_null=True)
    least_paise = serializers.IntegerField(help_text="The least that may be paid.")
    most_paise = serializers.IntegerField(help_text="The most that may be paid; 0: no limit.")


class PaymentAsked(StrictSerializer):
    """A payment that a consumer makes at the agency."""

    txn_id = TextField(
        _TXN_ID, help_text="Your own id of the payment: made once, equal on every try."
    )
    consumer_number = TextField(_NUMBER)
    amount_paise = PaiseField(min_value=1, max_value=PAISE_MAX)
    method = serializers.ChoiceField(choices=[method.value for method in actions.METHODS])
    confirm = YesNoField(
        required=False, help_text="true: paid at once. false (default): held until confirmed."
    )
    bill_number = TextField(_BILL, required=False, allow_blank=True)
    terminal = TextField(_CODE, required=False, allow_blank=True)
    rrn = TextField(r"^([0-9]{12})?$", required=False, allow_blank=True)
    instrument = TextField(
        r"^([0-9]{6,12})?$", required=False, allow_blank=True, help_text="Cheque or draft number."
    )
    instrument_date = serializers.DateField(required=False, allow_null=True)
    bank_name = TextField(_PLAIN, required=False, allow_blank=True, max_length=80)
    paid_at = serializers.DateTimeField(
        required=False, help_text="Only of a machine that was offline, with confirm: true."
    )

    def validate_paid_at(self, paid_at: datetime) -> datetime:
        """At the ends of the calendar zones have no days: moved inside, to be refused there."""
        if _FIRST_YEAR <= paid_at.year <= _LAST_YEAR:
            return paid_at
        return paid_at.replace(
            year=_FIRST_YEAR if paid_at.year < _FIRST_YEAR else _LAST_YEAR, month=1, day=1
        )


class ReversalAsked(StrictSerializer):
    """Why a payment is given back."""

    reason = TextField(_WHY, min_length=3, max_length=60)


class NothingAsked(StrictSerializer):
    """An empty object."""


class PartnerPaymentSerializer(serializers.Serializer[AgencyPayment]):
    """One payment of the agency. Money is whole paise."""

    reference = serializers.CharField(source="payment.reference", help_text="Ours.")
    txn_id = serializers.CharField(source="payment.channel_ref", help_text="Yours.")
    state = serializers.SerializerMethodField()
    consumer_number = serializers.CharField(source="payment.consumer_number")
    bill_number = serializers.CharField(source="payment.bill.number", default=None, allow_null=True)
    amount_paise = serializers.IntegerField(source="payment.amount_paise")
    method = serializers.ChoiceField(
        choices=[method.value for method in Method], source="payment.method"
    )
    terminal = serializers.CharField(source="terminal.code", default=None, allow_null=True)
    receipt = serializers.SerializerMethodField()
    receipt_cancelled = serializers.SerializerMethodField()
    held_until = serializers.DateTimeField(allow_null=True)
    business_date = serializers.DateField(source="payment.business_date")
    created_at = serializers.DateTimeField(source="payment.created_at")
    paid_at = serializers.DateTimeField(source="payment.succeeded_at", allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True, help_text="Cancelled or reversed.")
    reason = serializers.CharField(source="ended_why", allow_blank=True)

    def get_receipt(self, mine: AgencyPayment) -> str | None:
        """The receipt's number as it is to be printed."""
        receipt = getattr(mine.payment, "receipt", None)
        return receipt.label if receipt is not None else None

    def get_receipt_cancelled(self, mine: AgencyPayment) -> bool:
        """Whether the receipt holds no more."""
        receipt = getattr(mine.payment, "receipt", None)
        return receipt is not None and receipt.cancelled_at is not None

    @extend_schema_field(serializers.ChoiceField(choices=selectors.STATES))
    def get_state(self, mine: AgencyPayment) -> str:
        """Where it stands."""
        return selectors.state_of(mine)


class PaymentsQuery(StrictSerializer):
    """How many of the latest."""

    last = serializers.IntegerField(required=False, min_value=1, max_value=LAST_MAX)


class PartnerPaymentsSerializer(serializers.Serializer[Any]):
    """The latest payments of the agency, the latest first."""

    payments = PartnerPaymentSerializer(many=True)


class FloatQuery(StrictSerializer):
    """How many of the latest entries."""

    last = serializers.IntegerField(required=False, min_value=0, max_value=LAST_MAX)


class FloatEntrySerializer(serializers.Serializer[FloatEntry]):
    """One move of the float."""

    number = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=FloatEntry.Kind.choices)
    amount_paise = serializers.IntegerField(help_text="+ is money for the agency.")
    balance_after_paise = serializers.IntegerField()
    reference = serializers.CharField(source="payment.reference", default=None, allow_null=True)
    utr = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField()


class FloatSerializer(serializers.Serializer[Any]):
    """The agency's float. Money is whole paise."""

    kind = serializers.ChoiceField(choices=FloatAccount.Kind.choices)
    balance_paise = serializers.IntegerField()
    credit_limit_paise = serializers.IntegerField()
    available_paise = serializers.IntegerField(help_text="What can still be collected.")
    alarm_paise = serializers.IntegerField()
    is_low = serializers.BooleanField()
    entries = FloatEntrySerializer(many=True, help_text="The latest first.")


# ---- operations ----


class StrictJSONParser(BaseParser):
    """JSON without doubled names, NaN, NUL or depth; what is signed is read in one way only."""

    media_type = "application/json"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,  # noqa: ARG002 - part of DRF's interface
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> Any:
        """Read the body; its length was judged before the signature was."""
        return json_strict.loads(stream.read())


class PartnerView(APIView):
    """What all operations have in common: signed, judged by capability, refused by problems."""

    authentication_classes = [AgencyKeyAuthentication]
    permission_classes = [HasCapability]
    parser_classes = [StrictJSONParser]
    capabilities: ClassVar[Mapping[str, Capability]] = {}

    def get_exception_handler(self) -> Callable[..., Response | None]:
        """Problem documents, here only."""
        return answer_problem

    def answer_once(
        self, request: Request, contents: Mapping[str, Any], work: Callable[[], Answer]
    ) -> Response:
        """Do it the first time its Idempotency-Key comes; answer the same every time."""
        key = request.headers.get(KEY_HEADER, "")
        if not KEY_SHAPE.fullmatch(key):
            raise ValidationError(
                {KEY_HEADER: ["16 to 200 visible signs, made before the first try."]}
            )
        answer = once(
            caller_of(request),
            key=key,
            fingerprint=fingerprint_of(str(request.method), request.path, contents),
            work=work,
        )
        response = Response(
            answer.body,
            status=answer.status,
            content_type=MEDIA_TYPE if answer.is_problem else None,
        )
        if answer.is_hit:
            response[HIT_HEADER] = "true"
        return response


_ONCE: Final = OpenApiParameter(
    name=KEY_HEADER,
    location=OpenApiParameter.HEADER,
    required=True,
    type={"type": "string", "pattern": "^[!-~]{16,200}$"},
    description="Made before the first try and equal on every try; a repeat gets the first "
    f"answer again, with {HIT_HEADER}: true.",
)


class DuesOf(PartnerView):
    """What a consumer owes."""

    capabilities = {"GET": Capability.DUES}

    @extend_schema(
        tags=[TAG],
        operation_id="partner_dues",
        parameters=[DuesQuery],
        responses={200: DuesSerializer, **problems(422)},
    )
    def get(self, request: Request) -> Response:
        """The dues of one consumer."""
        caller = caller_of(request)
        asked = checked(DuesQuery, request.query_params)
        _refuse_if_paused(caller)
        dues = actions.dues_for(caller.door, asked["consumer"])
        return Response(DuesSerializer(dues).data)


class PartnerPayments(PartnerView):
    """Payments of the agency."""

    capabilities = {"GET": Capability.STATUS, "POST": Capability.PAY}

    @extend_schema(
        tags=[TAG],
        operation_id="partner_payments_last",
        parameters=[PaymentsQuery],
        responses={200: PartnerPaymentsSerializer, **problems()},
    )
    def get(self, request: Request) -> Response:
        """The latest payments, 20 unless ``last`` says otherwise."""
        asked = checked(PaymentsQuery, request.query_params)
        rows = selectors.payments_of(caller_of(request).door.agency).order_by("-id")
        told = PartnerPaymentsSerializer({"payments": rows[: asked.get("last", 20)]}).data
        return Response(told)

    @extend_schema(
        tags=[TAG],
        operation_id="partner_pay",
        parameters=[_ONCE],
        request=PaymentAsked,
        responses={
            201: PartnerPaymentSerializer,
            200: PartnerPaymentSerializer,
            **problems(422),
        },
    )
    def post(self, request: Request) -> Response:
        """Take a payment: held, or paid at once with ``confirm``. 200: this txn_id was here."""
        contents = checked(PaymentAsked, request.data)
        caller = caller_of(request)
        fields: dict[str, Any] = {"confirm": False, **contents}
        asked = actions.Asked(**{**fields, "method": Method(fields["method"])})

        def work() -> Answer:
            _refuse_if_paused(caller)
            taken = actions.take(caller, asked)
            status = HTTPStatus.CREATED if taken.is_new else HTTPStatus.OK
            return Answer(status, told_of(taken.mine), payment=taken.mine.payment)

        return self.answer_once(request, contents, work)


class PartnerPayment(PartnerView):
    """One payment of the agency, by our reference."""

    capabilities = {"GET": Capability.STATUS}

    @extend_schema(
        tags=[TAG],
        operation_id="partner_payment",
        responses={200: PartnerPaymentSerializer, **problems(404)},
    )
    def get(self, request: Request, reference: str) -> Response:
        """How a payment stands."""
        return Response(told_of(_mine(request, payment__reference=reference.upper())))


class PartnerPaymentByTxn(PartnerView):
    """One payment of the agency, by its own id."""

    capabilities = {"GET": Capability.STATUS}

    @extend_schema(
        tags=[TAG],
        operation_id="partner_payment_by_txn",
        responses={200: PartnerPaymentSerializer, **problems(404)},
    )
    def get(self, request: Request, txn_id: str) -> Response:
        """How a payment stands."""
        return Response(told_of(_mine(request, payment__channel_ref=txn_id)))


class Confirmation(PartnerView):
    """The second step of a payment."""

    capabilities = {"POST": Capability.PAY}

    @extend_schema(
        tags=[TAG],
        operation_id="partner_confirm",
        parameters=[_ONCE],
        request=NothingAsked,
        responses={200: PartnerPaymentSerializer, **problems(404, 409, 422)},
    )
    def post(self, request: Request, reference: str) -> Response:
        """The consumer has paid: the payment is paid and has its receipt."""
        contents = checked(NothingAsked, request.data)
        caller, found = caller_of(request), _reference(request, reference)

        def work() -> Answer:
            mine = actions.confirm(caller, found)
            return Answer(HTTPStatus.OK, told_of(mine), payment=mine.payment)

        return self.answer_once(request, contents, work)


class Reversal(PartnerView):
    """A payment that is given back on its day."""

    capabilities = {"POST": Capability.REVERSE}

    @extend_schema(
        tags=[TAG],
        operation_id="partner_reverse",
        parameters=[_ONCE],
        request=ReversalAsked,
        responses={200: PartnerPaymentSerializer, **problems(404, 409, 422)},
    )
    def post(self, request: Request, reference: str) -> Response:
        """Cancel a held payment, or reverse one of today; its receipt is cancelled."""
        contents = checked(ReversalAsked, request.data)
        caller, found = caller_of(request), _reference(request, reference)

        def work() -> Answer:
            mine = actions.give_back(caller, found, why=contents["reason"])
            return Answer(HTTPStatus.OK, told_of(mine), payment=mine.payment)

        return self.answer_once(request, contents, work)


class FloatOf(PartnerView):
    """The agency's float."""

    capabilities = {"GET": Capability.FLOAT}

    @extend_schema(
        tags=[TAG],
        operation_id="partner_float",
        parameters=[FloatQuery],
        responses={200: FloatSerializer, **problems()},
    )
    def get(self, request: Request) -> Response:
        """What can still be collected, and the latest moves, 20 unless ``last`` says otherwise."""
        asked = checked(FloatQuery, request.query_params)
        account = FloatAccount.objects.get(agency=caller_of(request).door.agency)
        entries = account.entries.select_related("payment").order_by("-number")
        told = FloatSerializer(
            {
                "kind": account.kind,
                "balance_paise": account.balance_paise,
                "credit_limit_paise": account.credit_limit_paise,
                "available_paise": account.available_paise,
                "alarm_paise": account.alarm_paise,
                "is_low": account.is_low,
                "entries": entries[: asked.get("last", 20)],
            }
        ).data
        return Response(told)


app_name = "agencies-api"

urlpatterns = [
    path("dues/", DuesOf.as_view(), name="dues"),
    path("payments/", PartnerPayments.as_view(), name="payments"),
    path("payments/by-txn/<str:txn_id>/", PartnerPaymentByTxn.as_view(), name="by-txn"),
    path("payments/<str:reference>/", PartnerPayment.as_view(), name="payment"),
    path("payments/<str:reference>/confirm/", Confirmation.as_view(), name="confirm"),
    path("payments/<str:reference>/reverse/", Reversal.as_view(), name="reverse"),
    path("float/", FloatOf.as_view(), name="float"),
]


# ---- helpers ----


def caller_of(request: Request) -> Caller:
    """The agency that asks; authentication has let nobody else in."""
    if not isinstance(request.user, Caller):
        raise NotAuthenticated
    return request.user


def told_of(mine: AgencyPayment) -> dict[str, Any]:
    """A payment as it is told."""
    return dict(PartnerPaymentSerializer(mine).data)


def _refuse_if_paused(caller: Caller) -> None:
    """Nothing new while the channel is paused; what was begun may still be ended."""
    if caller.door.channel.paused_at is not None:
        raise Paused("Nothing was done.", expected="the same request later")


def _mine(request: Request, **where: str) -> AgencyPayment:
    """The agency's payment; another's is not there, and an odd text names nothing."""
    if any(not re.fullmatch(r"[!-~]{1,64}", text) for text in where.values()):
        raise Http404
    found = selectors.payments_of(caller_of(request).door.agency).filter(**where).first()
    if found is None:
        raise Http404
    return found


def _reference(request: Request, reference: str) -> str:
    return _mine(request, payment__reference=reference.upper()).payment.reference
