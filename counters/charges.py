"""What a dishonoured paper costs: one charge a paper, by the tariff of the day.

The charge is a bill of ours on the consumer who is named first on the paper: the payer's own. A
paper that paid for two hundred consumers bounced once, and the bank asks once.
"""

from datetime import date, timedelta
from typing import Final

from counters.models import Instrument, ReturnCharge, Share
from payments.models import Bill

DUE_DAYS: Final = 15  # as long as the demand of section 138 gives

_HUNDREDTHS: Final = 100 * 100  # of a per cent


def in_force(*, on: date) -> ReturnCharge | None:
    """The tariff's row that holds on a day: of those in force the latest; None asks for nothing."""
    rows = ReturnCharge.objects.filter(valid_from__lte=on).exclude(valid_until__lt=on)
    return rows.order_by("-valid_from", "-pk").first()


def charge_paise(rule: ReturnCharge, *, amount_paise: int) -> int:
    """The flat sum or the share of the paper, whichever is more, and GST; half a paisa goes up."""
    share = _per_cent(amount_paise, int(rule.percent * 100))
    base = max(rule.flat_paise, share)
    return base + _per_cent(base, int(rule.gst_percent * 100))


def add(paper: Instrument, *, share: Share, rule: ReturnCharge, on: date) -> Bill | None:
    """Bill the charge of a paper to a consumer; once, and none where the tariff asks for none."""
    paise = charge_paise(rule, amount_paise=paper.amount_paise)
    if share.charge is not None or paise == 0:
        return share.charge
    share.charge = Bill.objects.create(
        consumer_id=share.consumer_id,
        number=f"RC{paper.pk:08d}",
        kind=Bill.Kind.CHARGE,
        period=f"{on:%Y-%m}",
        amount_paise=paise,
        issued_on=on,
        due_on=on + timedelta(days=DUE_DAYS),
    )
    share.save(update_fields=["charge"])
    return share.charge


def _per_cent(paise: int, hundredths: int) -> int:
    return (paise * hundredths * 2 + _HUNDREDTHS) // (_HUNDREDTHS * 2)
