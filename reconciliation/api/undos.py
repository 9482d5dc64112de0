"""Undo of a match, a decision, a file or a run: proposed by one person, answered by another."""

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from cspdcl.kernel.api import StrictSerializer, checked, found_or_404, page_of, refusals
from people import roles
from reconciliation import selectors
from reconciliation.api.parts import (
    DECISION_READERS,
    Answered,
    PageQuery,
    asked_only,
    caller,
)
from reconciliation.desk import undo_targets, undoing
from reconciliation.models import Undo


class UndoSerializer(serializers.Serializer[Undo]):
    """One undo: as it was proposed, and what it did."""

    id = serializers.CharField(source="public_id")
    kind = serializers.ChoiceField(choices=Undo.Kind.choices)
    state = serializers.ChoiceField(choices=Undo.State.choices)
    title = serializers.CharField()
    matches = serializers.IntegerField(source="match_count", help_text="When it was proposed.")
    lines = serializers.IntegerField(source="entry_count")
    amount_paise = serializers.IntegerField()
    why = serializers.CharField()
    maker = serializers.CharField(source="maker.username")
    made_at = serializers.DateTimeField()
    checker = serializers.CharField(source="checker.username", default=None, allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    answer = serializers.CharField(allow_blank=True)
    done_at = serializers.DateTimeField(allow_null=True)
    done_matches = serializers.IntegerField()
    done_lines = serializers.IntegerField(source="done_entries")
    done_paise = serializers.IntegerField()
    problem = serializers.CharField(allow_blank=True)


class UndoAsked(StrictSerializer):
    """What is to be undone, by its name, and why."""

    kind = serializers.ChoiceField(choices=Undo.Kind.choices)
    key = serializers.CharField(
        max_length=200,
        help_text=(
            "run: 2026-08-18.2; decision: its id; file: source|sha256; "
            "match: stage|book|key of one of its entries."
        ),
    )
    why = serializers.CharField(max_length=undoing.WORDS_MAX)


class UndosQuery(PageQuery):
    """Filters of undos."""

    state = serializers.ChoiceField(choices=Undo.State.choices, required=False)
    kind = serializers.ChoiceField(choices=Undo.Kind.choices, required=False)


class Undos(GenericAPIView[Undo]):
    """The undos; propose one."""

    roles = {"GET": DECISION_READERS, "POST": roles.FINANCE}
    serializer_class = UndoSerializer

    @extend_schema(
        parameters=[UndosQuery],
        responses={200: UndoSerializer(many=True), **refusals(404)},
        operation_id="undos_list",
    )
    def get(self, request: Request) -> Response:
        """Undos, the latest first."""
        asked = checked(UndosQuery, request.query_params)
        rows = selectors.visible_undos(caller(request)).filter(**asked_only(asked))
        return page_of(self, rows, UndoSerializer)

    @extend_schema(
        request=UndoAsked,
        responses={201: UndoSerializer, **refusals(404, 409, 413, 415)},
        operation_id="undos_propose",
    )
    def post(self, request: Request) -> Response:
        """Propose an undo; the answer says how much it would touch."""
        user = caller(request)
        asked = checked(UndoAsked, request.data)
        try:
            target = undo_targets.named(user, asked["kind"], asked["key"])
        except undo_targets.NoSuchThing as error:
            raise Http404 from error
        made = undoing.propose(target, why=asked["why"], maker=user)
        return Response(UndoSerializer(made).data, status=status.HTTP_201_CREATED)


class UndoDetail(GenericAPIView[Undo]):
    """One undo."""

    roles = {"GET": DECISION_READERS}
    serializer_class = UndoSerializer

    @extend_schema(responses={200: UndoSerializer, **refusals(404)}, operation_id="undos_retrieve")
    def get(self, request: Request, public_id: str) -> Response:
        """The undo with this id."""
        rows = selectors.visible_undos(caller(request))
        return Response(UndoSerializer(found_or_404(rows, public_id=public_id)).data)


class UndoAnswer(GenericAPIView[Undo]):
    """The second person's word."""

    roles = {"POST": (roles.FINANCE_APPROVER,)}
    serializer_class = UndoSerializer

    @extend_schema(
        request=Answered,
        responses={200: UndoSerializer, **refusals(404, 409, 413, 415)},
        operation_id="undos_answer",
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Approve it: what is small is done at once, the rest by the worker. Or reject it."""
        user = caller(request)
        one = found_or_404(selectors.visible_undos(user), public_id=public_id)
        asked = checked(Answered, request.data)
        say = undoing.approve if asked["verdict"] == "approve" else undoing.reject
        say(one, checker=user, answer=asked.get("answer", ""))
        told = selectors.visible_undos(user).get(pk=one.pk)
        return Response(UndoSerializer(told).data)
