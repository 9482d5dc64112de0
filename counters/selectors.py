"""Reading the counters. ``*_visible_to(user)`` is the only door to a row."""

from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from counters.models import (
    Bag,
    CashMove,
    CashRule,
    Collection,
    CollectionLine,
    CounterfeitNote,
    Device,
    Difference,
    Instrument,
    OfficeDay,
    OfflineItem,
    ReturnCharge,
    Sheet,
    Shift,
    SurchargeRate,
    SurpriseCheck,
)
from counters.policy import paths_above
from counters.states import ShiftState
from people.access import Somebody, has_role, offices_of, roles_of, sees_everything
from people.models import Office, User
from people.roles import CLERK, SUPERVISOR

Row = TypeVar("Row", bound=Model)


def office_days_visible_to(user: Somebody) -> QuerySet[OfficeDay]:
    """Days of the user's offices."""
    return of_offices(OfficeDay.objects.all(), user, "office")


def shifts_visible_to(user: Somebody) -> QuerySet[Shift]:
    """Shifts of the user's offices; a clerk's own only."""
    return _own(of_offices(Shift.objects.all(), user, "counter__office"), user, "clerk")


def collections_visible_to(user: Somebody) -> QuerySet[Collection]:
    """Hand-overs at the counters of the user's offices; a clerk's own only."""
    return _own(of_offices(Collection.objects.all(), user, "counter__office"), user, "clerk")


def cash_moves_visible_to(user: Somebody) -> QuerySet[CashMove]:
    """Moves of cash of the user's offices; a clerk's are those of their own drawers and floats."""
    rows = of_offices(CashMove.objects.all(), user, "office_day__office")
    if not _is_clerk_only(user):
        return rows
    mine = Q(from_shift__clerk=user) | Q(to_shift__clerk=user) | Q(receiver=user)
    return rows.filter(mine | Q(kind=CashMove.Kind.FLOAT, receiver__isnull=True))


def differences_visible_to(user: Somebody) -> QuerySet[Difference]:
    """Over and short of the shifts the user sees."""
    return Difference.objects.filter(shift__in=shifts_visible_to(user))


def checks_visible_to(user: Somebody) -> QuerySet[SurpriseCheck]:
    """Surprise checks of the user's offices; never for a clerk."""
    rows = of_offices(SurpriseCheck.objects.all(), user, "office_day__office")
    return rows.none() if _is_clerk_only(user) else rows


def counterfeits_visible_to(user: Somebody) -> QuerySet[CounterfeitNote]:
    """The register of counterfeit notes of the user's offices; a clerk's own entries only."""
    rows = of_offices(CounterfeitNote.objects.all(), user, "shift__counter__office")
    return _own(rows, user, "shift__clerk")


def instruments_visible_to(user: Somebody) -> QuerySet[Instrument]:
    """Papers of the user's offices; not those that a clerk is counting blind at this moment."""
    rows = of_offices(Instrument.objects.all(), user, "office")
    if sees_everything(user) or not isinstance(user, User):
        return rows
    return rows.exclude(collection__shift__clerk=user, collection__shift__state=ShiftState.COUNTING)


def devices_visible_to(user: Somebody) -> QuerySet[Device]:
    """Windows of the user's offices that may work offline."""
    return of_offices(Device.objects.all(), user, "counter__office")


def offline_items_visible_to(user: Somebody) -> QuerySet[OfflineItem]:
    """What windows of the user's offices sent; a clerk's are those of their own shifts."""
    rows = of_offices(OfflineItem.objects.all(), user, "device__counter__office")
    return _own(rows, user, "shift__clerk")


def bags_visible_to(user: Somebody) -> QuerySet[Bag]:
    """Bags of the user's offices; never for a clerk."""
    rows = of_offices(Bag.objects.all(), user, "office")
    return rows.none() if _is_clerk_only(user) else rows


def sheets_visible_to(user: Somebody) -> QuerySet[Sheet]:
    """Sheets of bulk payers at the counters of the user's offices; a clerk's own only."""
    return _own(of_offices(Sheet.objects.all(), user, "counter__office"), user, "by")


def cash_rules_visible_to(user: Somebody) -> QuerySet[CashRule]:
    """Rules on cash that hold at an office of the user."""
    rows = CashRule.objects.filter(Q(office__isnull=True) | Q(office__in=_offices_around(user)))
    return rows.select_related("office") if roles_of(user) else rows.none()


def return_charges_visible_to(user: Somebody) -> QuerySet[ReturnCharge]:
    """The tariff holds everywhere, and is no secret to who works here."""
    return ReturnCharge.objects.all() if roles_of(user) else ReturnCharge.objects.none()


def surcharge_rates_visible_to(user: Somebody) -> QuerySet[SurchargeRate]:
    """The same of the surcharge."""
    return SurchargeRate.objects.all() if roles_of(user) else SurchargeRate.objects.none()


def counted_by(user: Somebody) -> QuerySet[Any] | None:
    """Payments in the drawer that this person is counting at the moment: kept from them."""
    if not isinstance(user, User) or not has_role(user, CLERK, SUPERVISOR):
        return None
    theirs = Shift.objects.filter(clerk=user, state=ShiftState.COUNTING)
    keys = list(theirs.values_list("pk", flat=True))
    if not keys:
        return None
    lines = CollectionLine.objects.filter(collection__shift__in=keys)
    return lines.values("payment_id")


def of_offices(rows: QuerySet[Row], user: Somebody, path: str) -> QuerySet[Row]:
    """Rows of the user's offices; all for who sees everything."""
    if sees_everything(user):
        return rows
    return rows.filter(**{f"{path}__in": offices_of(user)})


def _offices_around(user: Somebody) -> QuerySet[Office]:
    """The user's offices with all above them."""
    mine = offices_of(user)
    if sees_everything(user):
        return mine
    paths = {path for office in mine for path in paths_above(office)}
    return Office.objects.filter(path__in=paths)


def _own(rows: QuerySet[Row], user: Somebody, path: str) -> QuerySet[Row]:
    return rows.filter(**{path: user}) if _is_clerk_only(user) else rows


def _is_clerk_only(user: Somebody) -> bool:
    return not sees_everything(user) and not has_role(user, SUPERVISOR)
