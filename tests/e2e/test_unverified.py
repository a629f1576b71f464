"""pairing.unverified: what a forged message can do to a genuine one, where one generation is verified and the other not."""

import pytest

from messages import REPLACED, Read, encode, fresh
from proxy import run
from signatures import SECRET, signed
from waiting import wait_until

AUTHORIZATION = "Basic c2VuZGVyOnBhc3N3b3Jk"
RETRY = {"retry__schedule": "50ms"}


def send_event(proxy, body):
    data = encode(body)
    return proxy.request("POST", "/", data, signed(SECRET, fresh(), data))


def send_rule(proxy, body):
    return proxy.send(body, Authorization=AUTHORIZATION)


@pytest.mark.parametrize("name", REPLACED)
def test_forged_rule(start, new, legacy, name):
    """With `never` a rule that anybody can forge keeps no signed event from its consumer, whether it comes before or
    after; the event suppresses the rule as ever. (fault 5.3)"""
    proxy = start(verify__event_secrets=[SECRET], pairing__unverified="never")
    before, after = REPLACED[name](), REPLACED[name]()
    assert proxy.send(before.rule()).outcome == "accepted"
    event = before.event()
    answer = send_event(proxy, event)
    assert answer.outcome == "accepted"
    assert new.wait_for_key(event["id"])[0].body == encode(event)
    shown = proxy.message(answer.id)
    assert shown["verified"] is True and shown["twins"]
    if "RateLimit" not in name:  # all of one kind are one key
        event = after.event()
        assert send_event(proxy, event).outcome == "accepted"
        assert proxy.send(after.rule()).outcome == "suppressed"
        new.wait_for_key(event["id"])


@pytest.mark.parametrize("name", REPLACED)
def test_forged_event(start, legacy, name):
    """Likewise the other way round: a forged event keeps no verified rule from its consumer. (fault 5.3)"""
    proxy = start(verify__rule_authorizations=[AUTHORIZATION], pairing__unverified="never")
    occurrence = REPLACED[name]()
    assert proxy.send(occurrence.event()).outcome == "accepted"
    rule = occurrence.rule()
    assert send_rule(proxy, rule).outcome == "accepted"
    assert legacy.wait_for_key(rule["AlertId"])[0].body == encode(rule)


def test_event_in_part(start, new):
    """Nor does it cut anything off an event of several data types. (fault 5.3)"""
    proxy = start(verify__event_secrets=[SECRET], endpoints__new__secrets=[SECRET], pairing__unverified="never")
    occurrence = Read("completed")
    event = occurrence.event()
    event["payload"]["dataTypes"].append({**event["payload"]["dataTypes"][0], "dataType": "accounts"})
    assert proxy.send(occurrence.rule()).status == 202
    assert send_event(proxy, event).outcome == "accepted"
    request = new.wait_for_key(event["id"])[0]
    assert request.body == encode(event) and "hookshift-covered" not in request.headers


@pytest.mark.parametrize("name", REPLACED)
def test_later_decisions(start, new, legacy, name):
    """A parked event is not suppressed by a forged rule that is delivered, goes out when its consumer is switched on, is
    delivered after a restart, and a replay of the rule changes nothing of it. (fault 5.3)"""
    proxy = start(verify__event_secrets=[SECRET], pairing__unverified="never")
    proxy.set_flags(legacy=True, new=False)
    occurrence = REPLACED[name]()
    event = occurrence.event()
    parked = send_event(proxy, event)
    assert parked.outcome == "parked"
    forged = proxy.send(occurrence.rule())
    assert forged.outcome == "accepted"
    proxy.wait_for_state(forged.id, "delivered")
    assert proxy.state(parked.id) == "parked"
    proxy.restart()
    assert proxy.state(parked.id) == "parked"
    proxy.set_flags(legacy=True, new=True)
    new.wait_for_key(event["id"])
    proxy.wait_for_state(parked.id, "delivered")


def test_takeover(start, new, legacy):
    """The event's death lets the rule go that it had suppressed; the rule's delivery does not close the event's case.
    (fault 5.3)"""
    new.otherwise = 410
    proxy = start(verify__event_secrets=[SECRET], pairing__unverified="never")
    occurrence = REPLACED["SyncFailed"]()
    event, rule = occurrence.event(), occurrence.rule()
    first = send_event(proxy, event)
    proxy.wait_for_state(first.id, "dead")
    second = proxy.send(rule)
    legacy.wait_for_key(rule["AlertId"])
    proxy.wait_for_state(second.id, "delivered")
    assert proxy.state(first.id) == "dead"


@pytest.mark.parametrize("name", REPLACED)
def test_held_rules(start, new, legacy, name):
    """With pairing.prefer=new nothing is doubled by it: the rule waits, and its event suppresses it. (fault 5.3)"""
    proxy = start(verify__event_secrets=[SECRET], pairing__unverified="never", pairing__prefer="new", pairing__hold="20s")
    occurrence = REPLACED[name]()
    held = proxy.send(occurrence.rule())
    assert held.outcome == "held"
    event = occurrence.event()
    assert send_event(proxy, event).outcome == "accepted"
    new.wait_for_key(event["id"])
    assert proxy.state(held.id) == "suppressed" and legacy.requests == []


@pytest.mark.parametrize("settings", [{}, {"verify__event_secrets": [SECRET], "verify__rule_authorizations": [AUTHORIZATION],
                                           "pairing__unverified": "never"},
                                      {"verify__event_secrets": [SECRET]}])
def test_trust(start, new, settings):
    """Without the setting, and where both generations are verified or neither is, a rule suppresses its event as ever.
    (fault 5.3)"""
    proxy = start(**settings)
    occurrence = REPLACED["SyncCompleted"]()
    assert send_rule(proxy, occurrence.rule()).outcome == "accepted"
    assert send_event(proxy, occurrence.event()).outcome == "suppressed"


def test_warnings(make):
    """check, start and the admin API warn where exactly one generation is verified, or none while others can reach the
    port. (fault 5.3)"""
    proxy = make(verify__event_secrets=[SECRET]).start()
    proxy.wait_for_log("warn .*only events are verified")
    assert any("only events are verified" in line for line in proxy.admin("/api/status").json["warnings"])
    checked = run("check", "--config", proxy.settings_path)
    assert b"only events are verified" in checked.stdout + checked.stderr
    open_one = make(listen="0.0.0.0:0")
    open_one.write_settings()
    checked = run("check", "--config", open_one.settings_path)
    assert b"neither generation is verified" in checked.stdout + checked.stderr
    quiet = make()
    quiet.write_settings()
    checked = run("check", "--config", quiet.settings_path)
    assert b"verified" not in checked.stdout + checked.stderr
    assert proxy.is_running and wait_until(proxy.is_ready)
