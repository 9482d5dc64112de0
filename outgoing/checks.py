"""System checks: what is said about the connections can be used."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from outgoing import mail, sms


@register()
def connections_are_described(**_: Any) -> list[CheckMessage]:
    """The SMS gateway and the mail server are described whole, or not at all."""
    hint = "docs/outgoing.md says what each setting means."
    return [
        Error(words, hint=hint, id="outgoing.E001") for words in [*sms.faults(), *mail.faults()]
    ]
