"""The statement files: read what became of them, hand one in."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from channels_.models import StatementFile
from cspdcl.kernel.api import StrictSerializer, checked, page_of, refusals
from reconciliation.api.parts import (
    CODE,
    FORM_BYTES,
    READERS,
    WRITERS,
    PageQuery,
    UploadField,
    caller,
)
from reconciliation.incoming import files, statements


class TooLarge(APIException):
    """The body is larger than a statement file may be; none of it is read."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = "The file is larger than a statement file may be."


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


class FilesQuery(PageQuery):
    """Filters of files. ``date``: a day that the file covers."""

    date = serializers.DateField(required=False)
    source = serializers.RegexField(CODE, required=False)  # type: ignore[assignment]
    state = serializers.ChoiceField(choices=StatementFile.State.choices, required=False)


class FileHandedIn(StrictSerializer):
    """A statement file and whose it is."""

    source = serializers.RegexField(  # type: ignore[assignment]
        CODE, help_text="Code of a channel or bank account."
    )
    format = serializers.RegexField(
        CODE, required=False, help_text="The layout, when the first bytes do not tell it."
    )
    file = UploadField(allow_empty_file=True, max_length=200)


class Files(GenericAPIView[StatementFile]):
    """The statement files; hand one in."""

    roles = {"GET": READERS, "POST": WRITERS}
    serializer_class = FileSerializer
    parser_classes = (MultiPartParser,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse by the announced length, before a byte of the body is read."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        if int(length) > settings.STATEMENT_BYTES_MAX + FORM_BYTES:
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
        rows = files.visible_to(caller(request)).order_by("-id")
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
                by=caller(request),
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


def _answer(file: StatementFile, word: str, code: int) -> Response:
    return Response({**FileSerializer(file).data, "answer": word}, status=code)
