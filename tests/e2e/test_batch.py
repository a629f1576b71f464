"""Bodies that hold many messages, and bodies that are no JSON object."""

import json
import time

import pytest

from messages import encode, fresh
from vendors import Transition
from waiting import wait_until


@pytest.fixture
def start_vendor(start, tmp_path):
    """start_vendor(**settings): PagerDuty's catalogue; `catalogue`: an own one, as an object."""
    def begin(catalogue="pagerduty", **settings):
        if isinstance(catalogue, dict):
            path = tmp_path / "own.json"
            path.write_text(json.dumps(catalogue))
            catalogue = str(path)
        return start(catalogue=catalogue, **settings)

    return begin


def batch(*messages, **around):
    return {**around, "messages": list(messages)}


def test_each_is_a_message_of_its_own(start_vendor, legacy):
    """Each element is stored and delivered by itself, as the body with that one element, byte for byte."""
    proxy = start_vendor()
    one, two = Transition("P1", "trigger").message(), Transition("P2", "resolve").message()
    raw = b'{ "before" : [1, 2],\n"messages":[ ' + encode(one) + b"\n , " + encode(two) + b'\t],  "after": "\\u00e9"}\n'
    answer = proxy.send(raw)
    assert answer.status == 202 and answer.outcome == "accepted"
    assert [part["outcome"] for part in answer.json["messages"]] == ["accepted", "accepted"]
    sent = {request.body for request in legacy.wait_for(2)}
    assert sent == {b'{ "before" : [1, 2],\n"messages":[ ' + encode(message) + b'\t],  "after": "\\u00e9"}\n'
                    for message in (one, two)}
    for part in answer.json["messages"]:
        proxy.wait_for_state(part["id"], "delivered")


def test_one_element_stays_as_it_is(start_vendor, legacy):
    """A list of one is the body as it was received."""
    proxy = start_vendor()
    raw = b'{"messages" : [\n' + encode(Transition("P1", "trigger").message()) + b" ] }"
    assert proxy.send(raw).status == 202
    assert legacy.wait_for()[0].body == raw


@pytest.mark.parametrize("unrecognised,status", [("legacy", 202), ("new", 202), ("reject", 422)])
def test_no_message_in_it(start_vendor, legacy, new, unrecognised, status):
    """A list of none holds no message: it goes where unrecognised bodies go."""
    proxy = start_vendor(unrecognised=unrecognised)
    assert proxy.send(b'{"messages": []}').status == status
    if status == 202:
        assert {"legacy": legacy, "new": new}[unrecognised].wait_for()[0].body == b'{"messages": []}'


def test_a_thousand(start_vendor, legacy):
    """A thousand messages are admitted in one transaction, and each is delivered once."""
    proxy = start_vendor()
    messages = [Transition(f"P{i}", "trigger").message() for i in range(1000)]
    answer = proxy.send(batch(*messages))
    assert answer.status == 202 and len(answer.json["messages"]) == 1000
    requests = legacy.wait_for(1000)
    assert {request.json["messages"][0]["id"] for request in requests} == {message["id"] for message in messages}
    assert all(len(request.json["messages"]) == 1 for request in requests)


def test_repeated_batch(start_vendor, legacy):
    """The vendor's repeat of a body is a duplicate of each of its messages, in any order and mixture."""
    proxy = start_vendor()
    messages = [Transition(f"P{i}", "trigger").message() for i in range(3)]
    assert proxy.send(batch(*messages)).status == 202
    again = proxy.send(batch(*messages))
    assert again.status == 200 and again.outcome == "duplicate"
    mixed = proxy.send(batch(messages[1], Transition("P9", "trigger").message()))
    assert mixed.status == 202 and [part["outcome"] for part in mixed.json["messages"]] == ["duplicate", "accepted"]
    legacy.wait_for(4)
    twice = Transition("P7", "trigger").message()
    assert [part["outcome"] for part in proxy.send(batch(twice, twice)).json["messages"]] == ["accepted", "duplicate"]


def test_batch_under_one_webhook_id(start_vendor, legacy):
    """Messages that came under one webhook-id are told apart: by an id of their own, which a repeat has as well."""
    catalogue = {"format": 1, "shapes": [{"generation": "rule", "type": "[].kind", "messages": "[]"}],
                 "rule": {"variables": {}}, "event": {"variables": {}}, "rules": [], "events": []}
    proxy = start_vendor(catalogue)
    raw = b'[{"kind": "a"}, {"kind": "b"}]'
    assert proxy.send(raw, "id-1").status == 202
    requests = legacy.wait_for(2)
    assert {(request.headers["webhook-id"], request.body) for request in requests} == {
        ("id-1-1", b'[{"kind": "a"}]'), ("id-1-2", b'[{"kind": "b"}]')}
    assert proxy.send(raw, "id-1").outcome == "duplicate"


def test_mixed_batch(start_vendor, legacy):
    """An element that is no message is unrecognised alone; the others are what they are."""
    proxy = start_vendor()
    good = Transition("P1", "trigger").message()
    answer = proxy.send(batch(good, 7, {"something": "else"}, None))
    assert answer.status == 202 and len(answer.json["messages"]) == 4
    bodies = [request.json["messages"] for request in legacy.wait_for(4)]
    assert sorted(map(json.dumps, bodies)) == sorted(map(json.dumps, ([good], [7], [{"something": "else"}], [None])))
    states = [proxy.message(part["id"])["generation"] for part in answer.json["messages"]]
    assert states == ["rule", "unknown", "unknown", "unknown"]


def test_whole_or_not_at_all(start_vendor, legacy):
    """One element that is refused, or too little room for all, refuses the whole body and stores nothing of it."""
    proxy = start_vendor(unrecognised="reject")
    assert proxy.send(batch(Transition("P1", "trigger").message(), 7)).status == 422
    assert proxy.messages()["messages"] == []
    proxy = start_vendor(limits__backlog=5, endpoints__legacy__concurrency=1)
    legacy.otherwise = 500
    answer = proxy.send(batch(*(Transition(f"P{i}", "trigger").message() for i in range(6))))
    assert answer.status == 503 and answer.headers["retry-after"]
    assert proxy.messages()["messages"] == []
    assert proxy.send(batch(*(Transition(f"P{i}", "trigger").message() for i in range(5)))).status == 202


def test_batch_is_there_after_a_crash(start_vendor, legacy):
    """What was answered 2xx is delivered after a crash, each message once more at most."""
    legacy.otherwise = 503
    proxy = start_vendor(retry__schedule="1s,1s,1s,1s,1s")
    messages = [Transition(f"P{i}", "trigger").message() for i in range(50)]
    assert proxy.send(batch(*messages)).status == 202
    proxy.kill()
    legacy.otherwise = 200
    proxy.start()
    ids = {message["id"] for message in messages}
    wait_until(lambda: ids <= {request.json["messages"][0]["id"] for request in list(legacy.requests)
                               if request.answered == 200}, "all of them to be delivered")


@pytest.mark.parametrize("unrecognised,status", [("legacy", 202), ("new", 202), ("reject", 422)])
@pytest.mark.parametrize("kind,body", [
    ("application/x-www-form-urlencoded", b"payload=%7B%22a%22%3A1%7D&b=2"), ("text/xml", b"<a><b>c</b></a>"),
    ("application/json", b"[1, 2]"), ("application/json", b"7"), ("text/plain", b"\xff\xfe not UTF-8"),
    ("application/json", b'{"cut": ')])
def test_other_bodies(start_vendor, legacy, new, unrecognised, status, kind, body):
    """Where the catalogue says so, what is no JSON object is unrecognised, and delivered as it is where that goes."""
    proxy = start_vendor(unrecognised=unrecognised)
    answer = proxy.request("POST", "/hooks", body, {"Content-Type": kind})
    assert answer.status == status
    if status == 202:
        request = {"legacy": legacy, "new": new}[unrecognised].wait_for()[0]
        assert request.body == body and request.headers["content-type"] == kind


def test_other_bodies_are_refused_otherwise(start, legacy):
    """Without that word of the catalogue they are answered 400, as ever."""
    proxy = start()
    for body in (b"<a/>", b"[1]", b"a=b"):
        assert proxy.send(body).status == 400


def test_answers_that_the_vendor_understands(start_vendor, legacy):
    """The catalogue says which status means taken, and which one to send again later."""
    own = {"format": 1, "answers": {"accepted_status": 200, "again_later_status": 500},
           "shapes": [{"generation": "rule", "type": "kind"}], "rule": {"variables": {"id": "id"}},
           "event": {"variables": {}}, "rules": [], "events": []}
    proxy = start_vendor(own, limits__backlog=1)
    legacy.otherwise = 500
    answer = proxy.send({"kind": "a", "id": "1"})
    assert (answer.status, answer.outcome) == (200, "accepted")
    assert proxy.send({"kind": "a", "id": "1"}).status == 200
    refused = proxy.send({"kind": "a", "id": "2"})
    assert refused.status == 500 and refused.headers["retry-after"]


def test_too_many_for_one_body(start_vendor, legacy):
    """A body with more messages than can be taken apart goes as it is where unrecognised bodies go."""
    proxy = start_vendor()
    raw = encode(batch(*([{"event": "incident.trigger"}] * 1100)))
    assert proxy.send(raw).status == 202
    assert legacy.wait_for()[0].body == raw
