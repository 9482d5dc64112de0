"""The API of the books: read breaks, runs and files; ask for a run; hand in a statement file.

Every operation names who may call it (``roles``) and every answer it may give; a field that is not
known is refused. A break and a run are told as the commands ``breaks`` and ``reconcile`` tell them.
"""

from datetime import date
from typing import Any, Final

from django.conf import settings
from django.http import Http404
from django.urls import path, reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, NotAuthenticated, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from channels_.models import StatementFile
from cspdcl.kernel.api import StrictSerializer, checked, found_or_404, page_of, refusals
from cspdcl.kernel.clock import today
from cspdcl.kernel.money import PAISE_MAX
from payments.models import Payment
from payments.notices import consumers_by_number
from payments.selectors import payments_visible_to
from people import roles
from people.models import User
from reconciliation import actions, selectors, story
from reconciliation.desk import listing
from reconciliation.found import assigning
from reconciliation.incoming import files, statements
from reconciliation.models import Book, Break, Leg, Match, Proof, Reason, Rule, Run, Stage

_READERS: Final = (*roles.FINANCE, roles.AUDITOR, roles.OPERATOR, roles.CHANNEL)
_WRITERS: Final = (roles.FINANCE_OFFICER, roles.OPERATOR, roles.CHANNEL)
_CODE: Final = r"^[A-Za-z0-9_-]{1,24}$"
_FORM_BYTES: Final = 64 * 1024  # what the fields around a file may take


class TooLarge(APIException):
    """The body is larger than a statement file may be; none of it is read."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = "The file is larger than a statement file may be."


# ---- shapes ----


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


class RunQueuedSerializer(serializers.Serializer[Any]):
    """The answer to a run that was asked for."""

    business_date = serializers.DateField()
    state = serializers.ChoiceField(choices=["queued"])
    runs = serializers.CharField(help_text="Where the day's runs are listed.")


class RefusedLineSerializer(serializers.Serializer[Any]):
    """One line of a file that cannot be read."""

    line = serializers.IntegerField()
    problem = serializers.CharField()


class FileSerializer(serializers.Serializer[StatementFile]):
    """One statement file. What is counted and summed is 0 in a refused one."""

    source = serializers.CharField(source="source_code")  # type: ignore[assignment]
    name = serializers.CharField()
    version = serializers.IntegerField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField()
    format = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=StatementFile.State.choices)
    problem = serializers.CharField(allow_blank=True)
    refusals = RefusedLineSerializer(many=True, help_text="The first hundred at most.")
    covers_from = serializers.DateField(allow_null=True)
    covers_to = serializers.DateField(allow_null=True)
    told_lines = serializers.IntegerField(
        source="told_count", help_text="As they stand in the file: lines and quarantined_lines."
    )
    lines = serializers.IntegerField(source="line_count")
    quarantined_lines = serializers.IntegerField(
        source="quarantined_count", help_text="Could not be taken; the rest of the file was."
    )
    quarantined_paise = serializers.IntegerField(
        allow_null=True, help_text="What they come to by the file's balances; null: unknown."
    )
    new_lines = serializers.IntegerField(source="added_count")
    credit_paise = serializers.IntegerField()
    debit_paise = serializers.IntegerField()
    opening_paise = serializers.IntegerField(allow_null=True)
    closing_paise = serializers.IntegerField(allow_null=True)
    loaded_at = serializers.DateTimeField()


class FileAnswerSerializer(FileSerializer):
    """What became of a file that was handed in."""

    answer = serializers.ChoiceField(
        choices=["loaded", "waiting", "already_loaded", "already_waiting", "refused"]
    )


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


class PageQuery(StrictSerializer):
    """What every list takes."""

    page = serializers.IntegerField(required=False, min_value=1)
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=500)


class BreaksQuery(PageQuery):
    """Filters of breaks. ``date``: open now and of that day or an earlier one; ages count to it."""

    date = serializers.DateField(required=False)
    reason = serializers.ChoiceField(choices=Reason.choices, required=False)
    channel = serializers.RegexField(_CODE, required=False)
    state = serializers.ChoiceField(choices=Break.State.choices, required=False)


class RulesQuery(PageQuery):
    """What the list of rules may be narrowed by."""

    state = serializers.ChoiceField(choices=Rule.State.choices, required=False)


class RunsQuery(PageQuery):
    """Filters of runs."""

    business_date = serializers.DateField(required=False)
    state = serializers.ChoiceField(choices=Run.State.choices, required=False)


class FilesQuery(PageQuery):
    """Filters of files. ``date``: a day that the file covers."""

    date = serializers.DateField(required=False)
    source = serializers.RegexField(_CODE, required=False)  # type: ignore[assignment]
    state = serializers.ChoiceField(choices=StatementFile.State.choices, required=False)


class RunAsked(StrictSerializer):
    """The day to reconcile."""

    business_date = serializers.DateField()


@extend_schema_field(OpenApiTypes.BINARY)
class UploadField(serializers.FileField):
    """A file as it is sent; by itself the schema would call it an address."""


class FileHandedIn(StrictSerializer):
    """A statement file and whose it is."""

    source = serializers.RegexField(  # type: ignore[assignment]
        _CODE, help_text="Code of a channel or bank account."
    )
    format = serializers.RegexField(
        _CODE, required=False, help_text="The layout, when the first bytes do not tell it."
    )
    file = UploadField(allow_empty_file=True, max_length=200)


# ---- operations ----


class Breaks(GenericAPIView[Break]):
    """The breaks."""

    roles = {"GET": _READERS}
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
            "until": asked.get("date"),
            "state": asked.get("state"),
            "reason": _one(asked, "reason"),
            "channel": _one(asked, "channel"),
        }
        as_of = asked.get("date") or today()
        visible = selectors.visible_breaks(_caller(request))
        rows = listing.ordered(listing.narrowed(visible, wanted, as_of=as_of), listing.OLDEST)
        page = self.paginate_queryset(selectors.with_lines(rows))
        told = [selectors.break_as_data(one, as_of=as_of) for one in page or []]
        return self.get_paginated_response(BreakSerializer(told, many=True).data)


class BreakDetail(GenericAPIView[Break]):
    """One break."""

    roles = {"GET": _READERS}
    serializer_class = BreakSerializer

    @extend_schema(
        responses={200: BreakSerializer, **refusals(404)}, operation_id="breaks_retrieve"
    )
    def get(self, request: Request, public_id: str) -> Response:
        """The break with this id, also when it is closed."""
        visible = selectors.with_lines(selectors.visible_breaks(_caller(request)))
        one = found_or_404(visible, public_id=public_id)
        told = selectors.break_as_data(one, as_of=today())
        return Response(BreakSerializer(told).data)


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
        page = self.paginate_queryset(selectors.waiting_credits(_caller(request)))
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
        user = _caller(request)
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


class Runs(GenericAPIView[Run]):
    """The runs; ask for one."""

    roles = {"GET": _READERS, "POST": _WRITERS}
    serializer_class = RunSerializer

    @extend_schema(
        parameters=[RunsQuery],
        responses={200: RunSerializer(many=True), **refusals(404)},
        operation_id="runs_list",
    )
    def get(self, request: Request) -> Response:
        """Runs, the latest first."""
        asked = checked(RunsQuery, request.query_params)
        rows = selectors.numbered_runs(_caller(request)).filter(**_asked_only(asked))
        return page_of(self, rows, RunSerializer)

    @extend_schema(
        request=RunAsked,
        responses={202: RunQueuedSerializer, **refusals(409, 413, 415)},
        operation_id="runs_start",
    )
    def post(self, request: Request) -> Response:
        """Queue a run of a business date; 409 while another run works."""
        day: date = checked(RunAsked, request.data)["business_date"]
        actions.ask_for_run(day, by=_caller(request), today=today())
        listed = f"{reverse('reconciliation-api:runs')}?business_date={day.isoformat()}"
        answer = {"business_date": day, "state": "queued", "runs": listed}
        return Response(RunQueuedSerializer(answer).data, status=status.HTTP_202_ACCEPTED)


class Rules(GenericAPIView[Rule]):
    """The rules of matching."""

    roles = {"GET": _READERS}
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
        rows = selectors.visible_rules(_caller(request)).filter(state=state)
        return page_of(self, rows.order_by("priority", "code", "version"), RuleSerializer)


class RuleDetail(GenericAPIView[Rule]):
    """The versions of one rule."""

    roles = {"GET": _READERS}
    serializer_class = RuleSerializer

    @extend_schema(
        parameters=[PageQuery],
        responses={200: RuleSerializer(many=True), **refusals(404)},
        operation_id="rules_retrieve",
    )
    def get(self, request: Request, code: str) -> Response:
        """Every version of the rule, the latest first."""
        checked(PageQuery, request.query_params)
        rows = selectors.visible_rules(_caller(request)).filter(code=code)
        if not rows.exists():
            raise Http404
        return page_of(self, rows.order_by("-version"), RuleSerializer)


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

    roles = {"GET": _READERS}
    serializer_class = StorySerializer

    @extend_schema(responses={200: StorySerializer, **refusals(404)}, operation_id="payments_story")
    def get(self, request: Request, reference: str) -> Response:
        """A payment through the books, with times, amounts, fees and the reason for each gap."""
        rows = payments_visible_to(_caller(request)).select_related(
            "channel", "consumer", "receipt", "deposit"
        )
        told = story.as_data(found_or_404(rows, reference=reference))
        return Response(StorySerializer(told).data)


class RunDetail(GenericAPIView[Run]):
    """One run."""

    roles = {"GET": _READERS}
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
        run = selectors.run_of(_caller(request), day=day, number=number)
        if run is None:
            raise Http404
        run.number = number  # type: ignore[attr-defined]  # as the list annotates it
        return Response(RunDetailSerializer(run).data)


class Files(GenericAPIView[StatementFile]):
    """The statement files; hand one in."""

    roles = {"GET": _READERS, "POST": _WRITERS}
    serializer_class = FileSerializer
    parser_classes = (MultiPartParser,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse by the announced length, before a byte of the body is read."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        if int(length) > settings.STATEMENT_BYTES_MAX + _FORM_BYTES:
            raise TooLarge
        super().initial(request, *args, **kwargs)

    @extend_schema(
        parameters=[FilesQuery],
        responses={200: FileSerializer(many=True), **refusals(404, 413)},
        operation_id="files_list",
    )
    def get(self, request: Request) -> Response:
        """Files, the latest first."""
        asked = checked(FilesQuery, request.query_params)
        rows = files.visible_to(_caller(request)).order_by("-id")
        if "date" in asked:
            rows = rows.filter(covers_from__lte=asked["date"], covers_to__gte=asked["date"])
        if "state" in asked:
            rows = rows.filter(state=asked["state"])
        if "source" in asked:
            rows = files.of_sources(rows, [asked["source"]])
        return page_of(self, rows, FileSerializer)

    @extend_schema(
        request={"multipart/form-data": FileHandedIn},
        responses={
            200: FileAnswerSerializer,
            201: FileAnswerSerializer,
            202: FileAnswerSerializer,
            422: FileAnswerSerializer,
            **refusals(409, 413, 415),
        },
        operation_id="files_load",
    )
    def post(self, request: Request) -> Response:
        """Load it (201), let it wait for a second person (202), know it (200), refuse it (422)."""
        asked = checked(FileHandedIn, request.data)
        sent = asked["file"]
        try:
            file = statements.load(
                statements.source_of(asked["source"]),
                sent,
                name=sent.name,
                by=_caller(request),
                format_code=asked.get("format", ""),
            )
        except statements.AlreadyLoaded as known:
            return _answer(known.file, "already_loaded", status.HTTP_200_OK)
        except statements.AlreadyWaiting as known:
            return _answer(known.file, "already_waiting", status.HTTP_200_OK)
        if file.state == StatementFile.State.WAITING:
            return _answer(file, "waiting", status.HTTP_202_ACCEPTED)
        if file.state == StatementFile.State.REFUSED:
            return _answer(file, "refused", status.HTTP_422_UNPROCESSABLE_ENTITY)
        return _answer(file, "loaded", status.HTTP_201_CREATED)


app_name = "reconciliation-api"

urlpatterns = [
    path("breaks/", Breaks.as_view(), name="breaks"),
    path("breaks/<str:public_id>/", BreakDetail.as_view(), name="break"),
    path("payments/<str:reference>/story/", StoryDetail.as_view(), name="story"),
    path("credits/", Credits.as_view(), name="credits"),
    path("credits/<str:public_id>/assign/", Assignment.as_view(), name="assign"),
    path("rules/", Rules.as_view(), name="rules"),
    path("rules/<slug:code>/", RuleDetail.as_view(), name="rule"),
    path("runs/", Runs.as_view(), name="runs"),
    path("runs/<str:id>/", RunDetail.as_view(), name="run"),
    path("files/", Files.as_view(), name="files"),
]


# ---- helpers ----


def _caller(request: Request) -> User:
    """Who asks; permissions have let nobody else in."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def _one(asked: dict[str, Any], name: str) -> list[str]:
    return [asked[name]] if name in asked else []


def _asked_only(asked: dict[str, Any]) -> dict[str, Any]:
    """The filters among what was asked: all but the page."""
    return {name: value for name, value in asked.items() if name not in ("page", "page_size")}


def _run_named(name: str) -> tuple[date, int]:
    """The day and number of a run's id; 404 for a text that is none."""
    day, _dot, number = name.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < len("1000000")):
        raise Http404
    try:
        return date.fromisoformat(day), int(number)
    except ValueError as error:
        raise Http404 from error


def _answer(file: StatementFile, word: str, code: int) -> Response:
    return Response({**FileSerializer(file).data, "answer": word}, status=code)
