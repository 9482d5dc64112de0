"""How the partner API says no: problem documents after RFC 9457, with a code for programs.

Every refusal names what was expected. A refusal of the business (422) is final for its
Idempotency-Key; everything else may be tried again with the same key.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404
from rest_framework import serializers
from rest_framework.exceptions import APIException, AuthenticationFailed, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from cspdcl.kernel.api import TooLarge
from cspdcl.kernel.database import is_away
from cspdcl.kernel.errors import DomainError, Malformed, Transient

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER: Final = "2"

_FINAL: Final = HTTPStatus.UNPROCESSABLE_ENTITY


class Refused(DomainError):
    """The partner API refuses; ``expected`` says what would have been taken."""

    status: ClassVar[int] = _FINAL
    title: ClassVar[str] = "The request is refused."
    is_final: ClassVar[bool] = True  # the same key gets the same answer

    def __init__(self, detail: str, *, expected: str = "") -> None:
        super().__init__(detail)
        self.expected = expected


class UnknownConsumer(Refused):
    """No consumer has this number."""

    code = "unknown_consumer"
    title = "No such consumer."


class InactiveConsumer(Refused):
    """The connection was ended; there is nothing to pay for."""

    code = "inactive_consumer"
    title = "The consumer is not active."


class NoDues(Refused):
    """Nothing is owed."""

    code = "no_dues"
    title = "Nothing is due."


class NotCollectedHere(Refused):
    """The agency does not collect for this consumer."""

    code = "not_collected_here"
    title = "This agency does not collect for this consumer."


class AmountNotAllowed(Refused):
    """The amount does not fit what was agreed."""

    code = "amount_not_allowed"
    title = "The amount is not allowed."


class UnknownBill(Refused):
    """The consumer has no such bill."""

    code = "unknown_bill"
    title = "No such bill."


class UnknownTerminal(Refused):
    """The agency has no such machine, or it is switched off."""

    code = "unknown_terminal"
    title = "No such terminal."


class InstrumentMissing(Refused):
    """A cheque or draft without its number."""

    code = "instrument_missing"
    title = "A cheque or draft has a number."


class LimitExceeded(Refused):
    """More than the agency may take, at once or in a day."""

    code = "limit_exceeded"
    title = "A limit of the agency is reached."


class OutsideHours(Refused):
    """The agency is closed at this time."""

    code = "outside_hours"
    title = "The agency is closed at this time."


class NotThen(Refused):
    """It cannot have been paid when it says."""

    code = "not_then"
    title = "The moment of the payment is not possible."


class FloatExhausted(Refused):
    """The float does not cover the amount."""

    code = "float_exhausted"
    title = "The float does not cover this payment."


class TooLate(Refused):
    """A reversal after its day, or after the daily file."""

    code = "too_late"
    title = "It is too late to give this payment back."


class TxnIdUsed(Refused):
    """The agency's own id stands for another payment."""

    code = "txn_id_used"
    title = "This txn_id was used for another payment."


class KeyReused(Refused):
    """The same Idempotency-Key with other contents."""

    code = "key_reused"
    title = "This Idempotency-Key was used for another request."
    is_final = False


class WrongState(Refused):
    """The payment stands where this cannot be done."""

    code = "wrong_state"
    title = "The payment's state does not allow this."
    status = HTTPStatus.CONFLICT
    is_final = False


class Paused(Refused):
    """The channel is paused; nothing was done."""

    code = "paused"
    title = "The channel is paused."
    status = HTTPStatus.SERVICE_UNAVAILABLE
    is_final = False


class NotProved(AuthenticationFailed):
    """The caller could not prove who they are."""

    def __init__(self, word: str, detail: str, *, expected: str) -> None:
        super().__init__(detail, word)
        self.word = word
        self.expected = expected


class SwitchedOff(APIException):
    """The agency or its channel is switched off."""

    status_code = HTTPStatus.FORBIDDEN
    default_code = "switched_off"
    default_detail = "The agency is switched off."


class Encoded(APIException):
    """A Content-Encoding: what is signed must be what is read."""

    status_code = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    default_code = "encoded"
    default_detail = "Send the body as it is, without Content-Encoding."


class ProblemSerializer(serializers.Serializer[Any]):
    """Why a request was refused, after RFC 9457."""

    type = serializers.CharField(help_text="urn:problem: and the code.")
    title = serializers.CharField(help_text="The same for every problem of this code.")
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="A word that programs may compare; it never changes.")
    detail = serializers.CharField(help_text="What was wrong here, for people.")
    expected = serializers.CharField(required=False, help_text="What would have been taken.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """``errors`` is added here, because a serializer has an attribute of that name."""
        errors = serializers.DictField(
            required=False, help_text="What is wrong with each field, by its name."
        )
        return {**super().get_fields(), "errors": errors}


def problems(*codes: int) -> dict[tuple[int, str], type[ProblemSerializer]]:
    """The documented refusals of an operation; those every operation may give are included."""
    every = sorted({400, 401, 403, 406, 413, 415, 503, *codes})
    return {(code, MEDIA_TYPE): ProblemSerializer for code in every}


def document(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    expected: str = "",
    errors: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A problem as it is sent."""
    body: dict[str, Any] = {
        "type": f"urn:problem:{code}",
        "title": title,
        "status": int(status),
        "code": code,
        "detail": detail,
    }
    if expected:
        body["expected"] = expected
    if errors:
        body["errors"] = dict(errors)
    return body


def of_refusal(refused: Refused) -> dict[str, Any]:
    """The problem of a refusal of ours."""
    return document(
        refused.status, refused.code, refused.title, str(refused), expected=refused.expected
    )


def answer_problem(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """The exception handler of the partner API: None lets a real fault crash and be logged."""
    if isinstance(error, Refused):
        answer = _response(of_refusal(error))
    elif isinstance(error, DomainError):
        answer = _response(document(409, error.code, "The request is refused.", str(error)))
    elif isinstance(error, Malformed):
        answer = _response(
            document(400, "malformed", "The body cannot be read.", str(error), expected=_JSON)
        )
    elif isinstance(error, Transient) or is_away(error):
        answer = _response(
            document(503, "try_later", "Try again later.", "Nothing was done; send it again.")
        )
    elif isinstance(error, RequestDataTooBig):
        return answer_problem(TooLarge(), context)
    else:
        return _standard(error, context)
    if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        answer["Retry-After"] = RETRY_AFTER
    return answer


_JSON: Final = "one JSON object in UTF-8, no name twice, numbers as numbers"


def _standard(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """What the framework refuses, in our shape."""
    standard = exception_handler(error, dict(context))
    if standard is None:
        return None
    status = standard.status_code
    if isinstance(error, ValidationError):
        errors = error.detail if isinstance(error.detail, Mapping) else {"": error.detail}
        body = document(
            status,
            "invalid",
            "Some fields are not as they should be.",
            "errors says what is wrong with each.",
            expected="the fields of the OpenAPI document, and no others",
            errors=errors,
        )
    elif isinstance(error, NotProved):
        body = document(
            status,
            error.word,
            "The request is not proved.",
            str(error.detail),
            expected=error.expected,
        )
    elif isinstance(error, Http404):
        body = document(status, "unknown_payment", "No such payment.", "It is not one of yours.")
    else:
        body = document(status, *_words(error))
    answer = _response(body)
    for name, value in standard.items():
        if name.lower() in ("www-authenticate", "retry-after", "allow"):
            answer[name] = value
    return answer


def _words(error: Exception) -> tuple[str, str, str]:
    """Code, title and detail of what DRF or Django raised."""
    if isinstance(error, PermissionDenied):
        return "not_allowed", "The key may not do this.", "Ask for a key with this capability."
    if isinstance(error, APIException):
        return str(error.default_code), "The request is refused.", str(error.detail)
    return "refused", "The request is refused.", str(error)


def _response(body: dict[str, Any]) -> Response:
    return Response(body, status=body["status"], content_type=MEDIA_TYPE)
