"""A partner of the tests: an agency with key and float, and a client that signs as one does."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from agencies import doors, floats
from agencies.capabilities import EVERY
from agencies.keys import put as put_key
from agencies.models import Agency, AgencyKey, FloatAccount, FloatChange
from channels_.adapters.agency.signing import signature, words_to_sign
from channels_.adapters.agency.simulate import KEY
from channels_.adapters.agency.simulate import SECRET as SECRET_NAME
from channels_.models import Channel
from cspdcl.kernel.clock import now
from people import actions as people_actions
from people.models import User
from tests import factories as make

SECRET = "a secret of tests, long enough"
ROOT = "/partner/v1/"


def make_agency(
    code: str = "atp", *, float_paise: int = 10_000_000, credit_paise: int = 0, **more: Any
) -> Agency:
    """An agency with a channel of its own, a key that may everything, and money on its float."""
    channel = make.ChannelFactory(
        code=code, adapter="agency", route=Channel.Route.SETTLEMENT, receipt_series=code.upper()
    )
    agency = Agency.objects.create(
        code=code, name=code.title(), kind=Agency.Kind.ATP, channel=channel, **more
    )
    account = FloatAccount.objects.create(
        agency=agency,
        kind="credit" if credit_paise else "prepaid",
        credit_limit_paise=credit_paise,
    )
    make_key(agency)
    if float_paise:
        top_up(account, float_paise)
    doors.forget()
    return agency


def install_agency(channel: Channel, keys: Mapping[str, str]) -> Agency:
    """An agency on ample credit for a channel that is played, with the keys of its simulation."""
    agency = Agency.objects.create(
        code=channel.code, name=channel.name, kind=Agency.Kind.OTHER, channel=channel
    )
    FloatAccount.objects.create(agency=agency, kind="credit", credit_limit_paise=10**12)
    put_key(
        agency,
        key_id=keys[KEY],
        secret=keys[SECRET_NAME],
        capabilities=EVERY,
        addresses=(),
        actor="test",
    )
    doors.forget()
    return agency


def make_key(agency: Agency, **more: Any) -> AgencyKey:
    """A key of the agency, named after it unless told otherwise."""
    key_id = more.pop("key_id", f"ak_{agency.code}")
    return AgencyKey.objects.create(
        agency=agency,
        key_id=key_id,
        sealed=doors.seal(SECRET, key_id=key_id),
        **{"capabilities": list(EVERY), **more},
    )


def finance(name: str) -> User:
    """A finance officer of this name."""
    user, _made = User.objects.get_or_create(username=name, defaults={"full_name": name})
    people_actions.set_roles(user, {"finance_officer"})
    return user


def top_up(account: FloatAccount, amount_paise: int) -> None:
    """Money on a float, by two persons."""
    change = floats.propose(
        account,
        kind=FloatChange.Kind.TOP_UP,
        amount_paise=amount_paise,
        utr=f"UTR{secrets.token_hex(8).upper()}",
        why="paid in",
        maker=finance("maker"),
    )
    floats.approve(change, checker=finance("checker"))


@dataclass
class Partner:
    """Signs and sends; every part of a request can be made wrong."""

    key_id: str = "ak_atp"
    secret: str = SECRET
    client: Client = field(default_factory=Client)

    def get(self, path: str, **more: Any) -> Any:
        """A signed GET."""
        return self.send("GET", path, **more)

    def post(self, path: str, body: Any = None, *, key: str | None = None, **more: Any) -> Any:
        """A signed POST with an Idempotency-Key, a fresh one unless it is given."""
        given = {"Idempotency-Key": secrets.token_hex(16) if key is None else key}
        content = json.dumps({} if body is None else body).encode()
        return self.send("POST", path, content, headers=given, **more)

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        timestamp: str | None = None,
        nonce: str | None = None,
        signed_path: str | None = None,
        signed_body: bytes | None = None,
        **meta: Any,
    ) -> Any:
        """Send a request, signed as it is unless another path or body is to be signed."""
        target = ROOT + path
        moment = timestamp or str(int(now().timestamp()))
        once = nonce or secrets.token_hex(16)
        words = words_to_sign(
            method,
            ROOT + signed_path if signed_path is not None else target,
            moment,
            once,
            body if signed_body is None else signed_body,
        )
        signed = {
            "X-Agency-Key": self.key_id,
            "X-Timestamp": moment,
            "X-Nonce": once,
            "X-Signature": signature(self.secret, words),
        }
        return self.client.generic(
            method,
            target,
            body,
            content_type="application/json",
            headers={**signed, **(headers or {})},
            **meta,
        )


def asked(consumer: Any, txn_id: str = "T1", **more: Any) -> dict[str, Any]:
    """A payment as a machine asks for it."""
    return {
        "txn_id": txn_id,
        "consumer_number": consumer.number,
        "amount_paise": 50_000,
        "method": "cash",
        **more,
    }
