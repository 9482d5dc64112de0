"""Where is my rupee: one payment through the books."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from cspdcl.kernel.api import found_or_404, refusals
from payments.models import Payment
from payments.selectors import payments_visible_to
from reconciliation import story
from reconciliation.api.parts import READERS, caller
from reconciliation.models import Book, Match, Reason


class StoryMatchSerializer(serializers.Serializer[Any]):
    """Why an entry is explained."""

    kind = serializers.ChoiceField(choices=Match.Kind.choices)
    matched_on = serializers.DateField()
    explanation = serializers.CharField()


class StoryBreakSerializer(serializers.Serializer[Any]):
    """Why it is not."""

    id = serializers.CharField()
    reason = serializers.ChoiceField(choices=Reason.choices)
    amount_paise = serializers.IntegerField()
    explanation = serializers.CharField()


class StoryBookSerializer(serializers.Serializer[Any]):
    """What one book says of the payment; ``entry`` fields are null where it says nothing yet."""

    book = serializers.ChoiceField(choices=Book.choices)
    business_date = serializers.DateField(allow_null=True)
    due_on = serializers.DateField(allow_null=True)
    occurred_at = serializers.DateTimeField(allow_null=True)
    loaded_at = serializers.DateTimeField(allow_null=True)
    amount_paise = serializers.IntegerField(allow_null=True)
    fee_paise = serializers.IntegerField(allow_null=True)
    tax_paise = serializers.IntegerField(allow_null=True)
    net_paise = serializers.IntegerField(allow_null=True)
    utr = serializers.CharField(allow_null=True)
    file = serializers.CharField(allow_null=True)
    line = serializers.IntegerField(allow_null=True)
    match = StoryMatchSerializer(allow_null=True)
    gap = StoryBreakSerializer(allow_null=True, help_text="The open break, if there is one.")


class StorySerializer(serializers.Serializer[Any]):
    """Where the money of one payment is, in the order a rupee passes the books."""

    reference = serializers.CharField()
    state = serializers.CharField()
    amount_paise = serializers.IntegerField()
    answer = serializers.CharField(help_text="One sentence: where the money is.")
    more = serializers.CharField(allow_blank=True)
    say = serializers.CharField(help_text="What may be said to the consumer.")
    is_in_bank = serializers.BooleanField()
    is_posted = serializers.BooleanField(help_text="In the ERP, where one is compared.")
    books = StoryBookSerializer(many=True)


class StoryDetail(GenericAPIView[Payment]):
    """Where is my rupee."""

    roles = {"GET": READERS}
    serializer_class = StorySerializer

    @extend_schema(responses={200: StorySerializer, **refusals(404)}, operation_id="payments_story")
    def get(self, request: Request, reference: str) -> Response:
        """A payment through the books, with times, amounts, fees and the reason for each gap."""
        rows = payments_visible_to(caller(request)).select_related(
            "channel", "consumer", "receipt", "deposit"
        )
        told = story.as_data(found_or_404(rows, reference=reference))
        return Response(StorySerializer(told).data)
