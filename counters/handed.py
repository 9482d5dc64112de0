"""What a printed receipt says that only the counter knows: cash received and given back."""

from collections.abc import Mapping, Sequence

from channels_.contract import Method
from counters.models import CollectionLine
from payments.models import Receipt
from payments.paper import HandOver


def handed(receipts: Sequence[Receipt]) -> Mapping[int, HandOver]:
    """The cash that changed hands, by the receipt's id; where it was counted."""
    lines = CollectionLine.objects.filter(
        payment__receipt__in=[one.pk for one in receipts],
        payment__method=Method.CASH.value,
        collection__received_paise__isnull=False,
    ).values_list("payment__receipt", "collection__received_paise", "collection__cash_paise")
    return {
        receipt: HandOver(cash_received_paise=received, change_paise=received - cash)
        for receipt, received, cash in lines
        if received is not None
    }
