"""Events with several items, of which some are handled by the other side."""

import threading

import pytest

from messages import Connection, Push, Read, encode, fresh
from proxy import flag_file
from signatures import SECRET, is_signed, signed
from waiting import wait_until

TYPES = ["invoices", "bills", "payments", "customers", "accounts"]


def elements_of(request):
    return [element["dataType"] for element in request.json["payload"]["dataTypes"]]


# --- trim and forward

def test_trim(start, store, new):
    """Covered elements are cut out of dataTypes, all else stays byte for byte, signed anew under the same webhook-id.
    (pairing 3.3c, 5.1, 5.2, 5.5)"""
    proxy, read = start(store=store, endpoints__new__secrets=[SECRET]), Read(data_types=TYPES)
    for covered in ("invoices", "customers"):
        assert proxy.send(read.rule(covered)).outcome == "accepted"
    body, webhook_id = encode(read.event()), fresh()
    body = body.replace(b"}, {", b"}  ,\n {").replace(b": ", b" :\t") + b"\n"
    answer = proxy.send(body, webhook_id)
    assert (answer.status, answer.outcome) == (202, "partial")
    request = new.wait_for()[0]
    assert elements_of(request) == ["bills", "payments", "accounts"]
    assert request.headers["webhook-id"] == webhook_id
    assert sorted(request.headers["hookshift-covered"].replace(" ", "").split(",")) == ["customers", "invoices"]
    assert is_signed(request, SECRET)
    head, tail = body.index(b"[") + 1, body.rindex(b"]")
    assert request.body.startswith(body[:head])
    assert request.body.endswith(body[tail:])
    original = [piece for piece in body[head:tail].split(b"  ,\n ")]
    for kept in (original[1], original[2], original[4]):
        assert kept in request.body
    assert "signature" not in str(proxy.message(answer.id)).lower() or SECRET not in str(proxy.message(answer.id))


@pytest.mark.parametrize("covered", [["invoices"], ["accounts"], ["bills", "payments", "customers"], ["invoices", "accounts"],
                                     TYPES[:4], TYPES[1:]])
def test_trim_anywhere(start, new, covered):
    """Wherever the covered elements stand, what is left is a proper list. (pairing 5.1)"""
    proxy, read = start(endpoints__new__secrets=[SECRET]), Read(data_types=TYPES)
    for data_type in covered:
        proxy.send(read.rule(data_type))
    assert proxy.send(read.event(), fresh()).outcome == "partial"
    assert elements_of(new.wait_for()[0]) == [name for name in TYPES if name not in covered]


def test_all_covered(start, new):
    """An event of which every element is covered is suppressed. (pairing 3.3a)"""
    proxy, read = start(endpoints__new__secrets=[SECRET]), Read(data_types=TYPES)
    for data_type in TYPES:
        proxy.send(read.rule(data_type))
    assert proxy.send(read.event()).outcome == "suppressed"


def test_forward(start, store, new):
    """partial=forward delivers the event whole and names what is covered. (pairing 5.4, 5.5)"""
    proxy = start(store=store, pairing__partial="forward", endpoints__new__secrets=[SECRET])
    read = Read(data_types=TYPES)
    proxy.send(read.rule("bills"))
    body = encode(read.event())
    assert proxy.send(body, fresh()).outcome == "partial"
    request = new.wait_for()[0]
    assert request.body == body
    assert request.headers["hookshift-covered"] == "bills"


def test_trim_without_a_secret(start, new):
    """Where the signature could not be renewed the event is delivered whole, with the sender's own signature.
    (pairing 5.3, 5.5)"""
    proxy, read = start(), Read(data_types=TYPES)
    proxy.send(read.rule("bills"))
    body, webhook_id = encode(read.event()), fresh()
    headers = {name.replace("-", "_"): value for name, value in signed("whsec_" + "c2VuZGVy", webhook_id, body).items()}
    assert proxy.send(body, **headers).outcome == "partial"
    request = new.wait_for()[0]
    assert request.body == body
    assert request.headers["hookshift-covered"] == "bills"
    assert request.headers["webhook-signature"] == headers["webhook_signature"]


def test_trimmed_body_is_signed_anew_for_each_attempt(start, new):
    """Each attempt has a signature of its own, over the same trimmed body. (pairing 5.2)"""
    new.script = [500, 503]
    proxy, read = start(endpoints__new__secrets=[SECRET]), Read(data_types=TYPES)
    proxy.send(read.rule("bills"))
    proxy.send(read.event(), fresh())
    requests = new.wait_for(3)
    assert len({request.body for request in requests}) == 1
    assert all(is_signed(request, SECRET) for request in requests)


def test_partly_covered_and_off(start, legacy, new):
    """An event whose side is off and which is covered in part only is parked; on again, the rest is delivered.
    (pairing 3.3d)"""
    proxy = start(endpoints__new__secrets=[SECRET], flags=flag_file(new=False))
    read = Read(data_types=TYPES)
    proxy.send(read.rule("bills"))
    answer = proxy.send(read.event(), fresh())
    assert answer.outcome == "parked"
    proxy.set_flags(new=True)
    proxy.wait_for_state(answer.id, "delivered")
    assert elements_of(new.requests[0]) == ["invoices", "payments", "customers", "accounts"]


def test_parked_event_is_suppressed_by_its_last_alert(start, legacy):
    """A parked event is suppressed when the last of its elements is handled by the other side, not before.
    (pairing 3.4)"""
    proxy, read = start(flags=flag_file(new=False)), Read(data_types=TYPES)
    event = proxy.send(read.event())
    for data_type in TYPES:
        assert proxy.state(event.id) == "parked"
        assert proxy.send(read.rule(data_type)).outcome == "accepted"
    proxy.wait_for_state(event.id, "suppressed")


def test_trimmed_event_covers_only_what_it_has(start, legacy, new):
    """An alert whose element was cut out of the event is not covered by it: legacy, which has its sibling, gets it."""
    proxy, read = start(endpoints__new__secrets=[SECRET]), Read("changed", data_types=["invoices", "bills"])
    assert proxy.send(read.rule("invoices", "completed")).outcome == "accepted"
    assert proxy.send(read.event(), fresh()).outcome == "partial"
    assert proxy.send(read.rule("invoices", "changed")).outcome == "accepted"
    assert proxy.send(read.rule("bills", "changed")).outcome == "suppressed"
    assert elements_of(new.wait_for()[0]) == ["bills"]
    legacy.wait_for(2)


# --- prefer

def test_prefer_new_event_in_time(start, store, legacy, new):
    """prefer=new holds a rule; its event comes in time and wins. (pairing 6.3, 6.6)"""
    proxy, push = start(store=store, pairing__prefer="new"), Push()
    rule = proxy.send(push.rule())
    assert (rule.status, rule.outcome) == (202, "held")
    assert proxy.send(push.event()).outcome == "accepted"
    proxy.wait_for_state(rule.id, "suppressed")
    new.wait_for()
    assert legacy.requests == []


def test_prefer_new_event_not_in_time(start, store, legacy, new):
    """... the hold runs out: the rule is delivered, and the event that comes later is suppressed. (pairing 6.4)"""
    proxy, push = start(store=store, pairing__prefer="new", pairing__hold="100ms"), Push()
    rule = proxy.send(push.rule())
    assert rule.outcome == "held"
    proxy.wait_for_state(rule.id, "delivered")
    assert proxy.send(push.event()).outcome == "suppressed"
    assert new.requests == []


def test_prefer_legacy(start, store, legacy, new):
    """prefer=legacy holds an event likewise. (pairing 6.5)"""
    proxy, push = start(store=store, pairing__prefer="legacy"), Push()
    event = proxy.send(push.event())
    assert event.outcome == "held"
    assert proxy.send(push.rule()).outcome == "accepted"
    proxy.wait_for_state(event.id, "suppressed")
    assert new.requests == []


def test_prefer_legacy_not_in_time(start, legacy, new):
    """... and delivers it when no rule comes. (pairing 6.5)"""
    proxy, push = start(pairing__prefer="legacy", pairing__hold="100ms"), Push()
    event = proxy.send(push.event())
    proxy.wait_for_state(event.id, "delivered")
    assert proxy.send(push.rule()).outcome == "suppressed"


def test_the_preferred_side_is_never_held(start):
    """The preferred side's own messages, and those without counterpart, are not held. (pairing 6.3, 6.5)"""
    from messages import account_categories_updated, company_created
    proxy = start(pairing__prefer="new")
    assert proxy.send(Push().event()).outcome == "accepted"
    assert proxy.send(account_categories_updated()).outcome == "accepted"
    proxy = start(pairing__prefer="legacy")
    assert proxy.send(Push().rule()).outcome == "accepted"
    assert proxy.send(company_created()).outcome == "accepted"


def test_nothing_is_held_for_a_side_that_is_off(start, legacy):
    """While the preferred side is off there is nobody to hold for. (pairing 6.7)"""
    proxy = start(pairing__prefer="new", flags=flag_file(new=False))
    assert proxy.send(Push().rule()).outcome == "accepted"
    legacy.wait_for()


def test_prefer_by_type(start):
    """The preference can be set for single event types. (pairing 6.1)"""
    proxy = start(pairing__prefer_by_type={"connection.connected": "new"})
    assert proxy.send(Connection("connected").rule()).outcome == "held"
    assert proxy.send(Connection("disconnected").rule()).outcome == "accepted"
    assert proxy.send(Push().rule()).outcome == "accepted"


def test_held_survives_a_restart(start, legacy):
    """What is held is delivered when its time is over, also after kill -9 in between."""
    proxy = start(pairing__prefer="new", pairing__hold="700ms")
    rule = proxy.send(Push().rule())
    assert rule.outcome == "held"
    proxy.restart()
    proxy.wait_for_state(rule.id, "delivered")
    assert len(legacy.requests) == 1


def test_held_and_switched_off(start, legacy):
    """A held rule whose side goes off before its time is over is parked then, not delivered. (pairing 6.7)"""
    proxy = start(pairing__prefer="new", pairing__hold="1s")
    rule = proxy.send(Push().rule())
    proxy.set_flags(legacy=False)
    proxy.wait_for_state(rule.id, "parked")
    assert legacy.requests == []


# --- all together

class Dataset:
    """One read of five data types: one event, nine alerts."""

    KINDS = {"invoices": ["completed", "changed"], "bills": ["completed"], "payments": ["error"],
             "customers": ["completed", "changed", "error"], "accounts": ["completed", "changed"]}

    def __init__(self):
        read = Read(data_types=list(self.KINDS))
        elements = [dict(read.element(name), recordsModified="changed" in kinds,
                         status="ProcessingError" if "error" in kinds else "Complete")
                    for name, kinds in self.KINDS.items()]
        self.event = read.event(elements)
        self.alerts = {}  # AlertId -> data type
        self.bodies = [self.event]
        for name, kinds in self.KINDS.items():
            for kind in kinds:
                body = read.rule(name, kind)
                self.alerts[body["AlertId"]] = name
                self.bodies.append(body)

    def got_by_legacy(self, legacy):
        """Data types and how many alerts of each."""
        counts = {}
        for key in legacy.keys():
            if key in self.alerts:
                counts[self.alerts[key]] = counts.get(self.alerts[key], 0) + 1
        return counts

    def got_by_new(self, new):
        mine = [request for request in list(new.requests) if request.key == self.event["id"]]
        return [name for request in mine for name in elements_of(request)]


def send_all(proxy, bodies, at_once):
    """Every body under a webhook-id of its own, in this order or all at once; returns the answers."""
    answers = []

    def send(body):
        answer = proxy.send(body, fresh())
        assert answer.status in (200, 202), answer
        answers.append(answer)

    if not at_once:
        for body in bodies:
            send(body)
        return answers
    threads = [threading.Thread(target=send, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(bodies)
    return answers


def settle(proxy, answers):
    """Waits until nothing is on its way any more."""
    for answer in answers:
        wait_until(lambda: proxy.state(answer.id) in ("delivered", "suppressed"), f"{answer.id} to be settled")


@pytest.mark.parametrize("acknowledge", ["stored", "delivered"])
@pytest.mark.parametrize("prefer, partial", [
    ("first", "trim"), ("new", "trim"), ("legacy", "trim"), ("first", "forward")])
def test_random_orders(start, chance, legacy, new, acknowledge, prefer, partial):
    """Nine alerts and their read.completed in 20 random orders and interleavings: each data type is handled by
    exactly one side, and all its alerts by legacy where it is legacy; with forward by one at least. (pairing 7.4)"""
    proxy = start(acknowledge=acknowledge, pairing__prefer=prefer, pairing__partial=partial, pairing__hold="30s",
                  endpoints__new__secrets=[SECRET])
    for order in range(20):
        data = Dataset()
        chance.shuffle(data.bodies)
        settle(proxy, send_all(proxy, data.bodies, at_once=order % 2 == 1))
        by_legacy, by_new = data.got_by_legacy(legacy), data.got_by_new(new)
        assert len(by_new) == len(set(by_new))
        assert set(by_legacy) | set(by_new) == set(data.KINDS)
        if partial == "trim":
            assert not set(by_legacy) & set(by_new)
            assert by_legacy == {name: len(data.KINDS[name]) for name in by_legacy}
        if prefer == "new":
            assert set(by_legacy) == set()
