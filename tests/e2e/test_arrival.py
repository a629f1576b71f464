"""Pairing at the moment of arrival: what makes two messages one, by which clock twins are near, and what is told of it."""

import time

import pytest

from messages import Connection, Push, Read, account_categories_updated, event, fresh, now, reference, rule
from waiting import wait_until

NIL = "00000000-0000-0000-0000-000000000000"
PLACEHOLDERS = ["", "  ", "-", NIL, f" {NIL} ", f"{{{NIL}}}", f"urn:uuid:{NIL}", NIL.replace("-", ""), "null"]


def story(proxy, message_id):
    return str(proxy.message(message_id)["story"])


def waited(seconds):
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > seconds, f"{seconds} s to pass")


# --- identity

@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_placeholders_are_no_identity(start, placeholder):
    """Ids that stand for nothing make no two messages one. (pairing 1.3b) (fault 2.3)"""
    proxy = start()
    assert proxy.send(Push().rule(alert_id=placeholder)).outcome == "accepted"
    assert proxy.send(Push().rule(alert_id=placeholder)).outcome == "accepted"
    assert proxy.send({**account_categories_updated(), "AlertId": placeholder}).outcome == "accepted"
    assert proxy.send(Push().event(event_id=placeholder)).outcome == "accepted"
    assert proxy.send(Push().event(event_id=placeholder)).outcome == "accepted"


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_placeholders_are_no_part_of_a_fact(start, placeholder):
    """A push key that stands for nothing makes no twins of two companies' pushes; the guid beside it counts. (pairing 1.3b)
    (fault 2.3)"""
    proxy, one, other = start(), Push(), Push()
    one.key = other.key = placeholder
    assert proxy.send(one.rule()).outcome == "accepted"
    assert proxy.send(other.event()).outcome == "accepted"
    third = Push()
    alert = third.rule()
    alert["Data"].update(pushOperationKey=placeholder, pushOperationGuid=third.key)
    assert proxy.send(alert).outcome == "accepted"
    assert proxy.send(third.event()).outcome == "suppressed"


@pytest.mark.parametrize("webhook_id", [None, "constant"])
def test_one_identity_with_other_facts(start, store, legacy, webhook_id):
    """Two different messages under one identity are both delivered, warned of and counted; a repeat of each is a duplicate.
    (pairing 1.3c) (fault 2.3)"""
    proxy = start(store=store)
    bodies = [Push().rule(alert_id="17"), Push().rule(alert_id="17"), Connection().rule(alert_id="17"),
              {**account_categories_updated(), "AlertId": "17"}]
    sent = [proxy.send(body, webhook_id) for body in bodies]
    assert [answer.outcome for answer in sent] == ["accepted"] * len(bodies)
    repeated = [proxy.send(body, webhook_id) for body in bodies]
    assert [answer.outcome for answer in repeated] == ["duplicate"] * len(bodies)
    assert [answer.id for answer in repeated] == [answer.id for answer in sent]
    wait_until(lambda: len(legacy.keys()) == len(bodies), "all of them")
    assert proxy.metric("hookshift_identity_conflicts_total", generation="rule") == len(bodies) - 1
    assert "same identity" in story(proxy, sent[1].id)
    proxy.wait_for_log("identity of an earlier one")


@pytest.mark.parametrize("old_first", [True, False])
@pytest.mark.parametrize("body", [Push().rule(), Connection().rule(), Read().rule(), account_categories_updated()])
def test_one_alert_by_both_services(start, store, legacy, old_first, body):
    """One alert by the old service, without a webhook-id, and by the new one, with it, is one message. (pairing 1.3d)
    (fault 2.14)"""
    proxy = start(store=store)
    first = proxy.send(body, None if old_first else fresh())
    second = proxy.send(body, fresh() if old_first else None)
    assert (first.outcome, second.outcome) == ("accepted", "duplicate")
    assert first.id == second.id


def test_one_event_with_and_without_webhook_id(start):
    """An event of several items, which no hint can find, likewise. (pairing 1.3d) (fault 2.14)"""
    proxy, body = start(), Read(data_types=["a", "b", "c"]).event()
    assert proxy.send(body, fresh()).outcome == "accepted"
    assert proxy.send(body).outcome == "duplicate"
    body["payload"]["dataTypes"].pop()
    assert proxy.send(body).outcome == "accepted"


def test_alert_with_the_id_of_an_unrelated_event(start, legacy, new):
    """The same id is a hint: it makes no twins of messages that state differing facts. (pairing 2.10) (fault 2.11)"""
    proxy = start()
    for one, other in ((Push(), Push()), (Connection(), Connection()), (Read(), Read())):
        shared = fresh()
        assert proxy.send(one.event(event_id=shared)).outcome == "accepted"
        assert proxy.send(other.rule(alert_id=shared)).outcome == "accepted"
    push, shared = Push(), fresh()
    alert = push.rule(alert_id=shared)
    del alert["Data"]["pushOperationKey"]
    assert proxy.send(alert).outcome == "accepted"
    assert proxy.send(push.event(event_id=shared)).outcome == "suppressed"


# --- either clock

@pytest.mark.parametrize("rule_first", [True, False])
@pytest.mark.parametrize("occurrence", [Connection(), Read(), Read("changed")])
def test_both_late_after_an_outage(start, store, occurrence, rule_first):
    """After an outage longer than the window both arrive side by side, and the event says that it happened long ago: twins
    by their arrivals. (pairing 2.15) (fault 2.4)"""
    proxy = start(store=store, pairing__window="10m")
    bodies = [occurrence.rule(), occurrence.event(generated=now(-35 * 60))]
    if not rule_first:
        bodies.reverse()
    first, second = [proxy.send(body) for body in bodies]
    assert (first.outcome, second.outcome) == ("accepted", "suppressed")
    assert "arrived near in time" in story(proxy, second.id)


def test_an_outage_mixes_no_occurrences(start):
    """Many occurrences of one key that arrive together are told as often as they occurred. (pairing 2.20, 7.6) (fault 2.4)"""
    proxy, read = start(), Read()
    bodies = [body for minute in range(8) for body in (read.rule(), read.event(generated=now(-7200 - 60 * minute)))]
    bodies = bodies[::3] + bodies[1::3] + bodies[2::3]
    outcomes = [proxy.send(body).outcome for body in bodies]
    assert sorted(outcomes) == ["accepted"] * 8 + ["suppressed"] * 8


@pytest.mark.parametrize("unit", [1, 1000])
@pytest.mark.parametrize("kind", [int, str, float])
def test_unix_times(start, unit, kind):
    """Seconds and milliseconds since 1970, as a number or as text, are read. (pairing 2.16) (fault 2.5)"""
    proxy, connection = start(), Connection()
    far, near = ({**connection.event(), "generatedDate": kind(int((time.time() - ago) * unit))} for ago in (500, 100))
    near_id, far_id = proxy.send(near).id, proxy.send(far).id
    answer = proxy.send(connection.rule())
    assert answer.outcome == "suppressed"
    assert near_id in str(proxy.message(answer.id)["twins"])
    assert far_id not in str(proxy.message(answer.id)["twins"])
    assert proxy.metric("hookshift_unreadable_times_total", generation="event") == 0


@pytest.mark.parametrize("generated", ["yesterday", "2024-09-01T23:59:99Z", {}, True, "12e"])
def test_unreadable_times(start, generated):
    """A time that nobody can read is counted, and told in the story. (pairing 2.16) (fault 2.5)"""
    proxy = start()
    answer = proxy.send({**Connection().event(), "generatedDate": generated})
    assert answer.outcome == "accepted"
    assert proxy.metric("hookshift_unreadable_times_total", generation="event") == 1
    assert "cannot be read" in story(proxy, answer.id)


# --- near misses

@pytest.mark.parametrize("rule_first", [True, False])
def test_near_miss_is_told_in_both_stories(start, store, rule_first):
    """Twins a little outside the window: both are delivered, both stories and the counts by type say so. (pairing 2.21)
    (fault 2.6)"""
    proxy, connection = start(store=store, pairing__window="1s"), Connection()
    bodies = [connection.rule(), connection.event()]
    if not rule_first:
        bodies.reverse()
    first = proxy.send(bodies[0])
    waited(1.2)
    bodies[1].update({} if rule_first is False else {"generatedDate": now()})
    second = proxy.send(bodies[1])
    assert (first.outcome, second.outcome) == ("accepted", "accepted")
    for answer in (first, second):
        assert "stated the same" in story(proxy, answer.id)
        assert "apart; pairing.window is 1s" in story(proxy, answer.id)
    assert proxy.metric("hookshift_near_misses_total", type="DataConnectionStatusChanged") == 1
    waited(4.5)
    assert proxy.send(connection.rule()).outcome == "accepted"
    assert proxy.metric("hookshift_near_misses_total", type="DataConnectionStatusChanged") == 1


@pytest.mark.parametrize("outage", [False, True])
def test_the_story_tells_of_recurrences(start, store, outage):
    """Alert 1, event 2, event 1, alert 2 of one key: told twice, as it occurred twice, and each story says that it is one of
    two occurrences of this key. (pairing 2.22) (fault 2.8)"""
    proxy, connection = start(store=store), Connection("disconnected")
    ago = 7200 if outage else 0
    bodies = [connection.rule(), connection.event(generated=now(-ago)), connection.event(generated=now(-ago - 60)),
              connection.rule()]
    sent = [proxy.send(body) for body in bodies]
    assert sorted(answer.outcome for answer in sent) == ["accepted"] * 2 + ["suppressed"] * 2
    for answer in sent:
        assert "one of 2 occurrences of this key" in story(proxy, answer.id)
    alone = proxy.send(Connection("disconnected").rule())
    assert "occurrences of this key" not in story(proxy, alone.id)


# --- limits and missing fields

@pytest.mark.parametrize("data_type", [None, "", "  ", "-"])
def test_the_story_names_a_missing_field(start, data_type):
    """An alert without the data type that its fact needs says which field was missing. (pairing 2.24) (fault 2.7)"""
    proxy = start()
    for kind in ("changed", "error", "completed"):
        alert = Read(kind).rule()
        alert["Data"]["dataType"] = data_type
        assert "Data.dataType is missing" in story(proxy, proxy.send(alert).id)
    alert = Push().rule()
    del alert["Data"]["pushOperationKey"]
    assert "Data.pushOperationKey is missing" in story(proxy, proxy.send(alert).id)


def test_the_story_tells_of_limits(start):
    """More than 1,024 items, or a key of more than 512 bytes, state no fact, and the story says so. (pairing 2.24)"""
    proxy, read = start(), Read()
    many = read.event([read.element(f"t{i}") for i in range(1025)])
    assert "more than 1024" in story(proxy, proxy.send(many).id)
    long = Read(data_types=["x" * 600])
    assert "longer than 512 bytes" in story(proxy, proxy.send(long.rule()).id)
    assert "longer than 512 bytes" in story(proxy, proxy.send(long.event()).id)


# --- many

def test_many_rules_tell_one_occurrence(start, legacy):
    """However many rules are configured, one event is the twin of all their alerts. (pairing 2.23) (fault 2.10)"""
    proxy, push, read = start(), Push(), Read()
    assert proxy.send(push.event()).outcome == proxy.send(read.event()).outcome == "accepted"
    for occurrence in (push, read):
        outcomes = {proxy.send(occurrence.rule(rule_id=fresh())).outcome for _ in range(300)}
        assert outcomes == {"suppressed"}
    other = Push()
    for _ in range(300):
        assert proxy.send(other.rule(rule_id=fresh())).outcome == "accepted"
    answer = proxy.send(other.event())
    assert answer.outcome == "suppressed"
    assert len(proxy.message(answer.id)["twins"]) == 300


def test_equal_elements_against_many_alerts(start):
    """An event of 1,024 equal elements against hundreds of alerts of its key is answered at once. (pairing 2.23)
    (fault 2.9)"""
    proxy, read = start(), Read()
    for _ in range(600):
        assert proxy.send(read.rule()).outcome == "accepted"
    body = event("read.completed", {"referenceCompany": reference(read.company),
                                    "dataTypes": [read.element(read.data_types[0])] * 1024})
    began = time.monotonic()
    assert proxy.send(body).outcome == "partial"
    assert time.monotonic() - began < 2
    assert proxy.send(rule("Data sync completed", {"dataType": read.data_types[0]}, read.company,
                           read.connection)).outcome == "suppressed"
