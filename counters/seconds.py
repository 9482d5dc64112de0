"""The second person: looked up when they decide, in the transaction of their decision."""

from collections.abc import Iterable
from typing import ClassVar

from django.utils.translation import gettext as _

from cspdcl.kernel.errors import DomainError
from people.access import has_role, offices_of
from people.models import Office, User
from people.roles import SUPERVISOR


class NotYours(DomainError):
    """Who decides has not the role, or not in this office."""

    code: ClassVar[str] = "not_yours_to_decide"


def check_supervises(by: User, *, office: Office) -> None:
    """Refuse who is no supervisor of the office at this moment, whatever their page still shows."""
    if not _works(by, office=office, roles=(SUPERVISOR,)):
        raise NotYours(_("A supervisor of this office decides that."))


def check_role(by: User, *, office: Office, roles: Iterable[str]) -> None:
    """The same for any roles."""
    if not _works(by, office=office, roles=roles):
        raise NotYours(_("This is for other people of the office."))


def check_second(
    by: User, *, office: Office, roles: Iterable[str], but: Iterable[int | None]
) -> None:
    """The same, and never one of those (by id) who had a part in it before."""
    if by.pk in set(but):
        raise NotYours(_("A second person must do this."))
    check_role(by, office=office, roles=roles)


def _works(by: User, *, office: Office, roles: Iterable[str]) -> bool:
    fresh = User.objects.get(pk=by.pk)
    return has_role(fresh, *roles) and offices_of(fresh).filter(pk=office.pk).exists()
