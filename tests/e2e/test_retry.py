"""Consumers that fail: what is tried again, when, and when it is given up."""

import pytest

from consumer import CLOSE, ENDLESS_HEADERS, GARBAGE, HANG, RESET, Reply
from messages import Push
from waiting import wait_until

FAST = {"retry__schedule": "20ms,20ms,20ms", "endpoints__legacy__timeout": "300ms"}


@pytest.mark.parametrize("failure", [301, 302, 304, 307, 400, 401, 404, 408, 409, 422, 429, 500, 502, 503, 504, 599])
def test_everything_but_2xx_is_tried_again(start, legacy, failure):
    """Every status but 2xx is a failed attempt and tried again."""
    legacy.script = [failure]
    proxy = start(**FAST)
    answer = proxy.send(Push().rule())
    first, second = legacy.wait_for(2)[:2]
    assert first.body == second.body
    assert [r.headers["hookshift-attempt"] for r in (first, second)] == ["1", "2"]
    assert {r.headers["hookshift-message-id"] for r in (first, second)} == {answer.id}
    proxy.wait_for_state(answer.id, "delivered")


def test_redirects_are_not_followed(start, legacy, new):
    """A redirect is a failure; nothing is sent to where it points."""
    legacy.script = [Reply(307, {"Location": new.url + "/elsewhere"})]
    proxy = start(**FAST)
    proxy.wait_for_state(proxy.send(Push().rule()).id, "delivered")
    assert len(legacy.requests) == 2
    assert new.requests == []


@pytest.mark.parametrize("failure", [HANG, RESET, CLOSE, GARBAGE, ENDLESS_HEADERS])
def test_misbehaviour_is_tried_again(start, legacy, failure):
    """A consumer that hangs, resets, closes, answers garbage or headers without end costs one attempt, not the message."""
    legacy.script = [failure]
    proxy = start(**FAST)
    answer = proxy.send(Push().rule())
    proxy.wait_for_state(answer.id, "delivered")
    assert legacy.requests[-1].answered == 200
    assert legacy.requests[-1].headers["hookshift-message-id"] == answer.id


def test_refused_connection(start, legacy):
    """While nobody listens, attempts fail; when somebody does again, the message arrives."""
    proxy = start(retry__schedule=",".join(["50ms"] * 200))
    legacy.stop()
    answer = proxy.send(Push().rule())
    wait_until(lambda: proxy.metric("hookshift_deliveries_total", endpoint="legacy") >= 2, "two failed attempts")
    assert proxy.state(answer.id) == "pending"
    legacy.start()
    proxy.wait_for_state(answer.id, "delivered")
    assert len(legacy.requests) == 1


def test_unresolvable_name(make):
    """A host name that does not resolve is a failed attempt like any other."""
    proxy = make(legacy_url="http://no-such-host.invalid/", retry__schedule="20ms").start()
    proxy.wait_for_state(proxy.send(Push().rule()).id, "dead")


def test_schedule_used_up(start, legacy):
    """The first attempt and one per wait of the schedule; then the message is dead. (pairing 4.1)"""
    legacy.otherwise = 500
    proxy = start(retry__schedule="10ms,10ms,10ms")
    proxy.wait_for_state(proxy.send(Push().rule()).id, "dead")
    assert len(legacy.requests) == 4
    assert [r.headers["hookshift-attempt"] for r in legacy.requests] == ["1", "2", "3", "4"]


def test_waits_follow_the_schedule(start, legacy):
    """The waits between attempts are those of the schedule, up to a fifth shorter or longer."""
    legacy.otherwise = 500
    proxy = start(retry__schedule="100ms,400ms")
    proxy.wait_for_state(proxy.send(Push().rule()).id, "dead")
    times = [request.at for request in legacy.requests]
    assert 0.07 < times[1] - times[0]
    assert 0.31 < times[2] - times[1]


def test_410_ends_it(start, legacy):
    """410 Gone: dead at once."""
    legacy.otherwise = 410
    proxy = start()
    proxy.wait_for_state(proxy.send(Push().rule()).id, "dead")
    assert len(legacy.requests) == 1


def test_retry_after_is_honoured(start, legacy):
    """Retry-After asks for longer than the schedule's wait."""
    legacy.script = [Reply(503, {"Retry-After": "1"})]
    proxy = start(retry__schedule="600ms,5s")
    proxy.send(Push().rule())
    first, second = legacy.wait_for(2)
    assert second.at - first.at >= 0.9


def test_retry_after_is_bounded(start, legacy):
    """... but no longer than the schedule's wait doubled."""
    legacy.script = [Reply(503, {"Retry-After": "3600"})]
    proxy = start(retry__schedule="100ms,5s")
    proxy.send(Push().rule())
    first, second = legacy.wait_for(2)
    assert second.at - first.at >= 0.15


@pytest.mark.parametrize("value", ["", "soon", "-5", "99999999999999999999", "Fri, 99 Foo 2099", "1e9"])
def test_retry_after_nonsense(start, legacy, value):
    """A Retry-After that cannot be read changes nothing."""
    legacy.script = [Reply(503, {"Retry-After": value})]
    proxy = start(retry__schedule="20ms,20ms")
    proxy.wait_for_state(proxy.send(Push().rule()).id, "delivered")


def test_failing_side_delays_nobody_else(start, legacy, new):
    """A consumer that hangs delays neither the other side nor receiving."""
    legacy.otherwise = HANG
    proxy = start(endpoints__legacy__concurrency=2, endpoints__legacy__timeout="10s", drain_time="200ms")
    for _ in range(20):
        assert proxy.send(Push().rule()).status == 202
    events = [Push().event() for _ in range(20)]
    for body in events:
        assert proxy.send(body).status == 202
    wait_until(lambda: len(new.accepted()) == 20, "all events delivered")
    assert len(legacy.requests) <= 2


def test_retries_do_not_delay_new_messages(start, legacy):
    """Messages that wait for their retry do not stand in the way of new ones of the same side."""
    poison = {}
    legacy.otherwise = lambda request: 500 if request.key in poison else 200
    proxy = start(retry__schedule="1h", endpoints__legacy__concurrency=2)
    good = []
    for _ in range(5):
        bad = Push().rule()
        poison[bad["AlertId"]] = True
        proxy.send(bad)
        good.append(Push().rule())
        proxy.send(good[-1])
    for body in good:
        legacy.wait_for_key(body["AlertId"])


def test_failing_endpoint_is_probed(start, legacy):
    """An endpoint that keeps failing gets one delivery at a time until one succeeds; then all that is due."""
    legacy.otherwise = Reply(500, delay_s=0.02)
    proxy = start(retry__schedule=",".join(["20ms"] * 300), workers=2)
    ids = [proxy.send(Push().rule()).id for _ in range(30)]
    wait_until(lambda: len(legacy.requests) > 60, "many failures")
    legacy.most_in_flight = 0
    seen = len(legacy.requests)
    legacy.wait_for(seen + 20)
    assert legacy.most_in_flight <= 1
    legacy.otherwise = 200
    for message_id in ids:
        proxy.wait_for_state(message_id, "delivered")


def test_dead_can_be_replayed(start, legacy):
    """A dead message is delivered when an operator replays it. (pairing 4.3)"""
    legacy.otherwise = 410
    proxy = start(admin__token="of-the-operator")
    answer = proxy.send(Push().rule())
    proxy.wait_for_state(answer.id, "dead")
    legacy.otherwise = 200
    assert proxy.replay(answer.id).status == 202
    proxy.wait_for_state(answer.id, "delivered")
    assert len(legacy.requests) == 2
