"""JSON that two readers could understand in two ways is refused."""

import json
import time

import pytest

from channels_ import json_strict
from channels_.contract import Unreadable


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": "\\u0000"}',
        b'{"a": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\xff"}',
        b"[" * 33 + b"]" * 33,
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": 1e999999999}',
        b'{"a": 1e-999999999}',
        b'{"a": 1e99999999999999999999}',  # more than Decimal itself can hold
        b'{"a": -1E-99999999999999999999}',
    ],
)
def test_what_is_ambiguous_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        json_strict.loads(body)


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2, {"b": "₹ और {[\\"}]},
        ["[" * 50, "{" * 50],
        [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],
        "plain",
        {"a": "\u2028 😀"},
    ],
)
def test_what_is_plain_is_read(value: object) -> None:
    assert json_strict.loads(json.dumps(value).encode()) == value


@pytest.mark.parametrize("end", ["", "\\", '"', '"]'])
def test_a_text_that_never_ends_is_refused_at_once(end: str) -> None:
    """Anybody may send this to a door that reads before it can prove: it must cost nothing."""
    body = ("[" + "[]," * 40 + '"' + '\\"' * 120_000 + end).encode()

    began = time.process_time()
    if end == '"]':
        json_strict.loads(body)
    else:
        with pytest.raises(Unreadable):
            json_strict.loads(body)

    assert time.process_time() - began < 1


def test_a_fraction_is_never_a_float() -> None:
    assert str(json_strict.loads(b'{"a": 1.10}')["a"]) == "1.10"
