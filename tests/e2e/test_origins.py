"""Health, probing and concurrency belong to the server that is spoken to, not to the endpoint."""

import time

import pytest

from consumer import HANG, Consumer, Reply
from messages import Connection, Push
from waiting import wait_until


@pytest.fixture
def other():
    consumer = Consumer()
    yield consumer
    consumer.stop()


@pytest.mark.parametrize("failure", ["down", 500, HANG])
def test_a_dead_route_delays_nobody_else(start, legacy, other, failure):
    """One host of the routes is dead with 300 messages waiting; the endpoint's other host gets its own at once. (fault 3.5)"""
    proxy = start(endpoints__legacy__routes={"PushOperationStatusChanged": other.url + "/pushes"},
                  endpoints__legacy__timeout="1s", endpoints__legacy__concurrency=2,
                  retry__schedule=",".join(["100ms"] * 500))
    if failure == "down":
        other.stop()
    else:
        other.otherwise = failure
    dead = [proxy.send(Push().rule()).id for _ in range(300)]
    wait_until(lambda: proxy.metric("hookshift_deliveries_total", endpoint="legacy") >= 2, "two failures")
    for _ in range(20):  # more than there are places
        began = time.monotonic()
        answers = [proxy.send(Connection("connected").rule()) for _ in range(5)]
        for answer in answers:
            proxy.wait_for_state(answer.id, "delivered")
        assert time.monotonic() - began < 5
    legacy.script = [500] * 3  # retries of the healthy host find their way past the others
    retried = proxy.send(Connection("created").rule())
    proxy.wait_for_state(retried.id, "delivered")
    origins = proxy.admin("/api/status").json["endpoints"]["legacy"]["origins"]
    assert {origin["site"]: origin["up"] for origin in origins}[legacy.url]
    if failure == "down":
        other.start()
    other.otherwise = 200
    proxy.terminate() if failure == HANG else wait_until(
        lambda: len(other.accepted()) >= len(dead), "the others, once their host is up", pause_s=0.05)


@pytest.mark.parametrize("status", [400, 401, 404, 409, 410, 422])
def test_a_refusal_is_a_sign_of_life(start, legacy, status):
    """One type is answered 4xx by a healthy host: the others are not delayed, and the host is not down. (fault 3.6)"""
    legacy.otherwise = lambda request: status if "RuleType" in request.json and "Push" in request.json["RuleType"] else 200
    proxy = start(retry__schedule=",".join(["30s"] * 5))
    for _ in range(12):
        proxy.send(Push().rule())
    legacy.wait_for(12)
    began = time.monotonic()
    for _ in range(5):
        proxy.wait_for_state(proxy.send(Connection("connected").rule()).id, "delivered")
    assert time.monotonic() - began < 3
    assert proxy.metric("hookshift_endpoint_up", endpoint="legacy") == 1


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_failure_is_none(start, legacy, status):
    """408, 429 and 5xx do speak of the host. (fault 3.6)"""
    legacy.otherwise = status
    proxy = start(retry__schedule="30s")
    for _ in range(8):
        proxy.send(Push().rule())
    wait_until(lambda: proxy.metric("hookshift_endpoint_up", endpoint="legacy") == 0, "the endpoint to be down")


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_the_hosts(start, legacy, status):
    """A host that asks to be left alone is left alone, and no other message's attempt is used up. (fault 3.7)"""
    legacy.script = [Reply(status, {"Retry-After": "3"})]
    proxy = start(retry__schedule=",".join(["50ms"] * 5))
    first = proxy.send(Push().rule())
    legacy.wait_for(1)
    proxy.wait_for_log("asked to be left alone")
    asked = time.monotonic()
    others = [proxy.send(Push().rule()) for _ in range(30)]
    for answer in [first, *others]:
        proxy.wait_for_state(answer.id, "delivered")
    assert len(legacy.requests) == 32
    assert all(request.at - asked > 2.5 for request in legacy.requests[1:])
    assert all(len(proxy.message(answer.id)["attempts"]) == 1 for answer in others)
