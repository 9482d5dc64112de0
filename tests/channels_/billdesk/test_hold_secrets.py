"""A spare secret: a channel does without it, and has it in force once it is given."""

import pytest

from channels_.secrets import call_secrets_of, missing_secrets, secrets_of, set_secret
from tests import factories as make


@pytest.mark.django_db
def test_the_encryption_key_is_not_needed() -> None:
    channel = make.ChannelFactory(code="billdesk", adapter="billdesk")

    assert missing_secrets(channel) == ["signing_key"]
    assert secrets_of(channel) == []
    set_secret(channel, name="signing_key", value="one", actor="test")
    assert missing_secrets(channel) == []
    assert secrets_of(channel) == [{"signing_key": "one", "encryption_key": ""}]
    assert call_secrets_of(channel) == {"signing_key": "one"}


@pytest.mark.django_db
def test_the_encryption_key_is_rotated_when_it_is_there() -> None:
    channel = make.ChannelFactory(code="billdesk", adapter="billdesk")
    set_secret(channel, name="signing_key", value="one", actor="test")
    set_secret(channel, name="encryption_key", value="old", actor="test")
    set_secret(channel, name="encryption_key", value="new", actor="test")

    assert [found["encryption_key"] for found in secrets_of(channel)] == ["new", "old"]
    assert call_secrets_of(channel) == {"signing_key": "one", "encryption_key": "new"}
