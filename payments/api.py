"""The API of payments: read them, read their receipts, start one.

Every operation names who may call it (``roles``) and every answer it may give; rows come from
``visible_to`` only, and a field that is not known is refused.
"""

from typing import Final

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotAuthenticated
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from channels_.contract import Method
from channels_.models import Channel
from cspdcl.kernel.api import PaiseField, StrictSerializer, checked, found_or_404, page_of, refusals
from cspdcl.kernel.ids import canonical
from cspdcl.kernel.money import PAISE_MAX
from payments import actions, api_orders, selectors
from payments.models import Payment, Receipt
from payments.states import State
from people import openapi, roles  # noqa: F401 - openapi tells the schema of our keys
from people.models import User

RECEIPTS_MAX: Final = 500

_READERS: Final = (
    roles.CLERK,
    roles.SUPERVISOR,
    *roles.READERS,
    roles.OPERATOR,
    roles.ADMINISTRATOR,
    roles.CHANNEL,
)
_CODE: Final = r"^[A-Za-z0-9_-]{1,24}$"
_BILL: Final = r"^[A-Za-z0-9/._-]{0,20}$"
_DIGITS: Final = r"^[0-9]*$"
_PLAIN: Final = r"^[A-Za-z0-9 .,&()/'\u0900-\u097f-]*$"  # Latin or Devanagari, as banks are named
_FIRST_YEAR: Final = 2
_LAST_YEAR: Final = 9998


# ---- shapes ----


class PaymentSerializer(serializers.Serializer[Payment]):
    """One payment, as the API tells it. Money is whole paise."""

    reference = serializers.CharField()
    channel = serializers.CharField(source="channel.code")
    channel_ref = serializers.CharField(allow_null=True)
    order_ref = serializers.CharField(allow_blank=True)
    consumer_number = serializers.CharField(allow_blank=True)
    bill_number = serializers.CharField(source="bill.number", default=None, allow_null=True)
    office = serializers.CharField(source="office.code", default=None, allow_null=True)
    counter = serializers.CharField(source="counter.code", default=None, allow_null=True)
    deposit = serializers.CharField(source="deposit.reference", default=None, allow_null=True)
    amount_paise = serializers.IntegerField()
    method = serializers.ChoiceField(choices=[method.value for method in Method])
    rrn = serializers.CharField(allow_blank=True)
    utr = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=State.choices)
    duplicate_of = serializers.CharField(
        source="duplicate_of.reference", default=None, allow_null=True
    )
    receipt = serializers.SerializerMethodField()
    business_date = serializers.DateField()
    created_at = serializers.DateTimeField()
    succeeded_at = serializers.DateTimeField(allow_null=True)

    def get_receipt(self, payment: Payment) -> str | None:
        """The receipt's number as printed."""
        receipt = getattr(payment, "receipt", None)
        return receipt.label if receipt is not None else None


class ReceiptSerializer(serializers.Serializer[Receipt]):
    """One receipt with its payment."""

    receipt = serializers.CharField(source="label", help_text="As printed: RPR1/2026-27/000123")
    series = serializers.CharField()
    year = serializers.CharField()
    number = serializers.IntegerField()
    issued_at = serializers.DateTimeField()
    cancelled_at = serializers.DateTimeField(allow_null=True)
    reference = serializers.CharField(source="payment.reference")
    channel = serializers.CharField(source="payment.channel.code")
    counter = serializers.CharField(source="payment.counter.code", default=None, allow_null=True)
    consumer_number = serializers.CharField(source="payment.consumer_number", allow_blank=True)
    amount_paise = serializers.IntegerField(source="payment.amount_paise")
    business_date = serializers.DateField(source="payment.business_date")


class PageQuery(StrictSerializer):
    """What every list takes."""

    page = serializers.IntegerField(required=False, min_value=1)
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=500)


class PaymentQuery(PageQuery):
    """Filters of payments; ``q`` looks as the search of the page does."""

    business_date = serializers.DateField(required=False)
    channel = serializers.RegexField(_CODE, required=False)
    state = serializers.ChoiceField(choices=State.choices, required=False)
    consumer_number = serializers.RegexField(r"^[0-9]{6,20}$", required=False)
    q = serializers.CharField(required=False, max_length=64)


class ReceiptQuery(PageQuery):
    """Filters of receipts."""

    business_date = serializers.DateField(required=False)
    series = serializers.RegexField(_CODE, required=False)
    consumer_number = serializers.RegexField(r"^[0-9]{6,20}$", required=False)


class PaymentStart(StrictSerializer):
    """What somebody is about to pay."""

    channel = serializers.RegexField(_CODE)
    consumer_number = serializers.RegexField(r"^[0-9]{6,12}$")
    amount_paise = PaiseField(min_value=1, max_value=PAISE_MAX)
    bill_number = serializers.RegexField(_BILL, required=False, allow_blank=True)


# ---- operations ----


class Payments(GenericAPIView[Payment]):
    """The payments you may see, latest first; start one."""

    roles = {"GET": _READERS, "POST": (roles.CHANNEL,)}
    serializer_class = PaymentSerializer

    def get_queryset(self) -> QuerySet[Payment]:
        """Only what the caller may see."""
        return _with_names(selectors.payments_visible_to(self.request.user))

    @extend_schema(
        parameters=[PaymentQuery],
        responses={200: PaymentSerializer(many=True), **refusals(404)},
        operation_id="payments_list",
    )
    def get(self, request: Request) -> Response:
        """Payments, filtered and paged."""
        asked = checked(PaymentQuery, request.query_params)
        rows = self.get_queryset().order_by("-id")
        if "q" in asked:
            rows = selectors.search(rows, asked["q"])
        for name, column in (
            ("business_date", "business_date"),
            ("state", "state"),
            ("consumer_number", "consumer_number"),
            ("channel", "channel__code"),
        ):
            if name in asked:
                rows = rows.filter(**{column: asked[name]})
        return page_of(self, rows, PaymentSerializer)

    @extend_schema(
        request=PaymentStart,
        responses={201: PaymentSerializer, **refusals(409, 413, 415)},
        operation_id="payments_start",
    )
    def post(self, request: Request) -> Response:
        """Start a payment: the reference in the answer goes to the channel with the payer."""
        asked = checked(PaymentStart, request.data)
        consumers = selectors.consumers_visible_to(request.user)
        consumer = consumers.filter(number=asked["consumer_number"]).first()
        channel = Channel.objects.filter(code=asked["channel"]).first()
        if consumer is None or channel is None:
            raise actions.NotPayable("no such consumer or channel")
        bill = None
        if asked.get("bill_number"):
            bill = consumer.bills.filter(number=asked["bill_number"]).first()
            if bill is None:
                raise actions.NotPayable(f"consumer {consumer.number} has no such bill")
        payment = actions.start_payment(
            channel,
            consumer=consumer,
            amount_paise=asked["amount_paise"],
            actor=_caller(request),
            bill=bill,
        )
        return Response(PaymentSerializer(payment).data, status=status.HTTP_201_CREATED)


class PaymentDetail(GenericAPIView[Payment]):
    """One payment."""

    roles = {"GET": _READERS}
    serializer_class = PaymentSerializer

    def get_queryset(self) -> QuerySet[Payment]:
        """Only what the caller may see."""
        return _with_names(selectors.payments_visible_to(self.request.user))

    @extend_schema(
        responses={200: PaymentSerializer, **refusals(404)}, operation_id="payments_retrieve"
    )
    def get(self, _request: Request, reference: str) -> Response:
        """The payment with this reference."""
        payment = found_or_404(self.get_queryset(), reference=canonical(reference).upper())
        return Response(PaymentSerializer(payment).data)


class Receipts(GenericAPIView[Receipt]):
    """The receipts you may see, latest first."""

    roles = {"GET": _READERS}
    serializer_class = ReceiptSerializer

    def get_queryset(self) -> QuerySet[Receipt]:
        """Only what the caller may see."""
        return selectors.receipts_visible_to(self.request.user).select_related(
            "payment__channel", "payment__counter"
        )

    @extend_schema(
        parameters=[ReceiptQuery],
        responses={200: ReceiptSerializer(many=True), **refusals(404)},
        operation_id="receipts_list",
    )
    def get(self, request: Request) -> Response:
        """Receipts, filtered and paged."""
        asked = checked(ReceiptQuery, request.query_params)
        rows = self.get_queryset().order_by("-id")
        if "business_date" in asked:
            rows = rows.filter(payment__business_date=asked["business_date"])
        if "consumer_number" in asked:
            rows = rows.filter(payment__consumer_number=asked["consumer_number"])
        if "series" in asked:
            rows = rows.filter(series=asked["series"].upper())
        return page_of(self, rows, ReceiptSerializer)


app_name = "payments-api"

urlpatterns = [
    path("payments/", Payments.as_view(), name="payments"),
    path("payments/<str:reference>/", PaymentDetail.as_view(), name="payment"),
    path("orders/", api_orders.Orders.as_view(), name="orders"),
    path("orders/<str:reference>/", api_orders.OrderDetail.as_view(), name="order"),
    path("receipts/", Receipts.as_view(), name="receipts"),
]


# ---- helpers ----


def _caller(request: Request) -> User:
    """Who asks; permissions have let nobody else in."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def _with_names(payments: QuerySet[Payment]) -> QuerySet[Payment]:
    return payments.select_related(
        "channel", "bill", "office", "counter", "deposit", "duplicate_of", "receipt"
    )
