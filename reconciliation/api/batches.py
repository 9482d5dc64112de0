"""One step for many breaks: count and sum first, one approval for all, an answer for each."""

import io
from typing import Any, Final

from django.http import FileResponse, QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from cspdcl.kernel.api import (
    PaiseField,
    StrictSerializer,
    TooLarge,
    checked,
    found_or_404,
    page_of,
    refusals,
)
from cspdcl.kernel.clock import today
from people import roles
from reconciliation import selectors
from reconciliation.api.breaks import Narrowed
from reconciliation.api.parts import (
    DECISION_READERS,
    FORM_BYTES,
    WHY_MAX,
    Answered,
    PageQuery,
    UploadField,
    asked_only,
    caller,
)
from reconciliation.desk import bulk, listing, sheets
from reconciliation.models import Batch, BatchItem, Reason
from reconciliation.views.breaks import narrowed_by

_ACTS: Final = tuple(act for act, one in bulk.ACTS.items() if one.wants != "candidate")
_COUNT_MAX: Final = 10_000_000
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class BatchSerializer(serializers.Serializer[Batch]):
    """One step for many breaks, and how far it is."""

    id = serializers.CharField(source="public_id")
    source = serializers.ChoiceField(choices=Batch.Source.choices)  # type: ignore[assignment]
    state = serializers.ChoiceField(choices=Batch.State.choices)
    title = serializers.CharField()
    is_whole = serializers.BooleanField(help_text="All of it or nothing.")
    needs_second = serializers.BooleanField()
    count = serializers.IntegerField(help_text="As it was proposed.")
    amount_paise = serializers.IntegerField()
    why = serializers.CharField(allow_blank=True)
    maker = serializers.CharField(source="maker.username")
    made_at = serializers.DateTimeField()
    checker = serializers.CharField(source="checker.username", default=None, allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    answer = serializers.CharField(allow_blank=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class BatchDetailSerializer(BatchSerializer):
    """One of them with its counts."""

    waiting = serializers.IntegerField(help_text="Rows that are not answered yet.")
    done = serializers.IntegerField()
    refused = serializers.IntegerField()
    live_count = serializers.IntegerField(
        help_text="What stands as it was seen, and an approval does: send it with the answer."
    )
    live_paise = serializers.IntegerField()

    def to_representation(self, instance: Batch) -> dict[str, Any]:
        """The batch as it is now."""
        counts = bulk.progress_of(instance)
        live = bulk.totals_now(instance)
        for name in ("waiting", "done", "refused"):
            setattr(instance, name, counts[name])
        instance.live_count = live.count  # type: ignore[attr-defined]  # read by the fields above
        instance.live_paise = live.paise  # type: ignore[attr-defined]
        return super().to_representation(instance)


class RowSerializer(serializers.Serializer[BatchItem]):
    """One break of it, with its answer."""

    row = serializers.IntegerField()
    name = serializers.CharField(allow_blank=True)
    act = serializers.CharField(allow_blank=True)
    argument = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=BatchItem.State.choices)
    said = serializers.CharField(allow_blank=True, help_text="Why not, where it was refused.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """``break`` is added here, because it is a word of the language."""
        about = serializers.CharField(
            source="open_break.public_id", default=None, allow_null=True, help_text="Its id."
        )
        return {**super().get_fields(), "break": about}


class PreviewReasonSerializer(serializers.Serializer[Any]):
    """What a filter holds of one reason."""

    reason = serializers.ChoiceField(choices=Reason.choices)
    count = serializers.IntegerField()
    amount_paise = serializers.IntegerField(source="paise")


class PreviewSerializer(serializers.Serializer[Any]):
    """What a filter holds now: send count and sum with the step."""

    count = serializers.IntegerField()
    amount_paise = serializers.IntegerField(source="paise")
    reasons = PreviewReasonSerializer(many=True)


class BatchAsked(StrictSerializer):
    """One step for all breaks of a filter, as they were seen."""

    filter = Narrowed(help_text="What is parked is left out unless it is asked for.")
    act = serializers.ChoiceField(choices=_ACTS)
    argument = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=60,
        help_text="wait: a day; owner: a user name.",
    )
    why = serializers.CharField(max_length=WHY_MAX)
    is_whole = serializers.BooleanField(required=False)
    count = serializers.IntegerField(min_value=0, max_value=_COUNT_MAX)
    amount_paise = PaiseField(min_value=0)
    submit_key = serializers.RegexField(
        r"^[A-Za-z0-9_-]{16,64}$", help_text="Made once, before the first try; equal on every try."
    )


class SheetHandedIn(StrictSerializer):
    """A filled sheet."""

    file = UploadField(allow_empty_file=True, max_length=200)
    is_whole = serializers.BooleanField(required=False, help_text="All of it or nothing.")


class BatchAnswered(Answered):
    """What the second person says to what was shown."""

    count = serializers.IntegerField(
        required=False, min_value=0, max_value=_COUNT_MAX, help_text="To approve: live_count."
    )
    amount_paise = PaiseField(required=False, min_value=0, help_text="To approve: live_paise.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A yes is to what was seen."""
        if attrs["verdict"] == "approve":
            absent = [name for name in ("count", "amount_paise") if name not in attrs]
            if absent:
                told = ["This field is required to approve."]
                raise serializers.ValidationError(dict.fromkeys(absent, told))
        return attrs


class BatchesQuery(PageQuery):
    """Filters of batches."""

    state = serializers.ChoiceField(choices=Batch.State.choices, required=False)


class RowsQuery(PageQuery):
    """Filters of the rows of a batch."""

    state = serializers.ChoiceField(choices=BatchItem.State.choices, required=False)


# ---- operations ----


class Preview(GenericAPIView[Batch]):
    """What a step would be about."""

    roles = {"GET": roles.FINANCE}
    serializer_class = PreviewSerializer

    @extend_schema(
        parameters=[Narrowed],
        responses={200: PreviewSerializer, **refusals()},
        operation_id="batches_preview",
    )
    def get(self, request: Request) -> Response:
        """Count and sum of a filter, in all and by reason."""
        query = _query(checked(Narrowed, request.query_params))
        _form, breaks = narrowed_by(caller(request), query)
        told = {**listing.totals(breaks), "reasons": listing.by_reason(breaks)}
        return Response(PreviewSerializer(told).data)


class Batches(GenericAPIView[Batch]):
    """The steps for many breaks; propose one."""

    roles = {"GET": DECISION_READERS, "POST": roles.FINANCE}
    serializer_class = BatchSerializer

    @extend_schema(
        parameters=[BatchesQuery],
        responses={200: BatchSerializer(many=True), **refusals(404)},
        operation_id="batches_list",
    )
    def get(self, request: Request) -> Response:
        """Steps for many, the latest first."""
        asked = checked(BatchesQuery, request.query_params)
        rows = selectors.visible_batches(caller(request)).filter(**asked_only(asked))
        return page_of(self, rows, BatchSerializer)

    @extend_schema(
        request=BatchAsked,
        responses={
            200: BatchDetailSerializer, 201: BatchDetailSerializer, **refusals(409, 413, 415)
        },
        operation_id="batches_propose",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Propose it (201); the same key again answers the same (200)."""
        user = caller(request)
        asked = checked(BatchAsked, request.data)
        query = _query(asked["filter"])
        _form, breaks = narrowed_by(user, query)
        known = selectors.visible_batches(user).filter(maker=user, submit_key=asked["submit_key"])
        code = status.HTTP_200_OK if known.exists() else status.HTTP_201_CREATED
        made = bulk.propose(
            breaks,
            act=asked["act"],
            why=asked["why"],
            argument=asked.get("argument", ""),
            query=query.urlencode(),
            seen=bulk.Totals(asked["count"], asked["amount_paise"]),
            is_whole=asked.get("is_whole", False),
            maker=user,
            submit_key=asked["submit_key"],
        )
        return Response(BatchDetailSerializer(made).data, status=code)


class Sheet(GenericAPIView[Batch]):
    """The breaks as a workbook: out to be filled in, and in again."""

    roles = {"GET": roles.FINANCE, "POST": roles.FINANCE}
    serializer_class = BatchDetailSerializer
    parser_classes = (MultiPartParser,)

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        """A caller that accepts workbooks only gets one: no renderer writes it."""
        del force
        return super().perform_content_negotiation(request, force=True)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse by the announced length, before a byte of the body is read."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        if int(length) > sheets.BYTES_MAX + FORM_BYTES:
            raise TooLarge
        super().initial(request, *args, **kwargs)

    @extend_schema(
        parameters=[Narrowed],
        responses={(200, XLSX): OpenApiTypes.BINARY, **refusals(409, 413)},
        operation_id="batches_sheet",
    )
    def get(self, request: Request) -> FileResponse:
        """A filter as a workbook with three columns to fill in; nothing is cut (409)."""
        query = _query(checked(Narrowed, request.query_params))
        _form, breaks = narrowed_by(caller(request), query)
        file = io.BytesIO()
        sheets.write(listing.ordered(breaks, listing.OLDEST), file, as_of=today())
        file.seek(0)
        return FileResponse(file, as_attachment=True, filename="breaks.xlsx", content_type=XLSX)

    @extend_schema(
        request={"multipart/form-data": SheetHandedIn},
        responses={
            200: BatchDetailSerializer, 201: BatchDetailSerializer, **refusals(409, 413, 415)
        },
        operation_id="batches_fill",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Propose what the rows ask for (201); the very same sheet answers the same (200).

        What cannot be done is refused at once; ``rows/`` tells every row with its answer.
        """
        user = caller(request)
        asked = checked(SheetHandedIn, request.data)
        sent = asked["file"]
        try:
            made = sheets.take(
                sent.file,
                name=sent.name,
                sha256=sheets.name_of(sent.chunks()),
                is_whole=asked.get("is_whole", False),
                maker=user,
            )
        except sheets.AlreadyHere as known:
            return Response(BatchDetailSerializer(known.batch).data)
        return Response(BatchDetailSerializer(made).data, status=status.HTTP_201_CREATED)


class BatchDetail(GenericAPIView[Batch]):
    """One of them."""

    roles = {"GET": DECISION_READERS}
    serializer_class = BatchDetailSerializer

    @extend_schema(
        responses={200: BatchDetailSerializer, **refusals(404)}, operation_id="batches_retrieve"
    )
    def get(self, request: Request, public_id: str) -> Response:
        """How far it is, and what of it still stands as it was seen."""
        rows = selectors.visible_batches(caller(request))
        return Response(BatchDetailSerializer(found_or_404(rows, public_id=public_id)).data)


class BatchRows(GenericAPIView[BatchItem]):
    """The breaks of one of them."""

    roles = {"GET": DECISION_READERS}
    serializer_class = RowSerializer

    @extend_schema(
        parameters=[RowsQuery],
        responses={200: RowSerializer(many=True), **refusals(404)},
        operation_id="batches_rows",
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Every break with its answer: done, or why not."""
        asked = checked(RowsQuery, request.query_params)
        one = found_or_404(selectors.visible_batches(caller(request)), public_id=public_id)
        rows = one.items.select_related("open_break").filter(**asked_only(asked))
        return page_of(self, rows.order_by("row"), RowSerializer)


class BatchAnswer(GenericAPIView[Batch]):
    """The second person's word."""

    roles = {"POST": (roles.FINANCE_APPROVER,)}
    serializer_class = BatchDetailSerializer

    @extend_schema(
        request=BatchAnswered,
        responses={200: BatchDetailSerializer, **refusals(404, 409, 413, 415)},
        operation_id="batches_answer",
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Approve what was shown, and the worker does it; or reject it, with a reason."""
        user = caller(request)
        one = found_or_404(selectors.visible_batches(user), public_id=public_id)
        asked = checked(BatchAnswered, request.data)
        said = asked.get("answer", "")
        if asked["verdict"] == "approve":
            seen = bulk.Totals(asked["count"], asked["amount_paise"])
            bulk.approve(one, checker=user, seen=seen, answer=said)
        else:
            bulk.reject(one, checker=user, answer=said)
        told = selectors.visible_batches(user).get(pk=one.pk)
        return Response(BatchDetailSerializer(told).data)


def _query(asked: dict[str, Any]) -> QueryDict:
    """A filter as the list of breaks has it in its address."""
    query = QueryDict(mutable=True)
    query.update({name: str(value) for name, value in asked.items()})
    return query
