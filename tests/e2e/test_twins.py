"""Twins: two messages of different generations that tell of the same occurrence, of which one is delivered."""

import time

import pytest

from messages import (EXACT, REPLACED, Connection, FirstRead, Push, PushTimedOut, RateLimit, Read,
                      SyncConnectionDeleted, fresh, now)
from waiting import wait_until


def arrived(proxy, legacy, new):
    """What both consumers got, once nothing is on its way any more."""
    wait_until(lambda: not proxy.messages(state="pending")["messages"], "everything to be delivered")
    return legacy.keys(), new.keys()


@pytest.mark.parametrize("name", REPLACED)
def test_rule_first(start, store, legacy, new, name):
    """Each replaced rule suppresses the event that tells of the same: answered 200, suppressed, not delivered.
    (pairing 3.3a, 6.2)"""
    proxy, occurrence = start(store=store), REPLACED[name]()
    rule, event = occurrence.rule(), occurrence.event()
    first = proxy.send(rule, fresh())
    second = proxy.send(event, fresh())
    assert (first.status, first.outcome) == (202, "accepted")
    assert (second.status, second.outcome) == (200, "suppressed")
    assert arrived(proxy, legacy, new) == ([rule["AlertId"]], [])
    assert proxy.state(second.id) == "suppressed"


@pytest.mark.parametrize("name", REPLACED)
def test_event_first(start, store, legacy, new, name):
    """The other way round likewise. (pairing 3.3a, 6.2)"""
    proxy, occurrence = start(store=store), REPLACED[name]()
    rule, event = occurrence.rule(), occurrence.event()
    assert proxy.send(event, fresh()).outcome == "accepted"
    second = proxy.send(rule, fresh())
    assert (second.status, second.outcome) == (200, "suppressed")
    assert arrived(proxy, legacy, new) == ([], [event["id"]])


def test_suppressed_names_its_twin(start):
    """A suppressed message names the twin that was handled in its place. (pairing 3.3g)"""
    proxy, occurrence = start(), Push()
    first, second = proxy.send(occurrence.rule()), proxy.send(occurrence.event())
    assert first.id in str(proxy.message(second.id)["twins"])
    assert second.id in str(proxy.message(first.id)["twins"])


@pytest.mark.parametrize("name", REPLACED)
def test_other_occurrences_are_no_twins(start, legacy, new, name):
    """The same kind of thing happening to somebody else is no twin."""
    if name.startswith("ClientRateLimit"):
        other = RateLimit("reset" if name.endswith("Reached") else "reached")
    else:
        other = REPLACED[name]()
    proxy = start()
    assert proxy.send(REPLACED[name]().rule()).outcome == "accepted"
    assert proxy.send(other.event()).outcome == "accepted"


def test_ids_in_other_letters(start):
    """Ids are compared without regard to letter case. (pairing 2.11)"""
    proxy = start()
    occurrence = Connection("connected")
    proxy.send(occurrence.rule())
    occurrence.connection = occurrence.connection.upper()
    assert proxy.send(occurrence.event()).outcome == "suppressed"


def test_same_id_is_a_fact(start):
    """AlertId and id that are equal make twins where the mapping says so, and nothing that is stated speaks against it.
    (pairing 2.10)"""
    proxy, shared = start(), fresh()
    alert = Connection("connected").rule(alert_id=shared)
    del alert["DataConnectionId"], alert["Data"]["dataConnectionId"]
    assert proxy.send(alert).outcome == "accepted"
    assert proxy.send(Connection("connected").event(event_id=shared)).outcome == "suppressed"
    assert proxy.send(Connection("connected").rule(alert_id=shared), fresh()).outcome == "accepted"


def test_same_id_of_another_type_is_not(start):
    """An equal id means nothing between a rule and an event that does not replace it. (pairing 2.10)"""
    proxy, shared = start(), fresh()
    assert proxy.send(Connection("connected").rule(alert_id=shared)).outcome == "accepted"
    assert proxy.send(Push().event(event_id=shared)).outcome == "accepted"


# --- window

@pytest.mark.parametrize("name", [name for name in REPLACED if name not in EXACT])
def test_outside_the_window(start, name):
    """What can recur is a twin only when it is near in time, by what it tells or by its arrival. (pairing 2.15)"""
    proxy, occurrence = start(pairing__window="300ms"), REPLACED[name]()
    assert proxy.send(occurrence.rule()).outcome == "accepted"
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 0.35, "more than the window")
    assert proxy.send(occurrence.event(generated=now(-600))).outcome == "accepted"
    late = proxy.send(occurrence.event(generated=now(-600)))
    assert late.outcome == "accepted"
    assert proxy.send(occurrence.rule()).outcome == "suppressed"


@pytest.mark.parametrize("name", [name for name in REPLACED if name not in EXACT])
def test_inside_the_window(start, name):
    """generatedDate is when an event happened, however late it arrives; a little before the rule is near.
    (pairing 2.16)"""
    proxy, occurrence = start(pairing__window="5m"), REPLACED[name]()
    assert proxy.send(occurrence.rule()).outcome == "accepted"
    assert proxy.send(occurrence.event(generated=now(-240))).outcome == "suppressed"


@pytest.mark.parametrize("name", EXACT)
def test_exact_facts_have_no_window(start, name):
    """What happens once for ever is a twin however far apart. (pairing 2.13)"""
    proxy, occurrence = start(pairing__window="1s"), REPLACED[name]()
    assert proxy.send(occurrence.rule()).outcome == "accepted"
    assert proxy.send(occurrence.event(generated=now(-86400))).outcome == "suppressed"


@pytest.mark.parametrize("generated", ["2024-09-01T23:59:99Z", "yesterday", "", None, 17])
def test_unreadable_date_counts_as_arrival(start, generated):
    """An event with a date that nobody can read happened when it arrived. (pairing 2.16)"""
    proxy, occurrence = start(), Connection("connected")
    assert proxy.send(occurrence.rule()).outcome == "accepted"
    assert proxy.send({**occurrence.event(), "generatedDate": generated}).outcome == "suppressed"


# --- one to one

def test_second_occurrence_is_not_swallowed(start, legacy, new):
    """Each handled message justifies one suppression: a second event inside the window is delivered. (pairing 2.20)"""
    proxy, occurrence = start(), Connection("disconnected")
    assert proxy.send(occurrence.rule()).outcome == "accepted"
    assert proxy.send(occurrence.event()).outcome == "suppressed"
    assert proxy.send(occurrence.event()).outcome == "accepted"
    assert proxy.send(occurrence.rule()).outcome == "suppressed"


@pytest.mark.parametrize("rules_first", [True, False])
def test_unlink_relink_unlink(start, store, legacy, new, rules_first):
    """A connection unlinked, linked again and unlinked again within minutes: three occurrences, each handled once.
    (pairing 2.20)"""
    proxy = start(store=store)
    off, on = Connection("disconnected"), None
    on = Connection("reconnected", off.company, off.connection)
    history = [off, on, off]
    rules, events = [o.rule() for o in history], [o.event() for o in history]
    first, second = (rules, events) if rules_first else (events, rules)
    assert [proxy.send(body).outcome for body in first] == ["accepted"] * 3
    assert [proxy.send(body).outcome for body in second] == ["suppressed"] * 3
    assert len(legacy.requests) + len(new.requests) <= 3


def test_unlink_relink_unlink_interleaved(start, legacy, new):
    """... also when the generations take turns in being first. (pairing 2.20)"""
    proxy = start()
    off = Connection("disconnected")
    on = Connection("reconnected", off.company, off.connection)
    outcomes = [proxy.send(body).outcome for body in (
        off.rule(), off.event(), on.event(), on.rule(), off.event(), off.rule())]
    assert outcomes == ["accepted", "suppressed"] * 3
    rules, events = arrived(proxy, legacy, new)
    assert (len(rules), len(events)) == (1, 2)


def test_nearest_in_time_wins(start):
    """Among several candidates the nearest in time is the twin. (pairing 2.19)"""
    proxy, occurrence = start(), Connection("connected")
    far = proxy.send(occurrence.event(generated=now(-400)))
    near = proxy.send(occurrence.event(generated=now(-10)))
    farther = proxy.send(occurrence.event(generated=now(-300)))
    rule = proxy.send(occurrence.rule())
    assert rule.outcome == "suppressed"
    twins = str(proxy.message(rule.id)["twins"])
    assert near.id in twins and far.id not in twins and farther.id not in twins


def test_two_rules_of_one_type(start, legacy, new):
    """Two rules configured for one type raise an alert each for one occurrence: one event is the twin of both.
    (pairing 2.17)"""
    proxy, occurrence = start(), Connection("connected")
    assert proxy.send(occurrence.event()).outcome == "accepted"
    assert proxy.send(occurrence.rule(rule_id=fresh())).outcome == "suppressed"
    assert proxy.send(occurrence.rule(rule_id=fresh())).outcome == "suppressed"
    rules, events = arrived(proxy, legacy, new)
    assert (len(rules), len(events)) == (0, 1)


def test_two_rules_of_one_type_before_their_event(start, legacy, new):
    """Both alerts are legacy's to handle when they come first; the event is suppressed."""
    proxy, occurrence = start(), Connection("connected")
    assert proxy.send(occurrence.rule(rule_id=fresh())).outcome == "accepted"
    assert proxy.send(occurrence.rule(rule_id=fresh())).outcome == "accepted"
    assert proxy.send(occurrence.event()).outcome == "suppressed"


def test_one_rule_id_is_one_to_one(start):
    """Two alerts of one rule are two occurrences; one event is the twin of one of them. (pairing 2.17)"""
    proxy, occurrence = start(), Connection("connected")
    assert proxy.send(occurrence.event()).outcome == "accepted"
    assert proxy.send(occurrence.rule()).outcome == "suppressed"
    assert proxy.send(occurrence.rule()).outcome == "accepted"


@pytest.mark.parametrize("event_at", [0, 1, 2])
def test_timed_out_push(start, store, legacy, new, event_at):
    """A timed-out push raises two alerts for one event; wherever the event stands in the order, one side handles it.
    (pairing 2.14)"""
    proxy, push = start(store=store), PushTimedOut()
    bodies = [push.rule(), push.status_rule()]
    bodies.insert(event_at, push.event())
    outcomes = [proxy.send(body).outcome for body in bodies]
    rules, events = arrived(proxy, legacy, new)
    assert outcomes[0] == "accepted" and outcomes[event_at] == ("accepted" if event_at == 0 else "suppressed")
    if event_at == 0:
        assert outcomes == ["accepted", "suppressed", "suppressed"]
        assert (len(rules), len(events)) == (0, 1)
    else:
        assert events == []


def test_timed_out_push_that_calls_itself_successful(start):
    """The outcome of a write is its status, whatever its type ends in. (pairing 2.1)"""
    proxy, push = start(), PushTimedOut()
    assert proxy.send(push.rule()).outcome == "accepted"
    event = dict(push.event(), eventType="invoices.write.successful")
    assert proxy.send(event).outcome == "suppressed"


def test_push_that_failed_and_push_that_succeeded(start):
    """Success and failure of one push are two facts. (pairing 2.1)"""
    proxy, push = start(), Push("Success")
    assert proxy.send(push.rule()).outcome == "accepted"
    push.status = "Failed"
    assert proxy.send(push.event()).outcome == "accepted"


def test_pending_push_has_no_counterpart(start):
    """A push that is pending is told by no event. (pairing 2.1)"""
    proxy, push = start(), Push("Pending")
    assert proxy.send(push.rule()).outcome == "accepted"
    push.status = "Success"
    assert proxy.send(push.event()).outcome == "accepted"


def test_deleted_connection_by_either_rule(start):
    """connection.deleted is the twin of the connection's alert and of the one that names the company alone.
    (pairing 1.9, 2.4)"""
    proxy, deleted = start(), SyncConnectionDeleted()
    by_connection = Connection("deleted", deleted.company, deleted.connection)
    assert proxy.send(deleted.event()).outcome == "accepted"
    assert proxy.send(deleted.rule()).outcome == "suppressed"
    assert proxy.send(by_connection.rule()).outcome == "suppressed"


def test_first_read_is_one_item(start):
    """read.completed.initial is one item, whatever its data types. (pairing 2.8)"""
    proxy = start()
    read = FirstRead(data_types=["invoices", "bills", "payments"])
    assert proxy.send(read.rule()).outcome == "accepted"
    assert proxy.send(read.event()).outcome == "suppressed"


def test_three_alerts_of_one_data_type(start, legacy, new):
    """Completed, changed and error of one data type are all twins of the event's one element.
    (pairing 2.5, 2.6, 2.7)"""
    proxy, read = start(), Read()
    element = {**read.element("invoices", "error"), "recordsModified": True}
    assert proxy.send(read.event([element])).outcome == "accepted"
    for kind in ("completed", "changed", "error"):
        assert proxy.send(read.rule(kind=kind)).outcome == "suppressed"


def test_unchanged_data_is_no_twin_of_changed(start):
    """An element without modified records does not tell what a 'changed' alert tells. (pairing 2.6)"""
    proxy, read = start(), Read("completed")
    assert proxy.send(read.event()).outcome == "accepted"
    assert proxy.send(read.rule(kind="changed")).outcome == "accepted"


# --- repetitions

def test_resend_of_an_old_message(start, legacy, new):
    """A resend days later, under the same webhook-id, is a duplicate, and no second twin of what happened since.
    (pairing 3.1)"""
    proxy, occurrence, webhook_id = start(), Connection("disconnected"), fresh()
    old = occurrence.event(generated=now(-3 * 86400))
    assert proxy.send(old, webhook_id).outcome == "accepted"
    again = proxy.send(old, webhook_id)
    assert (again.status, again.outcome) == (200, "duplicate")
    assert proxy.send(occurrence.rule()).outcome == "suppressed"  # the two arrived together
    assert proxy.send(old, webhook_id).outcome == "duplicate"
    assert proxy.send(occurrence.rule()).outcome == "accepted"
    assert proxy.send(occurrence.event()).outcome == "suppressed"
    rules, events = arrived(proxy, legacy, new)
    assert (len(rules), len(events)) == (1, 1)


def test_send_example(start, legacy, new):
    """'Send example' repeats body ids under a fresh webhook-id: each is a message of its own, and is delivered."""
    proxy, example = start(), Connection("connected").event(event_id="743ec94a-8aa4-44bb-8bd4-e1855ee0e74b")
    for _ in range(3):
        assert proxy.send(example, fresh()).outcome == "accepted"
    assert len(new.wait_for(3)) == 3


def test_duplicates_of_a_suppressed_message(start, legacy, new):
    """A suppressed message that is sent again is a duplicate, and stays suppressed."""
    proxy, occurrence, webhook_id = start(), Connection("connected"), fresh()
    proxy.send(occurrence.rule())
    event = occurrence.event()
    suppressed = proxy.send(event, webhook_id)
    again = proxy.send(event, webhook_id)
    assert (again.outcome, again.id) == ("duplicate", suppressed.id)
    assert arrived(proxy, legacy, new)[1] == []


def test_identity_is_remembered_after_a_restart(start, legacy):
    """A duplicate is known as one after kill -9 too, and so is a twin."""
    proxy, occurrence, webhook_id = start(), Push(), fresh()
    rule = occurrence.rule()
    first = proxy.send(rule, webhook_id)
    proxy.wait_for_state(first.id, "delivered")
    proxy.restart()
    assert proxy.send(rule, webhook_id).outcome == "duplicate"
    assert proxy.send(occurrence.event()).outcome == "suppressed"
    assert len(legacy.requests) == 1
