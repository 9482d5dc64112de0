"""Partners are called by the one client of the house; adapters read what came back."""

from channels_.contract import Call, Wire
from cspdcl.kernel import http
from cspdcl.kernel.http import Limits


def send(call: Call, *, api_url: str, limits: Limits | None = None) -> Wire:
    """Send one call to the partner whose API is at ``api_url`` and answer what came back.

    Raises NotAllowed or NotSent when nothing was written, NoAnswer when anything was.
    """
    answer = http.send(call, api_url=api_url, limits=limits)
    return Wire(answer.body, answer.status, answer.headers)
