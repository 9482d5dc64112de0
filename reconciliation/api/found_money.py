"""Credits that no notice told of: read them, say whose they are."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from cspdcl.kernel.api import StrictSerializer, checked, found_or_404, refusals
from cspdcl.kernel.clock import today
from cspdcl.kernel.money import PAISE_MAX
from payments.notices import consumers_by_number
from people import roles
from reconciliation import selectors
from reconciliation.api.parts import PageQuery, caller
from reconciliation.found import assigning
from reconciliation.models import Break


class CreditSerializer(serializers.Serializer[Any]):
    """A credit in the bank that no notice told of. Money is whole paise."""

    id = serializers.CharField(help_text="As of its break.")
    reference = serializers.CharField()
    bank_account = serializers.CharField(allow_null=True)
    business_date = serializers.DateField()
    age_days = serializers.IntegerField()
    amount_paise = serializers.IntegerField()
    narration = serializers.CharField(help_text="Without UPI addresses, mobile and card numbers.")
    utr = serializers.CharField()
    rrn = serializers.CharField()
    consumer_number = serializers.CharField(
        allow_null=True, help_text="Whose it probably is, if that is known."
    )
    known_by = serializers.ChoiceField(choices=["named", "payer"], allow_null=True)


class ShareSerializer(StrictSerializer):
    """What one consumer gets of a credit."""

    consumer_number = serializers.RegexField(r"^[0-9]{6,12}$")
    amount_paise = serializers.IntegerField(min_value=1, max_value=PAISE_MAX)


class AssignmentAsked(StrictSerializer):
    """Whose a credit is: the shares are the credit to the paisa, no consumer twice."""

    shares = serializers.ListField(child=ShareSerializer(), allow_empty=False, max_length=1000)
    why = serializers.CharField(max_length=300)


class AssignmentSerializer(serializers.Serializer[Any]):
    """What became of it: done by one person within the limit, or waiting for a second one."""

    id = serializers.CharField(help_text="Of the decision.")
    state = serializers.ChoiceField(choices=["alone", "proposed"])
    payments = serializers.ListField(child=serializers.CharField(), help_text="Their references.")


class Credits(GenericAPIView[Break]):
    """Credits that no notice told of."""

    roles = {"GET": (*roles.FINANCE, roles.AUDITOR, roles.CHANNEL)}
    serializer_class = CreditSerializer

    @extend_schema(
        parameters=[PageQuery],
        responses={200: CreditSerializer(many=True), **refusals(404)},
        operation_id="credits_list",
    )
    def get(self, request: Request) -> Response:
        """Those that wait for a consumer, the oldest first."""
        checked(PageQuery, request.query_params)
        page = self.paginate_queryset(selectors.waiting_credits(caller(request)))
        told = selectors.credits_as_data(page or [], as_of=today())
        return self.get_paginated_response(CreditSerializer(told, many=True).data)


class Assignment(GenericAPIView[Break]):
    """Whose a credit is."""

    roles = {"POST": roles.FINANCE}
    serializer_class = AssignmentSerializer

    @extend_schema(
        request=AssignmentAsked,
        responses={201: AssignmentSerializer, **refusals(404, 409, 413, 415)},
        operation_id="credits_assign",
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Give a credit to its consumers; above the limit a second person decides."""
        user = caller(request)
        one = found_or_404(selectors.found_money(user), public_id=public_id)
        asked = checked(AssignmentAsked, request.data)
        numbers = [share["consumer_number"] for share in asked["shares"]]
        known = consumers_by_number(numbers)
        shares = []
        for number, share in zip(numbers, asked["shares"], strict=True):
            consumer = known.get(number)
            if consumer is None:
                raise ValidationError({"shares": [f"no consumer has the number {number}"]})
            shares.append((consumer, share["amount_paise"]))
        decision = assigning.assign(one, shares=shares, why=asked["why"], maker=user)
        answer = {
            "id": decision.public_id,
            "state": decision.state,
            "payments": [payment.reference for payment in assigning.payments_of(one)],
        }
        return Response(AssignmentSerializer(answer).data, status=status.HTTP_201_CREATED)
