"""The runs and what each proved; ask for one."""

from datetime import date
from typing import Any

from django.http import Http404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from cspdcl.kernel.api import StrictSerializer, checked, page_of, refusals
from cspdcl.kernel.clock import today
from reconciliation import actions, selectors
from reconciliation.api.parts import READERS, WRITERS, PageQuery, asked_only, caller
from reconciliation.models import Book, Proof, Run, Stage


class ProofSerializer(serializers.Serializer[Proof]):
    """One book in one stage: opening + arrived - matched - written off = closing."""

    stage = serializers.ChoiceField(choices=Stage.choices)
    book = serializers.ChoiceField(choices=Book.choices)
    opening_count = serializers.IntegerField()
    opening_paise = serializers.IntegerField()
    arrived_count = serializers.IntegerField()
    arrived_paise = serializers.IntegerField()
    matched_count = serializers.IntegerField()
    matched_paise = serializers.IntegerField()
    written_off_count = serializers.IntegerField()
    written_off_paise = serializers.IntegerField()
    closing_count = serializers.IntegerField()
    closing_paise = serializers.IntegerField()
    broken_count = serializers.IntegerField(help_text="Of the closing: inside open breaks.")
    broken_paise = serializers.IntegerField()
    expected_count = serializers.IntegerField(help_text="Of the closing: not due, or no file yet.")
    expected_paise = serializers.IntegerField()
    later_count = serializers.IntegerField(help_text="Of the closing: matched on a later day.")
    later_paise = serializers.IntegerField()


class RunSerializer(serializers.Serializer[Run]):
    """One run of a business date."""

    id = serializers.SerializerMethodField(help_text="The day and the run's number within it.")
    business_date = serializers.DateField()
    state = serializers.ChoiceField(choices=Run.State.choices)
    started_by = serializers.CharField()
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    matches_made = serializers.IntegerField(source="matched_count")
    breaks_opened = serializers.IntegerField(source="opened_count")
    breaks_closed = serializers.IntegerField(source="closed_count")
    rules = serializers.DictField(
        child=serializers.IntegerField(), source="rule_versions", help_text="Code and version."
    )
    output_hash = serializers.CharField(allow_blank=True)
    problem = serializers.CharField(allow_blank=True)

    def get_id(self, run: Run) -> str:
        """Such as ``2026-08-18.2``."""
        return f"{run.business_date.isoformat()}.{getattr(run, 'number', 1)}"


class RunDetailSerializer(RunSerializer):
    """One run with its proof."""

    proof = ProofSerializer(source="proofs", many=True)


class RunQueuedSerializer(serializers.Serializer[Any]):
    """The answer to a run that was asked for."""

    business_date = serializers.DateField()
    state = serializers.ChoiceField(choices=["queued"])
    runs = serializers.CharField(help_text="Where the day's runs are listed.")


class RunsQuery(PageQuery):
    """Filters of runs."""

    business_date = serializers.DateField(required=False)
    state = serializers.ChoiceField(choices=Run.State.choices, required=False)


class RunAsked(StrictSerializer):
    """The day to reconcile."""

    business_date = serializers.DateField()


class Runs(GenericAPIView[Run]):
    """The runs; ask for one."""

    roles = {"GET": READERS, "POST": WRITERS}
    serializer_class = RunSerializer

    @extend_schema(
        parameters=[RunsQuery],
        responses={200: RunSerializer(many=True), **refusals(404)},
        operation_id="runs_list",
    )
    def get(self, request: Request) -> Response:
        """Runs, the latest first."""
        asked = checked(RunsQuery, request.query_params)
        rows = selectors.numbered_runs(caller(request)).filter(**asked_only(asked))
        return page_of(self, rows, RunSerializer)

    @extend_schema(
        request=RunAsked,
        responses={202: RunQueuedSerializer, **refusals(409, 413, 415)},
        operation_id="runs_start",
    )
    def post(self, request: Request) -> Response:
        """Queue a run of a business date; 409 while another run works."""
        day: date = checked(RunAsked, request.data)["business_date"]
        actions.ask_for_run(day, by=caller(request), today=today())
        listed = f"{reverse('reconciliation-api:runs')}?business_date={day.isoformat()}"
        answer = {"business_date": day, "state": "queued", "runs": listed}
        return Response(RunQueuedSerializer(answer).data, status=status.HTTP_202_ACCEPTED)


class RunDetail(GenericAPIView[Run]):
    """One run."""

    roles = {"GET": READERS}
    serializer_class = RunDetailSerializer

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "id", OpenApiTypes.STR, OpenApiParameter.PATH, description="Such as 2026-08-18.2"
            )
        ],
        responses={200: RunDetailSerializer, **refusals(404)},
        operation_id="runs_retrieve",
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the name in the schema
        """The run with this id, with the proof it left."""
        day, number = _run_named(id)
        run = selectors.run_of(caller(request), day=day, number=number)
        if run is None:
            raise Http404
        run.number = number  # type: ignore[attr-defined]  # as the list annotates it
        return Response(RunDetailSerializer(run).data)


def _run_named(name: str) -> tuple[date, int]:
    """The day and number of a run's id; 404 for a text that is none."""
    day, _dot, number = name.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < len("1000000")):
        raise Http404
    try:
        return date.fromisoformat(day), int(number)
    except ValueError as error:
        raise Http404 from error
