"""How the API answers what went wrong: one shape ``{code, detail, errors?}`` for every refusal."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db.models import Model, QuerySet
from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404
from drf_spectacular.extensions import OpenApiSerializerExtension
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.response import Response
from rest_framework.views import exception_handler

from cspdcl.kernel.database import is_away
from cspdcl.kernel.errors import DomainError, Malformed, Transient

if TYPE_CHECKING:
    # Views read the settings, which name this module: importing them here would go in a circle.
    from rest_framework.generics import GenericAPIView

Row = TypeVar("Row", bound=Model)

_RETRY_AFTER: Final = "2"


class RefusedSerializer(serializers.Serializer[Any]):
    """Why a request was refused."""

    code = serializers.CharField(help_text="A word that programs may compare.")
    detail = serializers.CharField(help_text="A sentence for people.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """``errors`` is added here, because a serializer has an attribute of that name."""
        errors = serializers.DictField(
            required=False, help_text="What is wrong with each field, by its name."
        )
        return {**super().get_fields(), "errors": errors}


def refusals(*codes: int) -> dict[int, type[RefusedSerializer]]:
    """The documented refusals of an operation; those every operation may give are included."""
    return dict.fromkeys(sorted({400, 401, 403, 406, 503, *codes}), RefusedSerializer)


class TooLarge(APIException):
    """More bytes than a request may have."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "oversized"
    default_detail = "The request has too many bytes."


class BoundedJSONParser(JSONParser):
    """DRF's parser reads a body of any length into memory; this one looks at its length first."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Parse a body of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes."""
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(most + 1)
        if len(body) > most:
            raise TooLarge
        return super().parse(io.BytesIO(body), media_type, parser_context)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know, and in a query or form what stands twice or is empty.

    Nothing is dropped in silence: a misspelt filter, or an empty one, would answer with all rows.
    """

    def to_internal_value(self, data: Any) -> Any:
        """Check the names first, then the values."""
        if isinstance(data, QueryDict):
            twice = sorted(name for name, values in data.lists() if len(values) > 1)
            if twice:
                raise ValidationError({name: ["This field stands here twice."] for name in twice})
            data = data.dict()
        if isinstance(data, Mapping):
            unknown = sorted(str(name) for name in data if name not in self.fields)
            if unknown:
                raise ValidationError({name: ["This field is not known."] for name in unknown})
        return super().to_internal_value(data)


class PaiseField(serializers.IntegerField):
    """Whole paise as a JSON integer: "500.00" would else be read as 500 paise."""

    def to_internal_value(self, data: Any) -> int:
        """Nothing but a whole number is one."""
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictSerializerSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Says in the schema what StrictSerializer does: other fields are refused."""

    target_class = StrictSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        """The usual schema, closed."""
        schema = auto_schema._map_serializer(  # noqa: SLF001 - the documented way
            self.target, direction, bypass_extensions=True
        )
        return {**schema, "additionalProperties": False}


def found_or_404(rows: QuerySet[Row], **where: str) -> Row:
    """The row that a part of the address names; an odd text names nothing."""
    if any("\0" in text or len(text) > 100 for text in where.values()):
        raise Http404
    return get_object_or_404(rows, **where)


def checked(shape: type[StrictSerializer], data: Any) -> dict[str, Any]:
    """What was asked, in its types; raises ValidationError for what is not as it should be."""
    serializer = shape(data=data)
    serializer.is_valid(raise_exception=True)
    asked: dict[str, Any] = serializer.validated_data
    return asked


def page_of(
    view: "GenericAPIView[Any]", rows: QuerySet[Any], shape: type[serializers.Serializer[Any]]
) -> Response:
    """The page of the rows that was asked for, each in its shape."""
    page = view.paginate_queryset(rows)
    return view.get_paginated_response(shape(page, many=True).data)


def answer_error(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: None lets a real fault crash and be logged."""
    if isinstance(error, DomainError):
        return _refused(status.HTTP_409_CONFLICT, error.code, str(error))
    if isinstance(error, Malformed):
        return _refused(status.HTTP_400_BAD_REQUEST, "malformed", str(error))
    if isinstance(error, RequestDataTooBig):
        return _refused(TooLarge.status_code, TooLarge.default_code, TooLarge.default_detail)
    if isinstance(error, Transient) or is_away(error):
        answer = _refused(status.HTTP_503_SERVICE_UNAVAILABLE, "try_later", "Try again later.")
        answer["Retry-After"] = _RETRY_AFTER
        return answer
    standard = exception_handler(error, dict(context))
    if standard is None:
        return None
    code, detail, errors = _explained(error)
    answer = _refused(standard.status_code, code, detail, errors)
    for name, value in standard.items():
        if name.lower() in ("www-authenticate", "retry-after", "allow"):
            answer[name] = value
    return answer


def _explained(error: Exception) -> tuple[str, str, Mapping[str, Any]]:
    if isinstance(error, Http404):
        return "not_found", "There is no such thing, or not for you.", {}
    if isinstance(error, PermissionDenied):
        return "permission_denied", "Your role does not allow this.", {}
    if isinstance(error, ValidationError):
        errors = error.detail if isinstance(error.detail, Mapping) else {"": error.detail}
        return "invalid", "Some fields are not as they should be.", errors
    if isinstance(error, APIException):
        return str(error.default_code), str(error.detail), {}
    return "refused", str(error), {}


def _refused(
    code: int, word: str, detail: str, errors: Mapping[str, Any] | None = None
) -> Response:
    body: dict[str, Any] = {"code": word, "detail": detail}
    if errors:
        body["errors"] = dict(errors)
    return Response(body, status=code)
