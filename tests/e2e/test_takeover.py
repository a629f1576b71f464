"""Takeover: what one consumer could not handle, the other does."""

import threading

import pytest

from consumer import HANG
from messages import Connection, Push, Read
from proxy import flag_file
from waiting import wait_until


@pytest.mark.parametrize("broken_side", ["legacy", "new"])
def test_takeover(start, store, legacy, new, broken_side):
    """One consumer answers 500 for ever: its messages die, and their suppressed twins are delivered by the other.
    (pairing 4.2)"""
    broken, healthy = (legacy, new) if broken_side == "legacy" else (new, legacy)
    all_sent = threading.Event()
    broken.otherwise = lambda request: all_sent.wait(10) and 500
    proxy = start(store=store, retry__schedule="10ms,10ms")
    pairs = []
    for occurrence in (Push(), Connection("connected"), Read()):
        first, second = occurrence.rule(), occurrence.event()
        if broken_side == "new":
            first, second = second, first
        pairs.append((proxy.send(first), proxy.send(second)))
    assert [answers[1].outcome for answers in pairs] == ["suppressed"] * 3
    all_sent.set()
    for first, second in pairs:
        proxy.wait_for_state(second.id, "delivered")
        proxy.wait_for_state(first.id, "suppressed")  # dead until then
    assert len(healthy.requests) == 3
    assert proxy.metric("hookshift_takeovers_total") == 3


def test_takeover_by_a_side_that_is_off(start, legacy, new):
    """Where the other side is off its message is parked, and delivered when it is switched on. (pairing 4.2)"""
    legacy.otherwise = HANG
    proxy = start(flags=flag_file(new=False), retry__schedule="10ms", endpoints__legacy__timeout="150ms")
    occurrence = Push()
    rule, event = proxy.send(occurrence.rule()), proxy.send(occurrence.event())
    assert event.outcome == "suppressed"
    proxy.wait_for_state(rule.id, "dead")
    proxy.wait_for_state(event.id, "parked")
    proxy.set_flags(new=True)
    proxy.wait_for_state(event.id, "delivered")


def test_twin_of_a_dead_message(start, legacy, new):
    """An event that comes after its rule has died is delivered: a dead message handled nothing. (pairing 3.2)"""
    legacy.otherwise = 410
    proxy, occurrence = start(), Push()
    proxy.wait_for_state(proxy.send(occurrence.rule()).id, "dead")
    assert proxy.send(occurrence.event()).outcome == "accepted"
    new.wait_for()


def test_takeover_of_several_alerts(start, legacy, new):
    """An event that dies is taken over by every alert that leaned on it."""
    all_sent = threading.Event()
    new.otherwise = lambda request: all_sent.wait(10) and 410
    proxy, read = start(), Read(data_types=["invoices", "bills"])
    event = proxy.send(read.event())
    alerts = [proxy.send(read.rule(data_type)) for data_type in read.data_types]
    assert [answer.outcome for answer in alerts] == ["suppressed"] * 2
    all_sent.set()
    for answer in alerts:
        proxy.wait_for_state(answer.id, "delivered")
    proxy.wait_for_state(event.id, "suppressed")


def test_takeover_survives_a_restart(start, legacy, new):
    """Killed while retries are due: afterwards the message dies and its twin takes over all the same."""
    legacy.otherwise = 500
    proxy, occurrence = start(retry__schedule="300ms"), Push()
    rule, event = proxy.send(occurrence.rule()), proxy.send(occurrence.event())
    legacy.wait_for()
    proxy.restart()
    proxy.wait_for_state(event.id, "delivered")
    proxy.wait_for_state(rule.id, "suppressed")
    assert len(new.requests) == 1


def test_forced_replay_looks_at_no_twin(start, legacy, new):
    """By force a replay delivers though the twin was handled; else it is refused, and says so. (pairing 4.7) (fault 2.1)"""
    proxy, occurrence = start(admin__token="of-the-operator"), Push()
    rule, event = proxy.send(occurrence.rule()), proxy.send(occurrence.event())
    proxy.wait_for_state(rule.id, "delivered")
    refused = proxy.replay(event.id)
    assert refused.status == 409 and b"--force" in refused.body
    assert proxy.replay(event.id, "?force=true").status == 202
    proxy.wait_for_state(event.id, "delivered")
    assert (len(legacy.requests), len(new.requests)) == (1, 1)


def test_replay_of_delivered(start, legacy):
    """A delivered message can be delivered again, under the same id, with its attempts counted on."""
    proxy = start(admin__token="of-the-operator")
    answer = proxy.send(Push().rule())
    proxy.wait_for_state(answer.id, "delivered")
    assert proxy.replay(answer.id).status == 409
    assert proxy.replay(answer.id, "?force=true").status == 202
    first, second = legacy.wait_for(2)
    assert first.body == second.body
    assert second.headers["hookshift-message-id"] == answer.id
    assert second.headers["hookshift-attempt"] == "2"


def test_replay_by_filter(start, legacy):
    """All dead messages of a type are delivered with one request."""
    legacy.otherwise = 410
    proxy = start(admin__token="of-the-operator")
    pushes, other = [proxy.send(Push().rule()) for _ in range(5)], proxy.send(Connection("connected").rule())
    for answer in [*pushes, other]:
        proxy.wait_for_state(answer.id, "dead")
    legacy.otherwise = 200
    answer = proxy.admin("/api/replay?state=dead&type=PushOperationStatusChanged", "POST")
    assert answer.status in (200, 202)
    for answer in pushes:
        proxy.wait_for_state(answer.id, "delivered")
    assert proxy.state(other.id) == "dead"


@pytest.mark.parametrize("message_id", ["0000000000000", "zzzzzzzzzzzzz", "nonsense", ""])
def test_replay_of_nothing(start, message_id):
    """An id that names no message is answered 404."""
    assert start(admin__token="of-the-operator").replay(message_id).status == 404


def test_restart_during_takeover_keeps_one_delivery(start, legacy, new):
    """After all of that, an occurrence taken over is not delivered again by another restart."""
    legacy.otherwise = 410
    proxy, occurrence = start(), Push()
    rule, event = proxy.send(occurrence.rule()), proxy.send(occurrence.event())
    proxy.wait_for_state(event.id, "delivered")
    proxy.wait_for_state(rule.id, "suppressed")
    proxy.restart()
    wait_until(proxy.is_ready)
    marker = proxy.send(Push().event())
    proxy.wait_for_state(marker.id, "delivered")
    assert len(new.requests) == 2
