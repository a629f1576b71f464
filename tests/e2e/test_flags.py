"""Flags: a side that is off, and what becomes of its messages."""

import json

import pytest

from messages import Push
from proxy import flag_file
from waiting import wait_until


def test_parked(start, store, legacy):
    """A message whose side is off and whose twin has not come is parked: 202, kept, not delivered. (pairing 3.3f)"""
    proxy = start(store=store, flags=flag_file(legacy=False))
    answer = proxy.send(Push().rule())
    assert (answer.status, answer.outcome) == (202, "parked")
    assert proxy.state(answer.id) == "parked"
    assert legacy.requests == []


def test_parked_until_its_twin_is_handled(start, store, legacy, new):
    """A parked message becomes suppressed when the other side handles its twin. (pairing 3.4, 3.6a)"""
    proxy, occurrence = start(store=store, flags=flag_file(legacy=False)), Push()
    parked = proxy.send(occurrence.rule())
    assert proxy.send(occurrence.event()).outcome == "accepted"
    proxy.wait_for_state(parked.id, "suppressed")
    new.wait_for()
    assert legacy.requests == []


def test_side_off_and_twin_handled(start, new):
    """A message whose side is off, but whose twin is handled already, is suppressed at once. (pairing 3.3b)"""
    proxy, occurrence = start(flags=flag_file(legacy=False)), Push()
    assert proxy.send(occurrence.event()).outcome == "accepted"
    assert proxy.send(occurrence.rule()).outcome == "suppressed"


def test_switched_off_too_early(start, store, legacy):
    """Legacy off before the new side sends anything: every alert is parked; on again, all are delivered, once.
    (pairing 3.5a, 3.7)"""
    proxy = start(store=store, flags=flag_file(legacy=False))
    bodies = [Push().rule() for _ in range(30)]
    assert {proxy.send(body).outcome for body in bodies} == {"parked"}
    proxy.set_flags(legacy=True)
    legacy.wait_for(30)
    wait_until(lambda: proxy.messages(state="delivered", limit=100)["messages"].__len__() == 30, "all delivered")
    assert sorted(legacy.keys()) == sorted(body["AlertId"] for body in bodies)


def test_both_off(start, legacy, new):
    """Both sides off: both messages wait; the side that is switched on handles, and the other is suppressed."""
    proxy, occurrence = start(flags=flag_file(legacy=False, new=False)), Push()
    rule, event = proxy.send(occurrence.rule()), proxy.send(occurrence.event())
    assert (rule.outcome, event.outcome) == ("parked", "parked")
    proxy.set_flags(legacy=False, new=True)
    proxy.wait_for_state(event.id, "delivered")
    proxy.wait_for_state(rule.id, "suppressed")
    assert legacy.requests == []


def test_both_off_then_both_on(start, legacy, new):
    """Both switched on together: one of the two is delivered, whichever is decided first."""
    proxy, occurrence = start(flags=flag_file(legacy=False, new=False)), Push()
    ids = [proxy.send(body).id for body in (occurrence.rule(), occurrence.event())]
    proxy.set_flags(legacy=True, new=True)
    wait_until(lambda: sorted(map(proxy.state, ids)) == ["delivered", "suppressed"], "one delivered, one suppressed")
    assert len(legacy.requests) + len(new.requests) == 1


def test_pending_is_parked_when_its_side_goes_off(start, legacy):
    """A pending message whose side goes off, with no attempt under way, is parked, and goes on when it is on again.
    (pairing 3.5b)"""
    legacy.otherwise = 500
    proxy = start(retry__schedule="1h,1h")
    answer = proxy.send(Push().rule())
    legacy.wait_for()
    proxy.set_flags(legacy=False)
    proxy.wait_for_state(answer.id, "parked")
    legacy.otherwise = 200
    proxy.set_flags(legacy=True)
    proxy.wait_for_state(answer.id, "delivered")


def test_flip_uncovers_suppressed_twins(start, legacy, new):
    """A pending message that is parked by a flip no longer covers its suppressed twin, which is decided again.
    (pairing 3.5c)"""
    legacy.otherwise = 500
    proxy, occurrence = start(retry__schedule="1h,1h"), Push()
    rule = proxy.send(occurrence.rule())
    event = proxy.send(occurrence.event())
    assert event.outcome == "suppressed"
    legacy.wait_for()
    proxy.set_flags(legacy=False, new=True)
    proxy.wait_for_state(event.id, "delivered")
    proxy.wait_for_state(rule.id, "suppressed")
    assert len(new.requests) == 1


def test_delivered_stays_delivered(start, legacy, new):
    """A flip changes nothing for what is delivered and for those suppressed by it. (pairing 3.5d)"""
    proxy, occurrence = start(), Push()
    rule = proxy.send(occurrence.rule())
    proxy.wait_for_state(rule.id, "delivered")
    event = proxy.send(occurrence.event())
    proxy.set_flags(legacy=False)
    proxy.set_flags(legacy=True, new=False)
    proxy.set_flags()
    assert (proxy.state(rule.id), proxy.state(event.id)) == ("delivered", "suppressed")
    assert (len(legacy.requests), len(new.requests)) == (1, 0)


def test_park_for(start, legacy):
    """A parked message expires when pairing.park_for has passed; switching its side on no longer delivers it.
    (pairing 3.6d)"""
    proxy = start(flags=flag_file(legacy=False), pairing__park_for="100ms")
    answer = proxy.send(Push().rule())
    assert answer.outcome == "parked"
    proxy.wait_for_state(answer.id, "expired")
    proxy.set_flags(legacy=True)
    marker = proxy.send(Push().rule())
    proxy.wait_for_state(marker.id, "delivered")
    assert proxy.state(answer.id) == "expired"
    assert len(legacy.requests) == 1


def test_park_for_0(start, legacy):
    """park_for 0: not parked at all, expired at once; still kept, and delivered when replayed. (pairing 3.6e)"""
    proxy = start(flags=flag_file(legacy=False), pairing__park_for="0", admin__token="of-the-operator")
    answer = proxy.send(Push().rule())
    assert answer.status in (200, 202)
    assert proxy.state(answer.id) == "expired"
    assert proxy.replay(answer.id).status == 202
    proxy.wait_for_state(answer.id, "delivered")
    assert len(legacy.requests) == 1


def test_parked_can_be_replayed(start, legacy):
    """An operator can have a parked message delivered, though its side is off. (pairing 3.6c)"""
    proxy = start(flags=flag_file(legacy=False), admin__token="of-the-operator")
    answer = proxy.send(Push().rule())
    assert proxy.replay(answer.id).status == 202
    proxy.wait_for_state(answer.id, "delivered")
    assert len(legacy.requests) == 1


def test_parked_survives_a_restart(start, legacy):
    """What is parked is still parked after kill -9, and delivered when its side goes on."""
    proxy = start(flags=flag_file(legacy=False))
    answer = proxy.send(Push().rule())
    proxy.kill()
    proxy.flag_path.write_text(flag_file(legacy=True))
    proxy.start()
    proxy.wait_for_state(answer.id, "delivered")
    assert len(legacy.requests) == 1


# --- the file

def test_missing_and_disabled_flags(start, legacy, new):
    """A flag that is missing or disabled has the value of an unmigrated system: legacy on, new off."""
    disabled = {"state": "DISABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
    proxy = start(flags=json.dumps({"flags": {"legacy-consumer": disabled}}))
    assert proxy.send(Push().rule()).outcome == "accepted"
    assert proxy.send(Push().event()).outcome == "parked"


@pytest.mark.parametrize("bad", ["", "   ", "{", "[]", "null", '{"flags": 5}', "\x00\xff",
                                 '{"flags": {"legacy-consumer": {"state": "ON"}}}'])
def test_bad_file_changes_nothing(start, bad):
    """A flag file that turns empty or invalid changes nothing: the last good one stays, and the metric says so."""
    proxy = start(flags=flag_file(legacy=True, new=False))
    assert proxy.metric("hookshift_flags_last_reload_success") == 1
    proxy.write_flags(bad)
    wait_until(lambda: proxy.metric("hookshift_flags_last_reload_success") == 0, "the failed reload")
    assert proxy.send(Push().rule()).outcome == "accepted"
    assert proxy.send(Push().event()).outcome == "parked"
    proxy.set_flags(legacy=True, new=True)
    assert proxy.metric("hookshift_flags_last_reload_success") == 1
    assert proxy.send(Push().event()).outcome == "accepted"


def test_file_that_goes_away(start):
    """A flag file that is removed, or turns into a folder, changes nothing; when it is back it counts."""
    proxy = start(flags=flag_file(legacy=True, new=False))
    proxy.flag_path.unlink()
    wait_until(lambda: proxy.metric("hookshift_flags_last_reload_success") == 0, "the failed reload")
    proxy.flag_path.mkdir()
    assert proxy.send(Push().event()).outcome == "parked"
    proxy.flag_path.rmdir()
    proxy.set_flags(legacy=True, new=True)
    assert proxy.send(Push().event()).outcome == "accepted"


def test_edit_in_place(start):
    """A file that is rewritten in place is seen."""
    proxy = start(flags=flag_file(legacy=True, new=False))
    proxy.flag_path.write_text(flag_file(legacy=True, new=True))
    wait_until(lambda: proxy.metric("hookshift_flag_enabled", flag="new-consumer") == 1, "the flag to be on")


def test_symlink_swap(make, tmp_path):
    """A ConfigMap swaps a link to a folder: that is seen."""
    for name, on in (("one", False), ("two", True)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "flags.json").write_text(flag_file(new=on))
    (tmp_path / "data").symlink_to(tmp_path / "one")
    (tmp_path / "mounted.json").symlink_to("data/flags.json")
    proxy = make(flags__file=str(tmp_path / "mounted.json")).start()
    assert proxy.metric("hookshift_flag_enabled", flag="new-consumer") == 0
    (tmp_path / "data.new").symlink_to(tmp_path / "two")
    (tmp_path / "data.new").rename(tmp_path / "data")
    wait_until(lambda: proxy.metric("hookshift_flag_enabled", flag="new-consumer") == 1, "the flag to be on")


def test_changes_are_logged(start):
    """Every change of a flag's outcome is logged."""
    proxy = start()
    proxy.set_flags(legacy=True, new=False)
    line = proxy.wait_for_log("new-consumer")
    assert "new-consumer" in line


@pytest.mark.parametrize("bad", [None, "", "{", '{"flags": 7}', "folder", "unreadable"])
def test_bad_file_at_start(make, bad):
    """A flag file that is missing, empty or invalid at start is an error: exit 2, naming the file."""
    proxy = make(flags=bad if bad not in (None, "folder", "unreadable") else "{}")
    if bad in (None, "folder"):
        proxy.flag_path.unlink()
    if bad == "folder":
        proxy.flag_path.mkdir()
    if bad == "unreadable":
        proxy.flag_path.unlink()
        proxy.flag_path.symlink_to("/proc/self/mem")
    proxy.launch()
    assert proxy.wait_for_exit() == 2
    assert str(proxy.flag_path) in proxy.text()
    proxy.process = None
