"""The first files of a new channel: an adapter that refuses everything, and a test that fails.

The test stays red until the adapter reads the first captured message as its golden file says.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{1,23}")

_INIT: Final = '''"""{title}: say here which protocol and version it speaks.

How it signs, what identifies a payment, what is agreed by configuration, what nobody has confirmed.
"""

from channels_.adapters.{code}.notices import SECRET, parse, verify
from channels_.contract import Adapter

ADAPTER = Adapter(
    code="{code}",
    title="{title}",
    verify=verify,
    parse=parse,
    secret_names=(SECRET,),
)
'''

_NOTICES: Final = '''"""What {title} tells us: nothing is believed until this is written."""

from collections.abc import Sequence
from typing import Final

from channels_.contract import Inbound, Notice, Setup, Unreadable
from cspdcl.kernel.errors import Unverified

SECRET: Final = "notice_key"  # noqa: S105 - the name of the secret, not the secret


def verify(inbound: Inbound, setup: Setup) -> None:
    """Prove who sent the raw body; raise Unverified whenever in doubt."""
    raise Unverified("{code} cannot prove a sender yet")


def parse(inbound: Inbound, setup: Setup) -> Sequence[Notice]:
    """The facts of one message; Unreadable for a wrong shape, Malformed for a wrong value."""
    raise Unreadable("{code} reads no message yet")
'''


def files_of(code: str, title: str) -> Mapping[Path, str]:
    """The files of a new channel by their place in the project; ValueError for a wrong code."""
    if not _CODE.fullmatch(code):
        raise ValueError("expected a code of 2 to 24 small letters, digits and _, a letter first")
    adapter, tests = Path("channels_/adapters", code), Path("tests/channels_", code)
    notice = {
        "kind": "payment",
        "event": "replace this",
        "outcome": "succeeded",
        "channel_ref": "T0001",
        "amount_paise": 100,
        "occurred_at": "2026-08-18T12:00:00+05:30",
    }
    return {
        adapter / "__init__.py": _INIT.format(code=code, title=title),
        adapter / "notices.py": _NOTICES.format(code=code, title=title),
        tests / "__init__.py": "",
        tests / "secrets.json": json.dumps({"notice_key": "golden notice key"}, indent=2) + "\n",
        tests / "first_payment.body": '{"replace": "by the bytes of a captured message"}',
        tests / "first_payment.headers": json.dumps({"content-type": "application/json"}) + "\n",
        tests / "first_payment.expected": json.dumps([notice], indent=2) + "\n",
    }
