"""E-mail by the SMTP server of the settings; the same message has the same Message-ID each time."""

import smtplib
import socket
from collections.abc import Mapping
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

from outgoing.parcels import Parcel, Result
from outgoing.states import Verdict

_FOR_GOOD: Final = 500
_SAID_MAX: Final = 80


def is_connected() -> bool:
    """Whether a server and a sender are named."""
    return bool(settings.EMAIL_HOST and settings.DEFAULT_FROM_EMAIL)


def faults() -> list[str]:
    """What is wrong with the settings, for the check at the start."""
    found = []
    if settings.EMAIL_HOST and "@" not in settings.DEFAULT_FROM_EMAIL:
        found.append("EMAIL_FROM must be the address that e-mail comes from")
    if settings.EMAIL_USE_TLS and settings.EMAIL_USE_SSL:
        found.append("EMAIL_USE_TLS and EMAIL_USE_SSL exclude each other")
    return found


def send(parcel: Parcel) -> Result:
    """Hand one e-mail to the server. Opens a socket; touches no database."""
    letter = EmailMessage(
        subject=parcel.written.subject,
        body=parcel.written.text,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[parcel.to],
        headers=_headers(parcel),
        connection=EmailBackend(),
    )
    try:
        letter.send()
    except smtplib.SMTPRecipientsRefused as error:
        return _refused(error.recipients)
    except smtplib.SMTPSenderRefused as error:
        return Result(Verdict.NOT_TAKEN, f"the server refuses the sender: {error.smtp_code}")
    except smtplib.SMTPDataError as error:
        is_over = error.smtp_code >= _FOR_GOOD
        verdict = Verdict.REFUSED if is_over else Verdict.NOT_TAKEN
        return Result(verdict, f"the server answers {error.smtp_code}")
    except smtplib.SMTPServerDisconnected:
        return Result(Verdict.UNKNOWN, "the server hung up")
    except smtplib.SMTPException as error:
        return Result(Verdict.NOT_TAKEN, f"the server: {type(error).__name__}")
    except (ConnectionRefusedError, socket.gaierror) as error:
        return Result(Verdict.NOT_TAKEN, f"not reached: {type(error).__name__}")
    except OSError as error:
        return Result(Verdict.UNKNOWN, f"no answer: {type(error).__name__}")
    return Result(Verdict.TAKEN, "taken by the mail server", _headers(parcel)["Message-ID"])


def _headers(parcel: Parcel) -> dict[str, str]:
    home = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(" >")
    return {
        "Message-ID": f"<{parcel.public_id}@{home}>",
        "Auto-Submitted": "auto-generated",
        "Content-Language": parcel.language,
    }


def _refused(answers: Mapping[str, tuple[int, bytes]]) -> Result:
    """There is one recipient; the server's words may name them and are left out."""
    code = max((code for code, _words in answers.values()), default=_FOR_GOOD)
    verdict = Verdict.REFUSED if code >= _FOR_GOOD else Verdict.NOT_TAKEN
    return Result(verdict, f"the server refuses the recipient: {code}"[:_SAID_MAX])
