"""An answer is believed of the payment that was asked for, and of no other."""

from collections.abc import Sequence

import pytest

from channels_ import answers
from channels_.contract import (
    Adapter,
    Call,
    Exchange,
    Notice,
    NoticeKind,
    Outcome,
    Setup,
    StatusAsk,
    Wire,
)
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import Paise

OURS = "26H18-3RZ7K2MQ-4TX2"
ANOTHER = "26H18-9XA0C1DE-7FG3"


def read(asked: StatusAsk, *, reference: str, order_ref: str, channel_ref: str) -> Sequence[Notice]:
    """What is believed when the partner answers with a payment of these names."""
    told = Notice(
        kind=NoticeKind.PAYMENT,
        event="status",
        outcome=Outcome.SUCCEEDED,
        reference=reference,
        order_ref=order_ref,
        channel_ref=channel_ref,
        amount_paise=Paise(100),
    )
    status = Exchange[StatusAsk, Sequence[Notice]](
        lambda _asked, _setup: Call(url=""), lambda _wire, _setup, _asked: [told]
    )
    adapter = Adapter(code="sample", title="Sample", status=status, call_secret_names=("key",))
    return answers.read_status(adapter, Wire(b""), Setup(), asked)


@pytest.mark.parametrize(
    "names",
    [
        {"reference": OURS, "order_ref": "", "channel_ref": "M9"},  # another attempt at it
        {"reference": OURS.replace("-", "").lower(), "order_ref": "", "channel_ref": "M1"},
        {"reference": "", "order_ref": "O1", "channel_ref": "M9"},
        {"reference": "", "order_ref": "", "channel_ref": "M1"},
        # The second payment of one order: the order carries the reference of the first.
        {"reference": ANOTHER, "order_ref": "O1", "channel_ref": "M1"},
    ],
)
def test_the_payment_that_was_asked_for_is_believed(names) -> None:
    asked = StatusAsk(reference=OURS, order_ref="O1", channel_ref="M1", amount_paise=Paise(100))

    assert len(read(asked, **names)) == 1


@pytest.mark.parametrize(
    "names",
    [
        {"reference": ANOTHER, "order_ref": "", "channel_ref": "M1"},
        {"reference": ANOTHER, "order_ref": "O1", "channel_ref": "M9"},
        {"reference": ANOTHER, "order_ref": "O9", "channel_ref": "M1"},
        {"reference": "", "order_ref": "O9", "channel_ref": "M9"},
    ],
)
def test_a_payment_of_other_names_is_not(names) -> None:
    asked = StatusAsk(reference=OURS, order_ref="O1", channel_ref="M1", amount_paise=Paise(100))

    with pytest.raises(Malformed, match="another payment"):
        read(asked, **names)
