"""A day is played on a clock of its own: in one thread, to the end of its block, nowhere real."""

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from cspdcl.kernel import clock

NOON = datetime(2024, 11, 20, 12, 0, tzinfo=clock.INDIA)


def test_a_played_instant_holds_in_its_block_and_in_its_thread_only():
    elsewhere = []
    with clock.played_at(NOON):
        first, second = clock.now(), clock.now()
        assert NOON < first < second < NOON + timedelta(seconds=10)
        assert first.tzinfo is UTC
        assert clock.today() == NOON.date()
        thread = Thread(target=lambda: elsewhere.append(clock.now()))
        thread.start()
        thread.join()
        with clock.played_at(NOON.replace(hour=13)):
            assert clock.now().astimezone(clock.INDIA).hour == 13
        assert clock.now().astimezone(clock.INDIA).hour == 12
    outside = clock.now()
    assert abs(outside - elsewhere[0]) < timedelta(minutes=1)
    assert outside.date() != NOON.date()


def test_production_has_one_clock(monkeypatch):
    monkeypatch.setenv("CSPDCL_MODE", "production")
    with pytest.raises(RuntimeError, match="not played in production"), clock.played_at(NOON):
        pass
