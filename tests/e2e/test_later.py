"""What happens to a message after its arrival, over real sockets: repeats of what died, items given back, alerts that
need their event, leases after a restart."""

import json
import pathlib
import threading
import time

import pytest

from messages import Push, Read
from proxy import flag_file
from waiting import wait_until

TOKEN = "of-the-operator"


def body_types(request):
    return [item["dataType"] for item in json.loads(request.body)["payload"]["dataTypes"]]


def test_dead_message_rests_when_its_twin_is_delivered(start, store, legacy, new):
    """Dead means that nobody handled it: it leaves `dead` when its event is delivered; bulk replay then skips it.
    (pairing 4.5) (fault 2.1)"""
    legacy.otherwise = 410
    proxy, occurrence = start(store=store, admin__token=TOKEN), Push()
    rule = proxy.send(occurrence.rule())
    proxy.wait_for_state(rule.id, "dead")
    assert proxy.send(occurrence.event()).outcome == "accepted"
    proxy.wait_for_state(rule.id, "suppressed")
    assert proxy.metric("hookshift_messages_in_state", state="dead") == 0
    story = json.dumps(proxy.message(rule.id)["story"])
    assert "410" in story and "its twins were delivered" in story
    legacy.otherwise = 200
    done = proxy.admin("/api/replay?state=dead", "POST").json
    assert done["replayed"] == 0
    by_id = proxy.replay(rule.id)
    assert by_id.status == 409 and b"--force" in by_id.body
    assert len(legacy.requests) == 1


def test_resend_of_a_dead_message(start, store, legacy):
    """The vendor sends a dead message again, as somebody asked: it is delivered. (pairing 3.1a) (fault 2.2)"""
    legacy.otherwise = 410
    proxy, rule = start(store=store), Push().rule()
    first = proxy.send(rule)
    proxy.wait_for_state(first.id, "dead")
    legacy.otherwise = 200
    again = proxy.send(rule)
    assert (again.status, again.outcome, again.id) == (202, "accepted", first.id)
    proxy.wait_for_state(first.id, "delivered")
    third = proxy.send(rule)
    assert (third.status, third.outcome) == (200, "duplicate")
    assert len(legacy.requests) == 2
    wait_until(lambda: "repeated by its sender" in json.dumps(proxy.message(first.id)["story"]), "the repeat in the story")


def test_resend_of_an_expired_message(start, store, legacy):
    """Expired with legacy off, sent again when it is on. (pairing 3.1a) (fault 2.2)"""
    proxy, rule = start(store=store, flags=flag_file(legacy=False), pairing__park_for="0"), Push().rule()
    first = proxy.send(rule)
    proxy.wait_for_state(first.id, "expired")
    assert proxy.send(rule).outcome == "parked"
    proxy.set_flags(legacy=True)
    assert proxy.send(rule).outcome == "accepted"
    proxy.wait_for_state(first.id, "delivered")


def test_resend_of_what_a_twin_handled(start, legacy, new):
    """Dead, but its event was delivered: a duplicate."""
    legacy.otherwise = 410
    proxy, occurrence = start(), Push()
    rule = occurrence.rule()
    first = proxy.send(rule)
    proxy.wait_for_state(first.id, "dead")
    proxy.wait_for_state(proxy.send(occurrence.event()).id, "delivered")
    proxy.wait_for_state(first.id, "suppressed")
    assert proxy.send(rule).outcome == "duplicate"
    assert len(legacy.requests) == 1


def test_item_of_an_alert_that_dies_is_sent_after(start, store, legacy, new):
    """The event goes without what its alert tells; the alert dies: the event goes once more with just that.
    (pairing 4.6) (fault 2.12)"""
    legacy.otherwise = 500
    read = Read(data_types=["invoices", "bills"])
    proxy = start(store=store, retry__schedule="400ms", endpoints__new__secrets="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    rule = proxy.send(read.rule("invoices"))
    legacy.wait_for()
    event = proxy.send(read.event())
    assert event.outcome == "partial"
    first, second = new.wait_for(2)
    assert (body_types(first), first.headers["hookshift-covered"]) == (["bills"], "invoices")
    assert (body_types(second), second.headers["hookshift-covered"]) == (["invoices"], "bills")
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    proxy.wait_for_state(event.id, "delivered")
    proxy.wait_for_state(rule.id, "suppressed")


def test_item_of_an_alert_that_is_switched_off_is_sent_after(start, legacy, new):
    """... or legacy is switched off while the alert waits for its next attempt. (pairing 4.6) (fault 2.12)"""
    legacy.otherwise = 500
    read = Read(data_types=["invoices", "bills"])
    proxy = start(retry__schedule="60s", endpoints__new__secrets="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    rule = proxy.send(read.rule("invoices"))
    legacy.wait_for()
    event = proxy.send(read.event())
    new.wait_for()
    proxy.wait_for_state(event.id, "delivered")
    proxy.set_flags(legacy=False)
    assert body_types(new.wait_for(2)[1]) == ["invoices"]
    proxy.wait_for_state(rule.id, "suppressed")
    assert len(legacy.requests) == 1


def test_alert_of_another_kind_after_the_cutover(start, store, legacy, new):
    """"completed" suppressed the event, then legacy goes off, then "changed" arrives: the event is delivered for it.
    (pairing 4.8) (fault 2.13)"""
    read = Read(kind="changed", data_types=["invoices"])
    proxy = start(store=store)
    proxy.wait_for_state(proxy.send(read.rule("invoices", kind="completed")).id, "delivered")
    event = proxy.send(read.event())
    assert event.outcome == "suppressed"
    proxy.set_flags(legacy=False)
    changed = proxy.send(read.rule("invoices", kind="changed"))
    assert (changed.status, changed.outcome) == (200, "suppressed")
    proxy.wait_for_state(event.id, "delivered")
    assert len(new.requests) == 1


def test_restart_with_legacy_off_delivers_nothing_to_it(start, legacy, new):
    """Many wait for legacy; the process ends, legacy goes off, the process begins: none of them goes to it.
    (pairing 4.10) (fault 2.16)"""
    legacy.otherwise = 503
    proxy = start(retry__schedule="1s")
    answers = [proxy.send(Push().rule()) for _ in range(200)]
    wait_until(lambda: len(legacy.requests) >= 5, "legacy to fail")
    proxy.terminate()
    proxy.write_flags(flag_file(legacy=False))
    legacy.otherwise = 200
    before = len(legacy.requests)
    proxy.start()
    for answer in answers:
        proxy.wait_for_state(answer.id, "parked")
    assert len(legacy.requests) == before


def test_lease_asks_the_flag(start, legacy, new):
    """A message that waits for its retry when legacy goes off is not tried again. (pairing 4.10)"""
    legacy.otherwise = 500
    proxy = start(retry__schedule="300ms,300ms,300ms")
    rule = proxy.send(Push().rule())
    legacy.wait_for()
    proxy.set_flags(legacy=False)
    proxy.wait_for_state(rule.id, "parked")


def test_another_catalogue_is_told_of(start):
    """The catalogue changes over a restart while messages are open: told once. (fault 2.19)"""
    proxy = start(flags=flag_file(legacy=False))
    proxy.send(Push().rule())
    proxy.terminate()
    builtin = (pathlib.Path(__file__).parents[2] / "proxy/decide/catalog.json").read_text()
    other = proxy.folder / "catalogue.json"
    other.write_text(builtin + "\n")
    proxy.start()
    assert "the catalogue is another one" not in proxy.text()
    proxy.terminate()
    proxy.settings["catalogue"] = str(other)
    proxy.start()
    proxy.wait_for_log("the catalogue is another one than before.*open=1")
    proxy.terminate()
    before = len(proxy.log)
    proxy.start()
    assert not any("the catalogue is another one" in line for line in proxy.log[before:])


def test_data_type_that_stays_in_the_body_is_not_named(start, legacy, new):
    """One alert and an event that lists its data type twice: one element stays, so the header does not say it is gone.
    (fault 6.7)"""
    read = Read(data_types=["invoices", "bills"])
    proxy = start(endpoints__new__secrets="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    proxy.wait_for_state(proxy.send(read.rule("invoices")).id, "delivered")
    elements = [read.element("invoices"), read.element("bills"), read.element("invoices")]
    assert proxy.send(read.event(elements=elements)).outcome == "partial"
    request = new.wait_for()[0]
    covered = request.headers.get("hookshift-covered", "").split(",")
    assert sorted(body_types(request)) == ["bills", "invoices"] and "invoices" not in covered


def test_sender_that_waits_for_a_slow_consumer_hears_of_the_flag(start, store, legacy):
    """acknowledge=delivered: it waits for room, legacy goes off meanwhile: parked and answered so, not delivered.
    (pairing 4.10) (fault 2.17)"""
    release = threading.Event()
    legacy.otherwise = lambda request: release.wait(10) and 200
    proxy = start(store=store, acknowledge="delivered", endpoints__legacy__concurrency=1)
    answers = []
    senders = [threading.Thread(target=lambda: answers.append(proxy.send(Push().rule()))) for _ in range(4)]
    for sender in senders:
        sender.start()
    wait_until(lambda: legacy.in_flight == 1 and len(proxy.messages()["messages"]) == 4, "one under way, three waiting")
    proxy.set_flags(legacy=False)
    release.set()
    for sender in senders:
        sender.join()
    assert sorted((answer.status, answer.outcome) for answer in answers) == [(200, "delivered")] + [(202, "parked")] * 3
    assert len(legacy.requests) == 1
    for answer in answers:
        if answer.outcome == "parked":
            proxy.wait_for_state(answer.id, "parked")


@pytest.mark.parametrize("restarts", [False, True])
def test_refused_message_keeps_its_first_arrival(start, legacy, new, restarts):
    """acknowledge=delivered: an alert is refused by 503, its event is delivered, the alert comes again after the
    window: told already. (pairing 1.12) (fault 2.18)"""
    legacy.script = [500]
    read = Read(data_types=["invoices"])
    proxy = start(acknowledge="delivered", pairing__window="1s")
    rule = read.rule("invoices")
    assert proxy.send(rule).status == 503
    assert proxy.send(read.event()).outcome == "delivered"
    if restarts:
        proxy.terminate()
        proxy.start()
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 2.2, "the window to be over")
    again = proxy.send(rule)
    assert (again.status, again.outcome) == (200, "suppressed")
    assert len(legacy.requests) == 1
