"""The machine's clock jumps, under the real program (libfaketime; the monotonic clock goes on as it is)."""

import time

import pytest

from faketime import Clock
from messages import Push, fresh
from waiting import wait_until

DAY_S = 24 * 3600


@pytest.fixture
def proxy(make):
    proxy = make(pairing__park_for="1h", store__retention="10d", store__body_retention="5d")
    proxy.clock = Clock(proxy)
    return proxy


def waiting_and_delivered(proxy):
    """A message that is parked, and one that was delivered whose identity is remembered."""
    proxy.set_flags(legacy=True, new=False)
    parked = proxy.send(Push().event(), fresh()).id
    alert, name = Push().rule(), fresh()
    delivered = proxy.send(alert, name).id
    proxy.wait_for_state(delivered, "delivered")
    return parked, delivered, (alert, name)


def test_clock_jumps_ahead_for_a_moment(proxy):
    """20 days ahead for some seconds: parked messages stay parked, identities stay known, log and metric tell; when it
    is back, all goes on. (fault 4.3)"""
    proxy.start()
    parked, delivered, (alert, name) = waiting_and_delivered(proxy)
    proxy.clock.shift(20 * DAY_S)
    assert "warn" in proxy.wait_for_log("the clock jumped ahead")
    assert proxy.metric("hookshift_clock_ahead_seconds") == pytest.approx(20 * DAY_S, abs=60)
    assert proxy.metric("hookshift_clock_jumps_total", direction="ahead") == 1
    end = time.monotonic() + 3
    while time.monotonic() < end:  # as many sweeps
        assert proxy.state(parked) == "parked"
        assert proxy.state(delivered) == "delivered"
    assert proxy.send(alert, name).outcome == "duplicate"
    proxy.clock.shift(0)
    proxy.wait_for_log("the clock was set back")
    wait_until(lambda: proxy.metric("hookshift_clock_ahead_seconds") == 0, "the clock to be believed")
    assert proxy.state(parked) == "parked"
    proxy.set_flags(legacy=True, new=True)
    proxy.wait_for_state(parked, "delivered")


def test_start_with_a_clock_that_is_ahead(proxy):
    """A start with a clock 20 days past what the store saw last: the same. (fault 4.3)"""
    proxy.start()
    parked, delivered, (alert, name) = waiting_and_delivered(proxy)
    proxy.kill()
    proxy.clock.shift(20 * DAY_S)
    proxy.start()
    proxy.wait_for_log("the clock jumped ahead")
    assert proxy.state(parked) == "parked"
    assert proxy.send(alert, name).outcome == "duplicate"
    proxy.kill()
    proxy.clock.shift(0)
    proxy.start()
    assert proxy.state(parked) == "parked"
    assert proxy.state(delivered) == "delivered"
    assert proxy.send(alert, name).outcome == "duplicate"


def test_message_that_comes_while_the_clock_is_ahead(make):
    """A message that comes by the new time expires by it. (fault 4.3)"""
    proxy = make(pairing__park_for="2s")
    proxy.clock = Clock(proxy)
    proxy.start()
    proxy.set_flags(legacy=True, new=False)
    proxy.clock.shift(20 * DAY_S)
    proxy.wait_for_log("the clock jumped ahead")
    late = proxy.send(Push().event(), fresh()).id
    proxy.wait_for_state(late, "expired")
