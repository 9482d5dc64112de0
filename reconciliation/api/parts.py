"""What the operations of the books have in common: who calls, pages, filters."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from cspdcl.kernel.api import StrictSerializer
from people import roles
from people.models import User

READERS: Final = (*roles.FINANCE, roles.AUDITOR, roles.OPERATOR, roles.CHANNEL)
WRITERS: Final = (roles.FINANCE_OFFICER, roles.OPERATOR, roles.CHANNEL)
DECISION_READERS: Final = (*roles.FINANCE, roles.AUDITOR)
CODE: Final = r"^[A-Za-z0-9_-]{1,24}$"
WHY_MAX: Final = 300
FORM_BYTES: Final = 64 * 1024  # what the fields around a file may take


@extend_schema_field(OpenApiTypes.BINARY)
class UploadField(serializers.FileField):
    """A file as it is sent; by itself the schema would call it an address."""


class PageQuery(StrictSerializer):
    """What every list takes."""

    page = serializers.IntegerField(required=False, min_value=1)
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=500)


class Answered(StrictSerializer):
    """What the second person says; a rejection says why."""

    verdict = serializers.ChoiceField(choices=["approve", "reject"])
    answer = serializers.CharField(required=False, allow_blank=True, max_length=WHY_MAX)


def caller(request: Request) -> User:
    """Who asks; permissions have let nobody else in."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def one_of(asked: dict[str, Any], name: str) -> list[str]:
    """A filter of one value, as the lists of the pages take it."""
    return [asked[name]] if name in asked else []


def asked_only(asked: dict[str, Any]) -> dict[str, Any]:
    """The filters among what was asked: all but the page."""
    return {name: value for name, value in asked.items() if name not in ("page", "page_size")}
