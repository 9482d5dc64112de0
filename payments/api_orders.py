"""The API of payments by a code of ours: begin one, and see what became of it."""

from typing import Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from channels_ import upi
from channels_.upi import PayLink
from cspdcl.kernel.api import PaiseField, StrictSerializer, checked, found_or_404, refusals
from cspdcl.kernel.ids import canonical
from cspdcl.kernel.money import PAISE_MAX
from payments import orders, selectors
from payments.actions import NotPayable
from payments.models import Payment
from payments.states import State
from people import roles
from people.models import User

_ASKERS: Final = (roles.CLERK, roles.SUPERVISOR, roles.CHANNEL)


class OrderAsked(StrictSerializer):
    """What shall be paid by UPI."""

    submit_key = serializers.RegexField(
        r"^[A-Za-z0-9_-]{16,64}$", help_text="Made once, before the first try; equal on every try."
    )
    channel = serializers.RegexField(
        r"^[A-Za-z0-9_-]{1,24}$", required=False, help_text="Else the first that makes QR codes."
    )
    consumer_number = serializers.RegexField(r"^[0-9]{6,12}$")
    bill_number = serializers.RegexField(
        r"^[A-Za-z0-9/._-]{0,20}$", required=False, allow_blank=True
    )
    amount_paise = PaiseField(min_value=1, max_value=PAISE_MAX)


class OrderSerializer(serializers.Serializer[Payment]):
    """One payment by a code of ours. Link and codes are empty when it is not offered any more."""

    reference = serializers.CharField()
    channel = serializers.CharField(source="channel.code")
    consumer_number = serializers.CharField()
    bill_number = serializers.CharField(source="bill.number", default=None, allow_null=True)
    amount_paise = serializers.IntegerField()
    state = serializers.ChoiceField(choices=State.choices)
    receipt = serializers.SerializerMethodField()
    expires_at = serializers.SerializerMethodField()
    is_offered = serializers.SerializerMethodField(help_text="Whether it may be shown to a payer.")
    upi_link = serializers.SerializerMethodField(help_text="upi://pay?..., to open or to show.")
    bharat_qr = serializers.SerializerMethodField(help_text="The same in the form of EMVCo.")
    qr_svg = serializers.SerializerMethodField(help_text="A picture of the link.")

    def get_receipt(self, payment: Payment) -> str | None:
        """The receipt's number as printed, once it is paid."""
        receipt = getattr(payment, "receipt", None)
        return receipt.label if receipt is not None else None

    def get_expires_at(self, payment: Payment) -> str:
        """Until when it may be offered; money that comes later counts all the same."""
        return orders.expires_at(payment).isoformat()

    def get_is_offered(self, payment: Payment) -> bool:
        """Whether it may be shown to a payer."""
        return orders.is_offered(payment)

    def get_upi_link(self, payment: Payment) -> str:
        """The link."""
        offer = _offer(payment)
        return upi.link_of(offer) if offer else ""

    def get_bharat_qr(self, payment: Payment) -> str:
        """The EMVCo form."""
        offer = _offer(payment)
        return upi.bharat_qr_of(offer) if offer else ""

    def get_qr_svg(self, payment: Payment) -> str:
        """The picture."""
        offer = _offer(payment)
        return upi.svg(upi.link_of(offer)) if offer else ""


class Orders(APIView):
    """Payments by UPI that we offer."""

    roles = {"POST": _ASKERS}

    @extend_schema(
        request=OrderAsked,
        responses={200: OrderSerializer, 201: OrderSerializer, **refusals(409, 413, 415)},
        operation_id="orders_begin",
    )
    def post(self, request: Request) -> Response:
        """Begin a payment by UPI: 201 for a new one, 200 for the one this key has begun."""
        asked = checked(OrderAsked, request.data)
        user = _caller(request)
        consumer = selectors.consumer_who_pays(asked["consumer_number"])
        channels = orders.upi_channels()
        if "channel" in asked:
            channels = channels.filter(code=asked["channel"])
        channel = channels.first()
        if consumer is None or channel is None:
            raise NotPayable("no such consumer, or no channel that makes QR codes")
        bill = None
        if asked.get("bill_number"):
            bill = consumer.bills.filter(number=asked["bill_number"]).first()
            if bill is None:
                raise NotPayable(f"consumer {consumer.number} has no such bill")
        begun = orders.begin(
            channel,
            consumer=consumer,
            bill=bill,
            amount_paise=asked["amount_paise"],
            actor=user,
            submit_key=asked["submit_key"],
        )
        code = status.HTTP_201_CREATED if begun.is_new else status.HTTP_200_OK
        return Response(OrderSerializer(begun.payment).data, status=code)


class OrderDetail(APIView):
    """One payment by UPI that we offered."""

    roles = {"GET": _ASKERS}

    @extend_schema(
        responses={200: OrderSerializer, **refusals(404)}, operation_id="orders_retrieve"
    )
    def get(self, request: Request, reference: str) -> Response:
        """The payment with this reference, with its code while it is offered."""
        shown = orders.orders_shown_to(_caller(request))
        mine = shown.filter(channel__adapter=orders.UPI_ADAPTER)
        payment = found_or_404(mine, reference=canonical(reference).upper())
        return Response(OrderSerializer(payment).data)


def _offer(payment: Payment) -> PayLink | None:
    return orders.upi_offer(payment) if orders.is_offered(payment) else None


def _caller(request: Request) -> User:
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user
