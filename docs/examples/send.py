"""Send one file to the system, as a channel or an integrator does; Python's own library is enough.

    python send.py URL FILE ["Name: value" ...] [--sign HEADER SECRET]

The body is the bytes of FILE as they are. --sign adds HEADER with the hex HMAC-SHA256 of these
bytes under SECRET. Printed are the status and the answer; the exit code is 1 from status 400 on.
"""

import argparse
import hashlib
import hmac
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen


def main() -> int:
    """Send, and print what came back."""
    parser = argparse.ArgumentParser(description="Send one file by POST.")
    parser.add_argument("url")
    parser.add_argument("file", type=Path)
    parser.add_argument("headers", nargs="*", help='"Name: value"')
    parser.add_argument("--sign", nargs=2, metavar=("HEADER", "SECRET"))
    asked = parser.parse_args()
    body = asked.file.read_bytes()
    headers = dict(line.split(": ", 1) for line in asked.headers)
    if asked.sign:
        header, secret = asked.sign
        headers[header] = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    request = Request(asked.url, body, {"Content-Type": "application/json", **headers})  # noqa: S310 - the address is the caller's
    try:
        with urlopen(request, timeout=30) as answer:  # noqa: S310 - the same
            status, text = answer.status, answer.read().decode()
    except HTTPError as refused:
        status, text = refused.code, refused.read().decode()
    sys.stdout.write(f"{status} {text}\n")
    return 1 if status >= 400 else 0


if __name__ == "__main__":
    sys.exit(main())
