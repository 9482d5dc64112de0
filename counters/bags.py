"""The sealed bag that carries slips to the bank, and the bank's stamp that comes back."""

from collections.abc import Collection
from typing import ClassVar

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from attachments.models import Attachment
from counters import seconds
from counters.models import Bag, Slip
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from payments.models import Deposit
from people import audit
from people.models import Office, User
from people.roles import SUPERVISOR


class NotInBag(DomainError):
    """The bag or the stamp cannot be noted like this."""

    code: ClassVar[str] = "bag_refused"


@transaction.atomic
def seal(office: Office, *, number: str, slips: Collection[Slip], by: User) -> Bag:
    """Put slips of an office into a bag with the number on its seal."""
    seconds.check_role(by, office=office, roles=(SUPERVISOR,))
    number = " ".join(number.upper().split())
    if not number or not slips:
        raise NotInBag(_("A bag has the number of its seal, and slips in it."))
    keys = [slip.pk for slip in slips]
    rows = list(
        Slip.objects.select_for_update(of=("self",))
        .select_related("deposit")
        .filter(pk__in=keys)
        .order_by("pk")
    )
    for slip in rows:
        if slip.deposit.office_id != office.pk or slip.bag_id is not None or slip.stamped_at:
            words = _("Slip %(slip)s is in another bag, or at the bank.")
            raise NotInBag(words % {"slip": slip.deposit.reference})
    try:
        with transaction.atomic():
            bag = Bag.objects.create(number=number, office=office, sealed_by=by)
    except IntegrityError as error:
        words = _("The seal %(number)s was used before.")
        raise NotInBag(words % {"number": number}) from error
    Slip.objects.filter(pk__in=keys).update(bag=bag)
    names = [slip.deposit.reference for slip in rows]
    audit.record(by, "bag.sealed", bag, after={"number": number, "slips": names}, office=office)
    return bag


@transaction.atomic
def hand_over(bag: Bag, *, carrier: str, by: User) -> Bag:
    """Note who carries the bag to the bank, once."""
    held = _held(bag, by=by)
    if not carrier.strip():
        raise NotInBag(_("Say who carries the bag."))
    if held.state != Bag.State.SEALED:
        if held.carrier == carrier.strip():
            return held
        raise NotInBag(_("The bag was handed over already."))
    held.state, held.carrier, held.handed_over_at = (
        Bag.State.HANDED_OVER,
        carrier.strip()[:120],
        now(),
    )
    held.save(update_fields=["state", "carrier", "handed_over_at"])
    audit.record(by, "bag.handed_over", held, after={"carrier": held.carrier}, office=held.office)
    return held


@transaction.atomic
def stamp(deposit: Deposit, *, by: User, bank_ref: str, stamped: Attachment | None = None) -> Slip:
    """Note that the bank took a slip: its reference, and the stamped paper when there is one.

    A bag whose slips all came back stamped has arrived. A better picture may replace the first.
    """
    seconds.check_role(by, office=deposit.office, roles=(SUPERVISOR,))
    rows = Slip.objects.select_for_update(of=("self",)).select_related("bag")
    slip = rows.get(deposit=deposit)
    if slip.bag is not None and slip.bag.state == Bag.State.SEALED:
        raise NotInBag(_("Its bag has not left yet: note first who carries it."))
    if not bank_ref.strip() and stamped is None and slip.stamped_id is None:
        raise NotInBag(_("Give the bank's reference, or a picture of the stamped slip."))
    if stamped is not None and stamped.office_id != deposit.office_id:
        raise NotInBag(_("The picture is of another office."))
    slip.bank_ref = bank_ref.strip()[:40] or slip.bank_ref
    slip.stamped = stamped or slip.stamped
    slip.stamped_at, slip.stamped_by = slip.stamped_at or now(), slip.stamped_by or by
    slip.save(update_fields=["bank_ref", "stamped", "stamped_at", "stamped_by"])
    facts = {"bank_ref": slip.bank_ref, "picture": str(stamped.public_id) if stamped else None}
    audit.record(by, "slip.stamped", slip, after=facts, office=deposit.office)
    if slip.bag is not None:
        _receive(slip.bag)
    return slip


def _receive(bag: Bag) -> None:
    held = Bag.objects.select_for_update(of=("self",)).get(pk=bag.pk)
    if held.state != Bag.State.HANDED_OVER or held.slips.filter(stamped_at=None).exists():
        return
    held.state, held.receipted_at = Bag.State.RECEIPTED, now()
    held.save(update_fields=["state", "receipted_at"])


def _held(bag: Bag, *, by: User) -> Bag:
    held = Bag.objects.select_for_update(of=("self",)).select_related("office").get(pk=bag.pk)
    seconds.check_role(by, office=held.office, roles=(SUPERVISOR,))
    return held
