"""System checks: adapters load, each channel names one, each live channel has its secrets."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections

from channels_ import registry
from channels_.models import Channel, ChannelSecret
from channels_.secrets import missing_secrets


@register()
def adapters_load(**_: Any) -> list[CheckMessage]:
    """Every folder of adapters holds an adapter of its own name."""
    try:
        registry.adapters()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="channels.E001")]
    return []


@register(Tags.database)
def channels_are_complete(
    *, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """The configured channels can do their work."""
    if not databases or not _is_migrated():
        return []
    faults: list[CheckMessage] = []
    for channel in Channel.objects.order_by("code"):
        if channel.adapter not in registry.adapters():
            faults.append(
                Error(
                    f"channel {channel.code}: no adapter is called {channel.adapter!r}",
                    hint=f"Known: {', '.join(sorted(registry.adapters()))}.",
                    id="channels.E002",
                )
            )
        elif channel.is_live and (missing := missing_secrets(channel)):
            faults.append(
                Error(
                    f"channel {channel.code} is live without {', '.join(missing)}",
                    hint="Give the secrets with `manage.py configure`, or switch it off.",
                    id="channels.E003",
                )
            )
    return faults


def _is_migrated() -> bool:
    """Before the first migration, and between two versions, there is nothing to check yet."""
    connection = connections["default"]
    try:
        with connection.cursor() as cursor:
            tables = connection.introspection.table_names(cursor)
            return all(
                model._meta.db_table in tables  # noqa: SLF001 - Django's public name for it
                and {one.column for one in model._meta.concrete_fields}  # noqa: SLF001
                <= {
                    one.name
                    for one in connection.introspection.get_table_description(
                        cursor,
                        model._meta.db_table,  # noqa: SLF001
                    )
                }
                for model in (Channel, ChannelSecret)
            )
    except DatabaseError:
        return False
