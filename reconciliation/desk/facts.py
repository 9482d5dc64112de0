"""What a break's facts hold, as it stands in a sentence."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from cspdcl.kernel.money import grouped_rupees

Facts = Mapping[str, Any]


def rupees(facts: Facts, name: str) -> str:
    """An amount without its sign."""
    return grouped_rupees(abs(int(facts.get(name) or 0)))


def day(facts: Facts, name: str) -> str:
    """A day as people write it."""
    text = facts.get(name)
    return f"{date.fromisoformat(text):%d-%m-%Y}" if text else _("now")
