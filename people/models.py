"""Staff and machines, the offices they work in, and the record of what they did."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device, ThrottlingMixin

from cspdcl.kernel.clock import now
from people import second_factor


class Office(models.Model):
    """One office of the company; ``path`` names all its parents, so a subtree is one prefix."""

    class Kind(models.TextChoices):
        COMPANY = "company", _("Company")
        REGION = "region", _("Region")
        CIRCLE = "circle", _("Circle")
        DIVISION = "division", _("Division")
        SUB_DIVISION = "sub_division", _("Sub-division")
        ZONE = "zone", _("Zone / DC")

    code = models.CharField(max_length=24, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=Kind)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children"
    )
    path = models.CharField(max_length=200, unique=True)  # "/CSPDCL/RPR/RPR-CITY/": ends with /

    class Meta:
        permissions = [("work_in_office", "May work in this office and the offices below it")]
        constraints = [
            models.CheckConstraint(
                condition=Q(path__startswith="/", path__endswith="/"), name="office_path_is_closed"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Creates users; a superuser comes from ``configure`` or ``createsuperuser`` only."""

    def create_user(self, username: str, password: str | None = None, **fields: object) -> "User":
        """Create a user; without a password they cannot sign in."""
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str, **fields: object) -> "User":
        """Create an administrator of the site."""
        return self.create_user(username, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):  # type: ignore[django-manager-missing]  # of django-otp, untyped
    """A person or a machine that signs in. Roles are groups (roles.py); offices are grants."""

    username = models.CharField(max_length=64, unique=True)
    full_name = models.CharField(max_length=120)
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    is_demo = models.BooleanField(
        default=False
    )  # made by the demo; production refuses to sign them in
    language = models.CharField(max_length=5, default="en", choices=settings.LANGUAGES)
    joined_at = models.DateTimeField(default=now)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["full_name"]
    objects = UserManager()

    def __str__(self) -> str:
        return self.full_name or self.username

    def get_full_name(self) -> str:
        """The name that pages show."""
        return self.full_name or self.username


class ApiKey(models.Model):
    """A key with which a machine calls the API; only its digest is kept."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, unique=True)  # shown, so that a key can be named
    digest = models.CharField(max_length=64)  # sha256, hex, of the whole key
    created_at = models.DateTimeField(default=now)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class SecondFactor(ThrottlingMixin, Device):  # type: ignore[misc]  # django-otp has no types
    """A user's phone that shows codes. Its seed is encrypted; a code counts once.

    Every wrong code makes the next try wait twice as long.
    """

    sealed = models.BinaryField()  # second_factor.seal, bound to the user
    drift = models.SmallIntegerField(default=0)  # steps by which the phone's clock differs
    last_step = models.BigIntegerField(default=-1)  # of the last right code: no older one counts

    def __str__(self) -> str:
        return f"{self.name} of {self.user_id}"

    @property
    def seed(self) -> bytes:
        """The secret that the phone knows too."""
        return second_factor.unseal(self.sealed, user_id=self.user_id)

    def verify_token(self, token: str) -> bool:
        """Whether the phone shows this code now; hold the row locked, each code counts once."""
        may_try, _why_not = self.verify_is_allowed()
        if not may_try:
            return False
        found = second_factor.match(
            token, seed=self.seed, drift=self.drift, last_step=self.last_step
        )
        if found is None:
            self.throttle_increment(commit=True)
            return False
        self.last_step, self.drift = found
        self.throttle_reset(commit=False)
        self.save()
        return True

    def get_throttle_factor(self) -> int:
        """Seconds after the first wrong code."""
        return 1


class SignInTally(models.Model):
    """Failed sign-ins of one name, counted under a row lock so that parallel guesses count too."""

    username = models.CharField(max_length=64, unique=True)
    failures = models.PositiveIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.username


class AuditEvent(models.Model):
    """One write by a person or one change of configuration. Append-only; sealed afterwards.

    Written in the transaction of the change; ``seq``, ``prev_hash`` and ``hash`` are filled by the
    sealer, so that the chain never makes a payment wait (reliability: seal asynchronously).
    """

    at = models.DateTimeField(default=now)
    actor = models.CharField(max_length=80)  # the user name, or "system"
    action = models.CharField(max_length=60)  # "payment.cancelled", "rule.changed"
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=80)  # our reference or code, never a person's data
    office = models.ForeignKey(Office, on_delete=models.PROTECT, null=True, related_name="+")
    payload = models.JSONField(default=dict)  # before and after, without personal data
    seq = models.BigIntegerField(null=True, unique=True)
    prev_hash = models.BinaryField(null=True)
    hash = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(seq__isnull=True, hash__isnull=True, prev_hash__isnull=True)
                | Q(seq__isnull=False, hash__isnull=False, prev_hash__isnull=False),
                name="audit_event_sealed_whole_or_not",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(seq__isnull=True), name="audit_event_unsealed"),
            models.Index(fields=["object_type", "object_id"], name="audit_event_object"),
            models.Index(fields=["-at"], name="audit_event_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"

    @property
    def changes(self) -> list[tuple[str, Any, Any]]:
        """What the payload says was changed: name, before, after; None where a side is silent."""
        before, after = self.payload.get("before", {}), self.payload.get("after", {})
        names = [*before, *(name for name in after if name not in before)]
        return [(name, before.get(name), after.get(name)) for name in names]


class AuditHead(models.Model):
    """Where the chain ends now; its one row also elects the one sealer."""

    seq = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="audit_head_is_one_row")]

    def __str__(self) -> str:
        return f"head at {self.seq}"


class AuditAnchor(models.Model):
    """A signed statement of where the chain stood; copies leave the database's host."""

    seq = models.BigIntegerField()
    hash = models.BinaryField()
    at = models.DateTimeField(default=now)
    key_id = models.CharField(max_length=32)
    signature = models.BinaryField()

    def __str__(self) -> str:
        return f"anchor at {self.seq}"


class Heartbeat(models.Model):
    """When a part of the system last said that it lives, by name."""

    name = models.CharField(max_length=40, unique=True)
    at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return self.name
