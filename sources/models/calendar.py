"""The days on which banks do not settle, beside Sundays and the second and fourth Saturdays."""

import uuid

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q


class Holiday(models.Model):
    """A bank holiday, of one state or of the whole country."""

    day = models.DateField()
    name = models.CharField(max_length=80)
    state = models.CharField(
        max_length=2, blank=True, default="", validators=[RegexValidator(r"\A([A-Z]{2})?\Z")]
    )  # two letters, as on number plates; "" is every state

    class Meta:
        ordering = ["day", "state"]
        constraints = [
            models.UniqueConstraint(fields=["day", "state"], name="holiday_once"),
            models.CheckConstraint(
                condition=Q(state__regex=r"^([A-Z]{2})?$"), name="holiday_state_known"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="holiday_has_a_name"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.state or '*'} {self.name}"


class CalendarVersion(models.Model):
    """One row, whose token the database makes anew with every change of a holiday.

    No number: one that was rolled back would come again with other days behind it.
    """

    token = models.UUIDField(default=uuid.uuid4)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="calendar_version_is_one")]

    def __str__(self) -> str:
        return str(self.token)
