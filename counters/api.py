"""The API of the counters: receipts that a counter hands in, and its deposits.

Every operation names who may call it (``roles``); a field that is not known is refused.
"""

from datetime import datetime
from typing import Any, Final

from django.db.models import Count
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from channels_.contract import Method
from counters import taking
from counters.deposits import NothingToDeposit, make_deposit
from counters.paper.cash import PIECES_MAX
from counters.tenders import METHODS, TenderAsked
from cspdcl.kernel.api import PaiseField, StrictSerializer, checked, found_or_404, refusals
from cspdcl.kernel.money import PAISE_MAX
from payments import selectors
from payments.models import Deposit
from people import openapi, roles  # noqa: F401 - openapi tells the schema of our keys
from people.models import User

RECEIPTS_MAX: Final = 500

_CODE: Final = r"^[A-Za-z0-9_-]{1,24}$"
_BILL: Final = r"^[A-Za-z0-9/._-]{0,20}$"
_CONSUMER: Final = r"^[0-9]{6,12}$"
_DIGITS: Final = r"^[0-9]*$"
_NUMBER: Final = r"^[0-9A-Z]*$"
_CAPITALS: Final = r"^[0-9A-Z]*$"
_PLAIN: Final = r"^[A-Za-z0-9 .,&()/'\u0900-\u097f-]*$"  # Latin or Devanagari, as banks are named
_CARD_DETAILS: Final = ("approval", "last_four", "terminal", "batch")
_FIRST_YEAR: Final = 2
_LAST_YEAR: Final = 9998


class TenderItem(StrictSerializer):
    """One instrument handed over; ``approval`` to ``batch`` are those of a card slip."""

    method = serializers.ChoiceField(choices=sorted(method.value for method in METHODS))
    amount_paise = PaiseField(min_value=1, max_value=PAISE_MAX)
    instrument = serializers.RegexField(_NUMBER, required=False, allow_blank=True, max_length=12)
    instrument_date = serializers.DateField(required=False, allow_null=True)
    bank_name = serializers.RegexField(_PLAIN, required=False, allow_blank=True, max_length=80)
    micr = serializers.RegexField(_DIGITS, required=False, allow_blank=True, max_length=9)
    account_id = serializers.RegexField(_DIGITS, required=False, allow_blank=True, max_length=6)
    transaction_code = serializers.RegexField(
        _DIGITS, required=False, allow_blank=True, max_length=2
    )
    ifsc = serializers.RegexField(_CAPITALS, required=False, allow_blank=True, max_length=11)
    drawer = serializers.RegexField(_PLAIN, required=False, allow_blank=True, max_length=120)
    approval = serializers.RegexField(_CAPITALS, required=False, allow_blank=True, max_length=12)
    last_four = serializers.RegexField(r"^([0-9]{4})?$", required=False, allow_blank=True)
    terminal = serializers.RegexField(_CAPITALS, required=False, allow_blank=True, max_length=16)
    batch = serializers.RegexField(_CAPITALS, required=False, allow_blank=True, max_length=12)


class ShareItem(StrictSerializer):
    """What of it is for one consumer; without a bill the oldest dues first."""

    consumer_number = serializers.RegexField(_CONSUMER)
    bill_number = serializers.RegexField(_BILL, required=False, allow_blank=True)
    amount_paise = PaiseField(min_value=1, max_value=PAISE_MAX)


class CounterReceiptItem(StrictSerializer):
    """One hand-over taken at a counter.

    Without ``tenders`` there is one tender of the whole amount: what ``method`` and the instrument
    fields say, else cash. Without ``shares`` it is all for ``consumer_number``. Each pair of a
    tender and a share gets a receipt of its own.
    """

    submit_key = serializers.RegexField(
        r"^[A-Za-z0-9_-]{16,64}$", help_text="Made once, before the first try; equal on every try."
    )
    channel = serializers.RegexField(
        _CODE, required=False, help_text="Without it each tender goes the way that takes it."
    )
    consumer_number = serializers.RegexField(_CONSUMER, required=False)
    bill_number = serializers.RegexField(_BILL, required=False, allow_blank=True)
    amount_paise = PaiseField(min_value=1, max_value=PAISE_MAX)
    shares = serializers.ListField(child=ShareItem(), required=False, min_length=1, max_length=500)
    taken_at = serializers.DateTimeField(required=False)
    method = serializers.ChoiceField(
        choices=sorted(method.value for method in METHODS), required=False
    )
    instrument = serializers.RegexField(_NUMBER, required=False, allow_blank=True, max_length=12)
    instrument_date = serializers.DateField(required=False, allow_null=True)
    bank_name = serializers.RegexField(_PLAIN, required=False, allow_blank=True, max_length=80)
    micr = serializers.RegexField(_DIGITS, required=False, allow_blank=True, max_length=9)
    tenders = serializers.ListField(child=TenderItem(), required=False, min_length=1, max_length=20)
    received_paise = PaiseField(
        required=False, min_value=1, max_value=PAISE_MAX, help_text="Cash as it was counted."
    )
    payer = serializers.RegexField(_PLAIN, required=False, allow_blank=True, max_length=120)
    pan = serializers.RegexField(r"^([A-Z]{5}[0-9]{4}[A-Z])?$", required=False, allow_blank=True)

    def validate_taken_at(self, taken_at: datetime) -> datetime:
        """At the ends of the calendar zones have no days: moved inside, to be refused there."""
        if _FIRST_YEAR <= taken_at.year <= _LAST_YEAR:
            return taken_at
        return taken_at.replace(year=_FIRST_YEAR if taken_at.year < _FIRST_YEAR else _LAST_YEAR)


class CounterReceiptsAsked(StrictSerializer):
    """Receipts that a counter hands in together; a counter that was offline sends its queue."""

    receipts = serializers.ListField(
        child=CounterReceiptItem(), min_length=1, max_length=RECEIPTS_MAX
    )


class GivenReceipt(serializers.Serializer[Any]):
    """One receipt of a hand-over."""

    receipt = serializers.CharField()
    reference = serializers.CharField(help_text="Of the payment.")
    consumer_number = serializers.CharField()
    method = serializers.CharField()
    amount_paise = serializers.IntegerField()


class CounterReceiptAnswer(serializers.Serializer[taking.Taken]):
    """What became of one of them."""

    submit_key = serializers.CharField()
    status = serializers.ChoiceField(
        choices=["taken", "known", "held", "refused"],
        help_text="held: a cheque of a later day is kept, its receipts are given then.",
    )
    reference = serializers.CharField(allow_null=True, help_text="Of the first payment.")
    receipt = serializers.CharField(allow_null=True, help_text="The first receipt.")
    receipts = GivenReceipt(many=True)
    code = serializers.CharField(allow_null=True, help_text="Why it was refused, for programs.")
    detail = serializers.CharField(allow_null=True, help_text="Why it was refused, for people.")


class CounterReceiptsAnswer(serializers.Serializer[Any]):
    """One answer for each receipt, in the order asked."""

    results = CounterReceiptAnswer(many=True)


class DepositAsked(StrictSerializer):
    """The slip with which a counter's money goes to the bank."""

    channel = serializers.RegexField(_CODE)
    business_date = serializers.DateField()
    slip_number = serializers.RegexField(
        r"^[A-Z0-9][A-Z0-9-]{2,23}$", required=False, help_text="As printed; else one is made."
    )
    denominations = serializers.DictField(
        child=serializers.IntegerField(min_value=0, max_value=PIECES_MAX),
        required=False,
        help_text="Cash by note and coin; expected of a counter whose cash lies in the safe.",
    )


class DepositSerializer(serializers.Serializer[Deposit]):
    """A deposit: what the bank's credit must show."""

    reference = serializers.CharField()
    channel = serializers.CharField(source="channel.code")
    counter = serializers.CharField(source="counter.code")
    business_date = serializers.DateField()
    amount_paise = serializers.IntegerField()
    payments = serializers.IntegerField(source="payments_count")


class CounterReceipts(APIView):
    """Receipts that a counter hands in."""

    roles = {"POST": (roles.CLERK, roles.SUPERVISOR, roles.CHANNEL)}

    @extend_schema(
        request=CounterReceiptsAsked,
        responses={200: CounterReceiptsAnswer, **refusals(404, 409, 413, 415)},
        operation_id="counter_receipts_take",
    )
    def post(self, request: Request, code: str) -> Response:
        """Take up to 500 payments; each is answered for itself, in order, and taken once."""
        where = found_or_404(selectors.counters_visible_to(request.user), code=code)
        asked = checked(CounterReceiptsAsked, request.data)
        plain = [one for one in asked["receipts"] if not _is_said_twice(one)]
        taken = taking.take(where, clerk=_caller(request), asked=[_hand_over(one) for one in plain])
        answers = iter(taken)
        refusal = taking.NotTaken("expected either consumer_number or shares")
        results = [
            taking.Taken(submit_key=one["submit_key"], refusal=refusal)
            if _is_said_twice(one)
            else next(answers)
            for one in asked["receipts"]
        ]
        return Response({"results": [_answer(one) for one in results]})


class CounterDeposits(APIView):
    """Deposits of a counter."""

    roles = {"POST": (roles.SUPERVISOR, roles.CHANNEL)}

    @extend_schema(
        request=DepositAsked,
        responses={201: DepositSerializer, **refusals(404, 409, 413, 415)},
        operation_id="counter_deposits_make",
    )
    def post(self, request: Request, code: str) -> Response:
        """Put all that waits in one channel on one slip; a slip sent again changes nothing."""
        where = found_or_404(selectors.counters_visible_to(request.user), code=code)
        asked = checked(DepositAsked, request.data)
        channel = selectors.counter_channels().filter(code=asked["channel"]).first()
        if channel is None:
            raise NothingToDeposit(f"no counter channel is called {asked['channel']}")
        made = make_deposit(
            where,
            channel=channel,
            on=asked["business_date"],
            made_by=_caller(request),
            slip_number=asked.get("slip_number", ""),
            denominations=asked.get("denominations"),
        )
        counted = Deposit.objects.annotate(payments_count=Count("payments")).get(pk=made.pk)
        return Response(DepositSerializer(counted).data, status=status.HTTP_201_CREATED)


app_name = "counters-api"

urlpatterns = [
    path("counters/<str:code>/receipts/", CounterReceipts.as_view(), name="counter-receipts"),
    path("counters/<str:code>/deposits/", CounterDeposits.as_view(), name="counter-deposits"),
]


# ---- helpers ----


def _caller(request: Request) -> User:
    """Who asks; permissions have let nobody else in."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def _is_said_twice(item: dict[str, Any]) -> bool:
    """Whether it says for whom it is in two ways, or not at all."""
    return ("shares" in item) == ("consumer_number" in item)


def _hand_over(item: dict[str, Any]) -> taking.HandOver:
    told = item.get("shares") or [item]
    shares = [
        taking.ShareAsked(
            consumer_number=one["consumer_number"],
            bill_number=one.get("bill_number", ""),
            amount_paise=one["amount_paise"],
        )
        for one in told
    ]
    return taking.HandOver(
        submit_key=item["submit_key"],
        shares=shares,
        tenders=[_tender(one) for one in item.get("tenders") or [_only_tender(item)]],
        channel=item.get("channel", ""),
        taken_at=item.get("taken_at"),
        received_paise=item.get("received_paise"),
        payer=item.get("payer", ""),
        pan=item.get("pan", ""),
    )


def _tender(one: dict[str, Any]) -> TenderAsked:
    details = {name: one[name] for name in _CARD_DETAILS if one.get(name)}
    return TenderAsked(
        method=Method(one["method"]),
        amount_paise=one["amount_paise"],
        instrument=one.get("instrument", ""),
        instrument_date=one.get("instrument_date"),
        bank_name=one.get("bank_name", ""),
        micr=one.get("micr", ""),
        account_id=one.get("account_id", ""),
        transaction_code=one.get("transaction_code", ""),
        ifsc=one.get("ifsc", ""),
        drawer=one.get("drawer", ""),
        details=details,
    )


def _only_tender(item: dict[str, Any]) -> dict[str, Any]:
    default = Method.CHEQUE if item.get("instrument") else Method.CASH
    return {**item, "method": item.get("method", default.value)}


def _answer(one: taking.Taken) -> dict[str, Any]:
    given = [
        {
            "receipt": receipt.label,
            "reference": receipt.payment.reference,
            "consumer_number": receipt.payment.consumer_number,
            "method": receipt.payment.method,
            "amount_paise": receipt.payment.amount_paise,
        }
        for receipt in one.receipts
    ]
    return {
        "submit_key": one.submit_key,
        "status": _status(one),
        "reference": given[0]["reference"] if given else None,
        "receipt": given[0]["receipt"] if given else None,
        "receipts": given,
        "code": one.refusal.code if one.refusal else None,
        "detail": str(one.refusal) if one.refusal else None,
    }


def _status(one: taking.Taken) -> str:
    if one.refusal is not None:
        return "refused"
    if one.held is not None:
        return "held"
    return "taken" if one.is_new else "known"
