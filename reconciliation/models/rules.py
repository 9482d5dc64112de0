"""How entries are matched: rules as rows, a version each."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cspdcl.kernel.clock import now
from reconciliation.models.books import Leg


class Rule(models.Model):
    """One version of one way to match, as data; compiled to SQL from closed enums only."""

    class Cardinality(models.TextChoices):
        ONE_TO_ONE = "one_to_one", _("one to one")
        MANY_TO_ONE = "many_to_one", _("many to one credit")
        NIL = "nil", _("a settlement that pays nothing")
        CARRIED = "carried", _("a settlement with what was carried on")
        IN_PARTS = "in_parts", _("a settlement in several credits")

    code = models.SlugField(max_length=32)
    version = models.PositiveSmallIntegerField(default=1)
    priority = models.PositiveSmallIntegerField()
    leg = models.CharField(max_length=16, choices=Leg)
    key = models.CharField(max_length=16)  # a member of rules.Key
    cardinality = models.CharField(max_length=12, choices=Cardinality)
    tolerance_paise = models.PositiveIntegerField(default=0)  # for rounding only
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "version"], name="rule_version_once"),
            models.UniqueConstraint(
                fields=["code"], condition=Q(is_active=True), name="rule_one_active_version"
            ),
            models.CheckConstraint(
                condition=Q(tolerance_paise__lte=100), name="rule_tolerance_is_rounding"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"
