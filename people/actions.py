"""Every write to people, by themselves or by an administrator."""

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.db import transaction
from django_otp import devices_for_user
from guardian.shortcuts import assign_perm, get_objects_for_user, remove_perm

from people import audit, second_factor
from people.access import WORK_IN_OFFICE
from people.models import Office, SecondFactor, User
from people.roles import ROLES, group_of


@transaction.atomic
def change_password(user: User, *, password: str) -> None:
    """Set a person's new password; other sessions of theirs end."""
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record(user, "user.password_changed", user)


@transaction.atomic
def change_language(user: User, *, language: str) -> None:
    """Remember the language a person reads; the same again changes nothing."""
    if user.language == language:
        return
    before, user.language = user.language, language
    user.save(update_fields=["language"])
    audit.record(
        user,
        "user.language_changed",
        user,
        before={"language": before},
        after={"language": language},
    )


def device_to_enrol(user: User) -> SecondFactor:
    """The unconfirmed second factor of a user, made at the first look and then kept."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        device: SecondFactor
        sealed = second_factor.seal(second_factor.new_seed(), user_id=user.pk)
        device, _made = SecondFactor.objects.get_or_create(
            user=user, confirmed=False, defaults={"name": "phone", "sealed": sealed}
        )
        return device


@transaction.atomic
def device_with(user: User, *, code: str) -> SecondFactor | None:
    """The user's device that shows this code now.

    Its row is locked: each code counts once, and every wrong one makes the next wait longer.
    """
    for device in devices_for_user(user, confirmed=True, for_verify=True):
        if isinstance(device, SecondFactor) and device.verify_token(code):
            return device
    return None


@transaction.atomic
def confirm_device(user: User, device: SecondFactor) -> None:
    """Take a second factor into use after its first right code."""
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    audit.record(user, "user.second_factor_added", user)


@transaction.atomic
def forget_devices(user: User, *, actor: User | str) -> int:
    """Remove a user's second factors, so that they enrol again: a phone was lost."""
    gone, _kinds = SecondFactor.objects.filter(user=user).delete()
    if gone:
        audit.record(actor, "user.second_factor_removed", user)
    return int(gone)


def set_roles(user: User, codes: set[str]) -> None:
    """Give exactly these roles; the caller records it."""
    groups = [group_of(code) for code in sorted(codes)]
    others = Group.objects.filter(name__in=set(ROLES) - codes)
    user.groups.remove(*others)
    user.groups.add(*groups)
    user.is_staff = "administrator" in codes
    user.is_superuser = "administrator" in codes
    user.save(update_fields=["is_staff", "is_superuser"])
    user.__dict__.pop("_role_codes", None)


def path_of(office: Office) -> str:
    """Where an office stands: its parents' codes and its own."""
    return f"{office.parent.path if office.parent else '/'}{office.code}/"


def set_offices(user: User, offices: Iterable[Office]) -> None:
    """Grant exactly these offices; the caller records it."""
    wanted = {office.pk: office for office in offices}
    held = {office.pk: office for office in granted_offices(user)}
    for pk in wanted.keys() - held.keys():
        grant_office(user, wanted[pk])
    for pk in held.keys() - wanted.keys():
        withdraw_office(user, held[pk])


def granted_offices(user: User) -> list[Office]:
    """The offices granted to a user by name, without what is below them."""
    granted = get_objects_for_user(
        user, WORK_IN_OFFICE, klass=Office, accept_global_perms=False, with_superuser=False
    )
    return list(granted.order_by("path"))


def grant_office(user: User, office: Office) -> None:
    """Let a user work in an office and below it; the caller records it."""
    assign_perm(WORK_IN_OFFICE, user, office)


def withdraw_office(user: User, office: Office) -> None:
    """End what ``grant_office`` gave; the caller records it."""
    remove_perm(WORK_IN_OFFICE, user, office)
