"""acknowledge=delivered: the sender hears what became of its message."""

import threading

import pytest

from consumer import HANG, RESET, Reply
from messages import Push, fresh
from proxy import flag_file
from waiting import wait_until


@pytest.fixture
def proxy(start, store):
    return start(store=store, acknowledge="delivered", endpoints__legacy__timeout="300ms")


def test_delivered(proxy, legacy):
    """Answered 200 after the consumer has."""
    answer = proxy.send(Push().rule())
    assert (answer.status, answer.outcome) == (200, "delivered")
    assert len(legacy.requests) == 1


@pytest.mark.parametrize("failure", [500, 404, 302, 410, HANG, RESET])
def test_consumer_failed(proxy, legacy, failure):
    """The consumer failed: 503 with Retry-After, and forgotten, so that the sender's retry is no duplicate."""
    legacy.script = [failure]
    body, webhook_id = Push().rule(), fresh()
    answer = proxy.send(body, webhook_id)
    assert (answer.status, answer.outcome) == (503, "rejected")
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"].startswith("application/problem+json")
    again = proxy.send(body, webhook_id)
    assert (again.status, again.outcome) == (200, "delivered")
    assert len(legacy.requests) == 2


def test_failed_is_not_tried_again(proxy, legacy):
    """It is the sender who tries again, not we."""
    legacy.script = [500]
    proxy.send(Push().rule())
    assert proxy.send(Push().rule()).outcome == "delivered"
    assert len(legacy.requests) == 2


def test_same_message_while_in_flight(start, store, legacy):
    """A repetition that comes while the first is on its way is a duplicate; as that is a promise, the message is no
    longer forgotten when its attempt fails, but tried again."""
    release = threading.Event()
    legacy.script = [lambda request: release.wait(10) and 500]
    proxy = start(store=store, acknowledge="delivered")
    body, webhook_id, answers = Push().rule(), fresh(), []
    sender = threading.Thread(target=lambda: answers.append(proxy.send(body, webhook_id)))
    sender.start()
    wait_until(lambda: legacy.in_flight == 1)
    repetition = proxy.send(body, webhook_id)
    assert (repetition.status, repetition.outcome) == (200, "duplicate")
    release.set()
    sender.join()
    assert answers[0].status in (202, 503)
    proxy.wait_for_state(repetition.id, "delivered")
    assert len(legacy.requests) == 2


def test_twins(proxy, legacy, new):
    """Twins are suppressed as ever."""
    push = Push()
    assert proxy.send(push.rule()).outcome == "delivered"
    answer = proxy.send(push.event())
    assert (answer.status, answer.outcome) == (200, "suppressed")
    assert new.requests == []


def test_twin_of_a_failed_delivery(proxy, legacy, new):
    """A twin that comes after a failed delivery, which is forgotten, is delivered."""
    push = Push()
    legacy.script = [500]
    assert proxy.send(push.rule()).status == 503
    assert proxy.send(push.event()).outcome == "delivered"
    assert proxy.send(push.rule()).outcome == "suppressed"
    assert (len(legacy.requests), len(new.requests)) == (1, 1)


def test_twin_suppressed_by_a_delivery_that_fails(proxy, legacy, new):
    """An event that was suppressed while its rule was on its way, and answered so, is delivered when the rule fails."""
    push = Push()
    legacy.otherwise = Reply(500, delay_s=0.2)
    answers = []
    sender = threading.Thread(target=lambda: answers.append(proxy.send(push.rule())))
    sender.start()
    wait_until(lambda: legacy.in_flight == 1)
    event = proxy.send(push.event())
    sender.join()
    assert answers[0].status == 503
    if event.status == 200:
        new.wait_for()
        proxy.wait_for_state(event.id, "delivered")
    else:
        assert event.status == 503


def test_parked(start, legacy):
    """Nobody is there to deliver to: the message is kept as under acknowledge=stored."""
    proxy = start(acknowledge="delivered", flags=flag_file(legacy=False))
    answer = proxy.send(Push().rule())
    assert (answer.status, answer.outcome) == (202, "parked")
    proxy.set_flags(legacy=True)
    proxy.wait_for_state(answer.id, "delivered")


def test_more_than_concurrency(start, legacy):
    """More messages than the endpoint takes at a time: all are answered in the end, none is lost or doubled."""
    legacy.otherwise = Reply(200, delay_s=0.05)
    proxy = start(acknowledge="delivered", endpoints__legacy__concurrency=2)
    answers = []
    senders = [threading.Thread(target=lambda: answers.append(proxy.send(Push().rule()))) for _ in range(12)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert {answer.status for answer in answers} <= {200, 503}
    assert sum(answer.status == 200 for answer in answers) == len(legacy.requests) == len(set(legacy.keys()))
    assert legacy.most_in_flight <= 2


def test_killed_while_delivering(proxy, legacy):
    """Killed before the answer: the sender heard nothing, tries again, and gets its answer."""
    legacy.script = [HANG]
    body, webhook_id, failures = Push().rule(), fresh(), []

    def send():
        try:
            proxy.send(body, webhook_id)
        except OSError as error:
            failures.append(error)
        except Exception as error:  # http.client's own
            failures.append(error)

    sender = threading.Thread(target=send)
    sender.start()
    legacy.wait_for()
    proxy.kill()
    sender.join()
    assert failures
    if "memory:" in proxy.settings["store.url"]:
        legacy.script = []
    proxy.start()

    def repeat():
        answer = proxy.send(body, webhook_id)
        return answer.id if answer.status == 200 else None

    # A repeat hears 200 as soon as the first is promised: that may still be on its way.
    proxy.wait_for_state(wait_until(repeat, "an answer of 200"), "delivered")
    assert len(legacy.accepted()) == 1
