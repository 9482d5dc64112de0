"""The rules of matching, as runs use them."""

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from cspdcl.kernel.api import checked, page_of, refusals
from reconciliation import selectors
from reconciliation.api.parts import READERS, PageQuery, caller
from reconciliation.models import Leg, Rule


class RuleSerializer(serializers.Serializer[Rule]):
    """One version of one rule of matching."""

    code = serializers.CharField()
    version = serializers.IntegerField()
    state = serializers.ChoiceField(choices=Rule.State.choices)
    priority = serializers.IntegerField(help_text="The smallest is tried first.")
    leg = serializers.ChoiceField(choices=Leg.choices)
    keys = serializers.ListField(
        child=serializers.ChoiceField(choices=Rule.Key.choices), help_text="In their order."
    )
    cardinality = serializers.ChoiceField(choices=Rule.Cardinality.choices)
    tolerance_paise = serializers.IntegerField(help_text="For rounding only, at most 100.")
    window_days = serializers.IntegerField(allow_null=True, help_text="Working days; null: any.")
    direction = serializers.ChoiceField(choices=Rule.Direction.choices)
    ambiguity = serializers.ChoiceField(choices=Rule.Ambiguity.choices)
    is_used = serializers.BooleanField(source="is_active", help_text="Whether runs use it.")
    effective_from = serializers.DateField()
    effective_until = serializers.DateField(allow_null=True)


class RulesQuery(PageQuery):
    """What the list of rules may be narrowed by."""

    state = serializers.ChoiceField(choices=Rule.State.choices, required=False)


class Rules(GenericAPIView[Rule]):
    """The rules of matching."""

    roles = {"GET": READERS}
    serializer_class = RuleSerializer

    @extend_schema(
        parameters=[RulesQuery],
        responses={200: RuleSerializer(many=True), **refusals(404)},
        operation_id="rules_list",
    )
    def get(self, request: Request) -> Response:
        """Those in force, or of another state, in the order they are tried."""
        asked = checked(RulesQuery, request.query_params)
        state = asked.get("state", Rule.State.ACTIVE)
        rows = selectors.visible_rules(caller(request)).filter(state=state)
        return page_of(self, rows.order_by("priority", "code", "version"), RuleSerializer)


class RuleDetail(GenericAPIView[Rule]):
    """The versions of one rule."""

    roles = {"GET": READERS}
    serializer_class = RuleSerializer

    @extend_schema(
        parameters=[PageQuery],
        responses={200: RuleSerializer(many=True), **refusals(404)},
        operation_id="rules_retrieve",
    )
    def get(self, request: Request, code: str) -> Response:
        """Every version of the rule, the latest first."""
        checked(PageQuery, request.query_params)
        rows = selectors.visible_rules(caller(request)).filter(code=code)
        if not rows.exists():
            raise Http404
        return page_of(self, rows.order_by("-version"), RuleSerializer)
