"""Decisions on breaks: propose one, answer what somebody else proposed. The laws of the pages hold.

The caller is one person: who proposed never approves, and limits by kind and role are looked up in
the transaction. A second try of the same proposal is refused while the first one waits.
"""

from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
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
from people import roles
from people.models import User
from reconciliation import approving, selectors
from reconciliation.api.parts import (
    DECISION_READERS,
    WHY_MAX,
    Answered,
    PageQuery,
    asked_only,
    caller,
)
from reconciliation.desk import decisions, proposals, splitting, steps, workbench
from reconciliation.models import Break, Decision, Kind

_KINDS: Final = (Decision.Kind.MATCH, Decision.Kind.WRITE_OFF, *sorted(steps.KINDS))
# What each kind takes besides the reason; a field that says nothing here would mislead.
_TAKES: Final = {
    Decision.Kind.MATCH: {"candidates", "own"},
    Decision.Kind.TIMING: {"until"},
    Decision.Kind.DISPUTE: {"letter_to"},
    Decision.Kind.SPLIT: {"parts"},
}


class DecisionSerializer(serializers.Serializer[Decision]):
    """What one person proposed, and what a second one said to it."""

    id = serializers.CharField(source="public_id")
    kind = serializers.ChoiceField(choices=Decision.Kind.choices)
    state = serializers.ChoiceField(
        choices=Decision.State.choices, help_text="alone: done, within the limit of one person."
    )
    payment = serializers.CharField(source="payment_reference", allow_blank=True)
    amount_paise = serializers.IntegerField()
    difference_paise = serializers.IntegerField()
    until = serializers.DateField(allow_null=True, help_text="Of a wait: the last day.")
    why = serializers.CharField()
    maker = serializers.CharField(source="maker.username")
    made_at = serializers.DateTimeField()
    checker = serializers.CharField(source="checker.username", default=None, allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    answer = serializers.CharField(allow_blank=True)
    undone_at = serializers.DateTimeField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """``break`` is added here, because it is a word of the language."""
        about = serializers.CharField(
            source="open_break.public_id", default=None, allow_null=True, help_text="Its id."
        )
        return {**super().get_fields(), "break": about}


class PartAsked(StrictSerializer):
    """One part of a credit that is split."""

    amount_paise = PaiseField(min_value=1, max_value=PAISE_MAX)
    what = serializers.ChoiceField(choices=[str(kind) for kind in splitting.KINDS])
    name = serializers.CharField(max_length=40, help_text="UTR, slip or RRN that finds it.")


class DecisionAsked(StrictSerializer):
    """What is proposed for a break."""

    kind = serializers.ChoiceField(choices=[str(kind) for kind in _KINDS])
    why = serializers.CharField(max_length=WHY_MAX)
    candidates = serializers.ListField(
        child=serializers.CharField(max_length=300), required=False,
        max_length=workbench.CHOSEN_MAX, help_text="match: ids of candidates.",
    )  # fmt: skip
    own = serializers.ListField(
        child=serializers.CharField(max_length=300), required=False,
        max_length=workbench.CHOSEN_MAX, help_text="match: own entries that are meant; else all.",
    )  # fmt: skip
    until = serializers.DateField(required=False, help_text="timing: the last day it may come.")
    letter_to = serializers.CharField(
        required=False, max_length=120, help_text="dispute: where the letter goes."
    )
    parts = serializers.ListField(
        child=PartAsked(), required=False, max_length=splitting.PARTS_MAX, help_text="split."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what the kind does not take."""
        takes = _TAKES.get(Decision.Kind(attrs["kind"]), set())
        odd = sorted(attrs.keys() - {"kind", "why"} - takes)
        if odd:
            raise ValidationError({name: [f"{attrs['kind']} takes no such field"] for name in odd})
        return attrs


class DecisionsQuery(PageQuery):
    """Filters of decisions."""

    state = serializers.ChoiceField(choices=Decision.State.choices, required=False)
    kind = serializers.ChoiceField(choices=Decision.Kind.choices, required=False)


# ---- operations ----


class BreakDecisions(GenericAPIView[Decision]):
    """Decisions on one break."""

    roles = {"POST": roles.FINANCE}
    serializer_class = DecisionSerializer

    @extend_schema(
        request=DecisionAsked,
        responses={201: DecisionSerializer, **refusals(404, 409, 413, 415)},
        operation_id="breaks_propose",
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Propose a decision; what lies within the limit of one person is done (``alone``)."""
        user = caller(request)
        one = found_or_404(selectors.visible_breaks(user), public_id=public_id)
        made = _propose(one, checked(DecisionAsked, request.data), maker=user)
        return Response(DecisionSerializer(made).data, status=status.HTTP_201_CREATED)


class Decisions(GenericAPIView[Decision]):
    """The decisions."""

    roles = {"GET": DECISION_READERS}
    serializer_class = DecisionSerializer

    @extend_schema(
        parameters=[DecisionsQuery],
        responses={200: DecisionSerializer(many=True), **refusals(404)},
        operation_id="decisions_list",
    )
    def get(self, request: Request) -> Response:
        """Decisions, the latest first."""
        asked = checked(DecisionsQuery, request.query_params)
        rows = selectors.visible_decisions(caller(request)).filter(**asked_only(asked))
        return page_of(self, rows, DecisionSerializer)


class DecisionDetail(GenericAPIView[Decision]):
    """One decision."""

    roles = {"GET": DECISION_READERS}
    serializer_class = DecisionSerializer

    @extend_schema(
        responses={200: DecisionSerializer, **refusals(404)}, operation_id="decisions_retrieve"
    )
    def get(self, request: Request, public_id: str) -> Response:
        """The decision with this id."""
        rows = selectors.visible_decisions(caller(request))
        return Response(DecisionSerializer(found_or_404(rows, public_id=public_id)).data)


class DecisionAnswer(GenericAPIView[Decision]):
    """The second person's word."""

    roles = {"POST": (roles.FINANCE_APPROVER,)}
    serializer_class = DecisionSerializer

    @extend_schema(
        request=Answered,
        responses={200: DecisionSerializer, **refusals(404, 409, 413, 415)},
        operation_id="decisions_answer",
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Approve it, and it acts; or reject it, with a reason. Never by who proposed it."""
        user = caller(request)
        one = found_or_404(selectors.visible_decisions(user), public_id=public_id)
        asked = checked(Answered, request.data)
        said = asked.get("answer", "")
        if asked["verdict"] == "approve":
            approving.approve(one, checker=user, answer=said)
        else:
            decisions.reject(one, checker=user, answer=said)
        told = selectors.visible_decisions(user).get(pk=one.pk)
        return Response(DecisionSerializer(told).data)


def _propose(one: Break, asked: dict[str, Any], *, maker: User) -> Decision:
    kind = Decision.Kind(asked["kind"])
    if kind in steps.KINDS:
        return steps.propose(
            one,
            kind=kind,
            why=asked["why"],
            maker=maker,
            until=asked.get("until"),
            letter_to=asked.get("letter_to", ""),
            parts=[
                splitting.Part(part["amount_paise"], Kind(part["what"]), part["name"])
                for part in asked.get("parts", ())
            ],
        )
    is_match = kind == Decision.Kind.MATCH
    return decisions.propose(
        one,
        kind=kind,
        candidates=proposals.chosen_entries(one, asked.get("candidates", ())) if is_match else [],
        chosen=workbench.own_entries(one, asked.get("own", ())) if is_match else None,
        why=asked["why"],
        maker=maker,
    )
