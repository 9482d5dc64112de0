"""What the counters keep, by subject. ``Counter`` and ``Deposit`` are in payments."""

from counters.models.bank import Bag, Slip
from counters.models.bulk import Sheet, SheetRow
from counters.models.collections import Collection, CollectionLine, Override
from counters.models.instruments import (
    ChequeBar,
    Instrument,
    InstrumentEvent,
    LegalNotice,
    ReturnFile,
    ReturnLine,
    Share,
)
from counters.models.offline import Device, NumberRange, OfflineItem
from counters.models.policy import CashRule, OfficePolicy, ReturnCharge, SurchargeRate
from counters.models.shifts import (
    CashMove,
    CounterfeitNote,
    Difference,
    DrawerCount,
    OfficeDay,
    SafeCount,
    Shift,
    SurpriseCheck,
)

__all__ = [
    "Bag",
    "CashMove",
    "CashRule",
    "ChequeBar",
    "Collection",
    "CollectionLine",
    "CounterfeitNote",
    "Device",
    "Difference",
    "DrawerCount",
    "Instrument",
    "InstrumentEvent",
    "LegalNotice",
    "NumberRange",
    "OfficeDay",
    "OfficePolicy",
    "OfflineItem",
    "Override",
    "ReturnCharge",
    "ReturnFile",
    "ReturnLine",
    "SafeCount",
    "Share",
    "Sheet",
    "SheetRow",
    "Shift",
    "Slip",
    "SurchargeRate",
    "SurpriseCheck",
]
