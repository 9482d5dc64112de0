"""Wrong folders and half-configured channels are found at start, not at the first payment."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from channels_.checks import channels_are_complete
from channels_.contract import Adapter
from channels_.models import ChannelSecret
from channels_.registry import adapters, formats_of, read_folder
from tests import factories as make


def folder(tmp_path: Path, name: str, source: str, monkeypatch) -> tuple[str, list[str]]:
    package = tmp_path / f"sample_{name}"
    (package / name).mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / name / "__init__.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    return package.name, [str(package)]


def test_every_adapter_is_found_by_its_folder() -> None:
    assert {"bank_transfer", "counter", "razorpay"} <= set(adapters())
    assert adapters()["counter"].capabilities == frozenset()
    assert {"notices", "statements", "refund"} <= adapters()["razorpay"].capabilities
    assert {one.code for one in formats_of("razorpay")} == {
        one.code for one in adapters()["razorpay"].formats
    }


def test_a_folder_that_is_called_otherwise_than_its_adapter_stops_the_start(
    tmp_path, monkeypatch
) -> None:
    source = "from channels_.contract import Adapter\nADAPTER = Adapter(code='b', title='B')\n"

    with pytest.raises(ImproperlyConfigured, match="calls its adapter 'b'"):
        read_folder(*folder(tmp_path, "a_named_wrong", source, monkeypatch))


def test_a_folder_without_an_adapter_stops_the_start(tmp_path, monkeypatch) -> None:
    with pytest.raises(ImproperlyConfigured, match="has no ADAPTER"):
        read_folder(*folder(tmp_path, "an_empty_one", "", monkeypatch))


def test_a_parser_without_a_verifier_cannot_exist() -> None:
    with pytest.raises(TypeError, match="come together"):
        Adapter(code="x", title="X", parse=lambda _inbound, _setup: [])


@pytest.mark.django_db
def test_channels_that_cannot_work_are_named() -> None:
    make.ChannelFactory(code="lost", adapter="nobody")
    silent = make.RazorpayFactory(code="silent")
    make.RazorpayFactory(code="complete")
    asleep = make.RazorpayFactory(code="asleep", is_live=False)
    ChannelSecret.objects.filter(channel__in=[silent, asleep]).delete()

    faults = channels_are_complete(databases=["default"])

    assert [(fault.id, fault.msg) for fault in faults] == [
        ("channels.E002", "channel lost: no adapter is called 'nobody'"),
        ("channels.E003", "channel silent is live without webhook_secret"),
    ]
    assert channels_are_complete(databases=None) == []
