"""The breaks: read and narrow them, what could explain one, notes, owners, and what is late.

A break is told as the command ``breaks`` tells it.
"""

from datetime import date
from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from cspdcl.kernel.api import StrictSerializer, checked, found_or_404, page_of, refusals
from cspdcl.kernel.clock import today
from people import roles
from people.models import User
from reconciliation import selectors
from reconciliation.api.parts import CODE, READERS, PageQuery, caller, one_of
from reconciliation.desk import care, listing, proposals, suggestions, workbench
from reconciliation.models import Book, Break, BreakNote, Leg, Reason, Stage

_FIRST, _LAST = date(2000, 1, 1), date(2199, 12, 31)  # outside of them days run out
_USERNAME: Final = r"^[\w.@+-]{1,64}$"


class BreakSerializer(serializers.Serializer[Any]):
    """One break: what a finished run could not explain. Money is whole paise."""

    id = serializers.CharField()
    reference = serializers.CharField()
    references = serializers.ListField(
        child=serializers.CharField(), help_text="Every name it may be searched by."
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=Book.choices, help_text="The book that says it."
    )
    channel = serializers.CharField(allow_null=True)
    bank_account = serializers.CharField(allow_null=True)
    stage = serializers.ChoiceField(choices=Stage.choices)
    leg = serializers.ChoiceField(choices=Leg.choices)
    reason = serializers.ChoiceField(choices=Reason.choices)
    amount_paise = serializers.IntegerField(help_text="The money at stake, positive.")
    business_date = serializers.DateField()
    age_days = serializers.IntegerField()
    state = serializers.ChoiceField(choices=Break.State.choices)
    explanation = serializers.CharField()


class FieldSerializer(serializers.Serializer[Any]):
    """One field of a candidate beside the break."""

    label = serializers.CharField()  # type: ignore[assignment]
    value = serializers.CharField()
    agrees = serializers.BooleanField()
    verdict = serializers.CharField(allow_blank=True, help_text="In words, where it is told.")


class CandidateSerializer(serializers.Serializer[Any]):
    """What could explain a break; its ``id`` is what a proposal names."""

    id = serializers.CharField()
    how = serializers.ChoiceField(
        choices=["sum", "shares", "resembles"],
        help_text="The one choice that makes the sum; shares a name or the amount; only alike.",
    )
    title = serializers.CharField()
    note = serializers.CharField(allow_blank=True)
    amount_paise = serializers.IntegerField(help_text="As it counts in the running difference.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """``fields`` is added here, because a serializer has an attribute of that name."""
        return {**super().get_fields(), "fields": FieldSerializer(many=True)}


class CandidatesSerializer(serializers.Serializer[Any]):
    """Both sides of the bench."""

    to_explain_paise = serializers.IntegerField()
    own = serializers.ListField(
        child=serializers.CharField(), help_text="Names of the break's own entries, the first."
    )
    candidates = CandidateSerializer(many=True)


class NoteSerializer(serializers.Serializer[BreakNote]):
    """What somebody said about a break."""

    words = serializers.CharField()
    by = serializers.CharField(source="by.username")
    at = serializers.DateTimeField()


class NoteAsked(StrictSerializer):
    """What is to be said."""

    words = serializers.CharField(max_length=1000)


class OwnerAsked(StrictSerializer):
    """Who cares for it and by when; null takes either back."""

    owner = serializers.RegexField(_USERNAME, allow_null=True, help_text="A user name.")
    due_on = serializers.DateField(allow_null=True, help_text="Null: by the term of its reason.")


class OwnerSerializer(serializers.Serializer[Break]):
    """Who cares for a break now."""

    id = serializers.CharField(source="public_id")
    owner = serializers.CharField(source="owner.username", default=None, allow_null=True)
    due_on = serializers.DateField(allow_null=True)


class LateSerializer(serializers.Serializer[Any]):
    """What is late of one owner and reason, and the role that hears of it."""

    role = serializers.CharField()
    owner = serializers.CharField(allow_blank=True, help_text="Empty: nobody.")
    reason = serializers.ChoiceField(choices=Reason.choices)
    count = serializers.IntegerField()
    amount_paise = serializers.IntegerField(source="paise")
    oldest = serializers.DateField(help_text="The earliest business date.")
    since = serializers.DateField(help_text="When the first should have been explained.")


class Narrowed(StrictSerializer):
    """The filters of the list of breaks, one value each."""

    reason = serializers.ChoiceField(choices=Reason.choices, required=False)
    channel = serializers.RegexField(CODE, required=False)
    stage = serializers.ChoiceField(choices=Stage.choices, required=False)
    age = serializers.ChoiceField(choices=[one.code for one in listing.AGES], required=False)
    owner = serializers.RegexField(
        _USERNAME, required=False, help_text=f"A user name, or {listing.NOBODY}."
    )
    parked = serializers.ChoiceField(choices=["timing", "suspense"], required=False)
    late = serializers.ChoiceField(choices=["1"], required=False)
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)


class BreaksQuery(Narrowed, PageQuery):
    """Filters of breaks. ``date``: open now and of that day or an earlier one; ages count to it."""

    date = serializers.DateField(required=False)
    state = serializers.ChoiceField(choices=Break.State.choices, required=False)


# ---- operations ----


class Breaks(GenericAPIView[Break]):
    """The breaks."""

    roles = {"GET": READERS}
    serializer_class = BreakSerializer

    @extend_schema(
        parameters=[BreaksQuery],
        responses={200: BreakSerializer(many=True), **refusals(404)},
        operation_id="breaks_list",
    )
    def get(self, request: Request) -> Response:
        """Breaks, oldest first; open ones where no state is asked for."""
        asked = checked(BreaksQuery, request.query_params)
        wanted = {
            **asked,
            "until": min(filter(None, (asked.get("date"), asked.get("until"))), default=None),
            **{name: one_of(asked, name) for name in ("reason", "channel", "stage", "age")},
        }
        as_of = asked.get("date") or today()
        visible = selectors.visible_breaks(caller(request))
        found = listing.narrowed(visible, wanted, as_of=_within(as_of))
        rows = listing.ordered(found, listing.OLDEST)
        page = self.paginate_queryset(selectors.with_lines(rows))
        told = [selectors.break_as_data(one, as_of=as_of) for one in page or []]
        return self.get_paginated_response(BreakSerializer(told, many=True).data)


class BreakDetail(GenericAPIView[Break]):
    """One break."""

    roles = {"GET": READERS}
    serializer_class = BreakSerializer

    @extend_schema(
        responses={200: BreakSerializer, **refusals(404)}, operation_id="breaks_retrieve"
    )
    def get(self, request: Request, public_id: str) -> Response:
        """The break with this id, also when it is closed."""
        visible = selectors.with_lines(selectors.visible_breaks(caller(request)))
        one = found_or_404(visible, public_id=public_id)
        told = selectors.break_as_data(one, as_of=today())
        return Response(BreakSerializer(told).data)


class Candidates(GenericAPIView[Break]):
    """What could explain a break."""

    roles = {"GET": READERS}
    serializer_class = CandidatesSerializer

    @extend_schema(
        responses={200: CandidatesSerializer, **refusals(404)}, operation_id="breaks_candidates"
    )
    def get(self, request: Request, public_id: str) -> Response:
        """The one choice that makes the sum, what shares a name or the amount, what is alike."""
        one = found_or_404(selectors.visible_breaks(caller(request)), public_id=public_id)
        bench = workbench.bench_of(one)
        together = proposals.proposal_for(one)
        known = {candidate.id for candidate in bench.candidates}
        alike = [found.candidate for found in suggestions.suggestions_for(one)]
        told = [
            *([_told(together.candidate, "sum")] if together else []),
            *(_told(candidate, "shares") for candidate in bench.candidates),
            *(_told(candidate, "resembles") for candidate in alike if candidate.id not in known),
        ]
        own = [workbench.name_of(entry) for side in bench.sides for entry in side.entries]
        answer = {"to_explain_paise": bench.paise, "own": own, "candidates": told}
        return Response(CandidatesSerializer(answer).data)


class Notes(GenericAPIView[BreakNote]):
    """What people say about a break."""

    roles = {"GET": READERS, "POST": roles.FINANCE}
    serializer_class = NoteSerializer

    @extend_schema(
        parameters=[PageQuery],
        responses={200: NoteSerializer(many=True), **refusals(404)},
        operation_id="breaks_notes",
    )
    def get(self, request: Request, public_id: str) -> Response:
        """The notes of the break, in their order."""
        checked(PageQuery, request.query_params)
        user = caller(request)
        one = found_or_404(selectors.visible_breaks(user), public_id=public_id)
        rows = selectors.visible_notes(user).filter(open_break=one)
        return page_of(self, rows, NoteSerializer)

    @extend_schema(
        request=NoteAsked,
        responses={201: NoteSerializer, **refusals(404, 409, 413, 415)},
        operation_id="breaks_note",
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Write a note; it stays."""
        user = caller(request)
        one = found_or_404(selectors.visible_breaks(user), public_id=public_id)
        made = care.note(one, words=checked(NoteAsked, request.data)["words"], by=user)
        return Response(NoteSerializer(made).data, status=status.HTTP_201_CREATED)


class Owner(GenericAPIView[Break]):
    """Who cares for a break."""

    roles = {"POST": roles.FINANCE}
    serializer_class = OwnerSerializer

    @extend_schema(
        request=OwnerAsked,
        responses={200: OwnerSerializer, **refusals(404, 409, 413, 415)},
        operation_id="breaks_hand_over",
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Give an open break to somebody of finance, with a day or without."""
        user = caller(request)
        one = found_or_404(selectors.visible_breaks(user), public_id=public_id)
        asked = checked(OwnerAsked, request.data)
        owner = _person(asked["owner"]) if asked["owner"] else None
        kept = care.hand_over(one, owner=owner, due_on=asked["due_on"], by=user)
        return Response(OwnerSerializer(kept).data)


class Escalations(GenericAPIView[Break]):
    """What is late."""

    roles = {"GET": READERS}
    serializer_class = LateSerializer

    @extend_schema(
        parameters=[PageQuery],
        responses={200: LateSerializer(many=True), **refusals(404)},
        operation_id="escalations_list",
    )
    def get(self, request: Request) -> Response:
        """What is late by role, owner and reason; what is parked is not late."""
        checked(PageQuery, request.query_params)
        found = selectors.late_breaks(caller(request), as_of=today())
        page = self.paginator.paginate_queryset(found, request, view=self)  # type: ignore[union-attr]  # a list has pages too
        return self.get_paginated_response(LateSerializer(page or [], many=True).data)


def _within(day: date) -> date:
    """A day from which others may be counted; nothing of ours is older or later."""
    return min(max(day, _FIRST), _LAST)


def _told(candidate: workbench.Candidate, how: str) -> dict[str, Any]:
    return {
        "id": candidate.id,
        "how": how,
        "title": candidate.title,
        "note": candidate.note,
        "amount_paise": candidate.paise,
        "fields": [{"verdict": "", **one} for one in candidate.fields],
    }


def _person(username: str) -> User:
    found = User.objects.filter(username=username, is_active=True).first()
    if found is None:
        raise ValidationError({"owner": [f"nobody is called {username}"]})
    return found
