"""Delivering: to whom, where, and with what."""

import pytest

from messages import Connection, Push, account_categories_updated, company_created, encode, event, fresh
from waiting import wait_until


def test_generations_go_to_their_endpoints(start, legacy, new):
    """Rules go to legacy and events to new, whatever the path or the headers. (pairing 1.1)"""
    proxy = start()
    rule, other = Push().rule(), Push().event()
    proxy.send(rule, webhook_id=fresh(), target="/new")
    proxy.send(other, target="/legacy")
    assert legacy.wait_for_key(rule["AlertId"])
    assert new.wait_for_key(other["id"])
    assert (len(legacy.requests), len(new.requests)) == (1, 1)


def test_body_as_received(start, legacy):
    """The body is delivered byte for byte, odd spacing, escapes, keys and numbers included."""
    proxy = start()
    odd = b' ,\n\t"Odd" : [1.0e5, "\\u00e9\xc3\xa9\\/", -0, 12345678901234567890123] }\r\n'
    body = encode(Push().rule())[:-1] + odd
    assert proxy.send(body).status == 202
    assert legacy.wait_for()[0].body == body


def test_headers(start, legacy):
    """The sender's end-to-end headers are kept; those of its connection are not; ours are added."""
    proxy = start()
    webhook_id = fresh()
    answer = proxy.send(Push().rule(), webhook_id, Authorization="Basic abc", X_Custom="kept", User_Agent="sender/1.0",
                        Connection="X-Hop", X_Hop="dropped", Proxy_Authorization="dropped", TE="trailers",
                        Keep_Alive="timeout=5")
    headers = legacy.wait_for()[0].headers
    assert headers["authorization"] == "Basic abc"
    assert headers["x-custom"] == "kept"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "sender/1.0"
    assert headers["webhook-id"] == webhook_id
    assert headers["hookshift-message-id"] == answer.id
    assert headers["hookshift-attempt"] == "1"
    assert headers["host"] == legacy.url.removeprefix("http://")
    for dropped in ("x-hop", "proxy-authorization", "te", "keep-alive", "expect", "transfer-encoding"):
        assert dropped not in headers


def test_headers_cannot_be_forged(start, legacy):
    """A sender cannot set the headers that are ours to set."""
    proxy = start()
    answer = proxy.send(Push().rule(), Hookshift_Message_Id="forged", Hookshift_Attempt="9", Hookshift_Covered="bills")
    headers = legacy.wait_for()[0].header_list
    ours = {name.lower(): value for name, value in headers if name.lower().startswith("hookshift-")}
    assert len(ours.pop("hookshift-instance")) == 32
    assert ours == {"hookshift-message-id": answer.id, "hookshift-attempt": "1"}
    assert len([name for name, _ in headers if name.lower().startswith("hookshift-")]) == 3


def test_traceparent_kept(start, legacy):
    """A trace that the sender began goes on."""
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    start().send(Push().rule(), traceparent=trace)
    assert legacy.wait_for()[0].headers["traceparent"].split("-")[1] == trace.split("-")[1]


def test_traceparent_begun(start, legacy):
    """Where there is none, a trace begins here."""
    start().send(Push().rule())
    version, trace, span, flags = legacy.wait_for()[0].headers["traceparent"].split("-")
    assert (version, len(trace), len(span), len(flags)) == ("00", 32, 16, 2)


def test_url_without_path(start, legacy):
    """Without a path in the endpoint's URL the request's own path and query are appended."""
    start().send(Push().rule(), target="/hooks/a%20b?x=1&y=%2F")
    assert legacy.wait_for()[0].target == "/hooks/a%20b?x=1&y=%2F"


def test_url_with_path(make, legacy):
    """With a path in the endpoint's URL everything is posted there, with the query of the request. (fault 3.12)"""
    make(legacy_url=legacy.url + "/in/here?key=1").start().send(Push().rule(), target="/hooks?x=1&token=a%20b")
    assert legacy.wait_for()[0].target == "/in/here?key=1&x=1&token=a%20b"


def test_routes(start, legacy, new):
    """A type with a route of its own goes there, by rule or event type; all others to the endpoint's URL."""
    proxy = start(endpoints__legacy__routes={"PushOperationStatusChanged": legacy.url + "/pushes"},
                  endpoints__new__routes={"connection.connected": new.url + "/connections"})
    push, connection = Push().rule(), Connection("connected").rule()
    proxy.send(push, target="/own")
    proxy.send(connection, target="/own")
    connected, created = Connection("connected").event(), Connection("created").event()
    proxy.send(connected, target="/own")
    proxy.send(created, target="/own")
    assert legacy.wait_for_key(push["AlertId"])[0].target == "/pushes"
    assert legacy.wait_for_key(connection["AlertId"])[0].target == "/own"
    assert new.wait_for_key(connected["id"])[0].target == "/connections"
    assert new.wait_for_key(created["id"])[0].target == "/own"


def test_endpoint_headers(start, legacy):
    """Headers of the endpoint are added, and replace those of the sender."""
    proxy = start(endpoints__legacy__headers={"Authorization": "Bearer inside", "X-Env": "test"})
    proxy.send(Push().rule(), Authorization="Basic outside")
    request = legacy.wait_for()[0]
    assert [value for name, value in request.header_list if name.lower() == "authorization"] == ["Bearer inside"]
    assert request.headers["x-env"] == "test"


def test_response_headers_are_not_relayed(start, legacy):
    """What a consumer answers stays inside: the sender acts on some headers."""
    from consumer import Reply
    legacy.otherwise = Reply(200, {"webhook-delivery": "stop", "abort-message": "true", "Set-Cookie": "a=b"}, b"secret")
    for acknowledge in ("stored", "delivered"):
        answer = start(acknowledge=acknowledge).send(Push().rule())
        assert not {"webhook-delivery", "abort-message", "set-cookie"} & answer.headers.keys()
        assert b"secret" not in answer.body


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226])
def test_2xx_is_delivered(start, legacy, status):
    """Any 2xx is success."""
    legacy.otherwise = status
    proxy = start()
    proxy.wait_for_state(proxy.send(Push().rule()).id, "delivered")
    assert len(legacy.requests) == 1


@pytest.mark.parametrize("unrecognised", ["legacy", "new"])
def test_unrecognised(start, legacy, new, unrecognised):
    """A shape nobody knows goes to the endpoint that `unrecognised` names. (pairing 3.8a)"""
    proxy = start(unrecognised=unrecognised)
    assert proxy.send({"hello": "world"}).status == 202
    chosen, other = (legacy, new) if unrecognised == "legacy" else (new, legacy)
    assert chosen.wait_for()[0].json == {"hello": "world"}
    assert other.requests == []


def test_unrecognised_is_deduplicated_by_webhook_id_alone(start, legacy):
    """Without a known shape only the webhook-id tells a repetition; ids in the body are nobody's. (pairing 3.8d)"""
    proxy = start()
    body, webhook_id = {"id": fresh(), "what": "is this"}, fresh()
    assert proxy.send(body).outcome == "accepted"
    assert proxy.send(body).outcome == "accepted"
    assert proxy.send(body, webhook_id).outcome == "accepted"
    assert proxy.send(body, webhook_id).outcome == "duplicate"
    legacy.wait_for(3)


def test_unrecognised_obeys_the_flag(start, legacy):
    """A shape nobody knows is under the flag of the side it belongs to, like any other. (pairing 3.8b)"""
    proxy = start()
    proxy.set_flags(legacy=False)
    answer = proxy.send({"hello": "world"})
    assert answer.outcome == "parked"
    proxy.set_flags(legacy=True)
    legacy.wait_for()


def test_types_without_counterpart(start, legacy, new):
    """A rule that nothing replaces and an event that replaces nothing are delivered to their own sides.
    (pairing 2.12)"""
    proxy = start()
    rule, other, unknown = account_categories_updated(), company_created(), event("entirely.new", {"a": 1})
    for body in (rule, other, unknown):
        assert proxy.send(body).outcome == "accepted"
    legacy.wait_for_key(rule["AlertId"])
    new.wait_for_key(other["id"])
    new.wait_for_key(unknown["id"])


def test_assign(start, legacy, new):
    """A type without a counterpart can be given to the other endpoint. (pairing 3.9)"""
    proxy = start(assign={"AccountCategoriesUpdated": "new"})
    assigned, other = account_categories_updated(), Push().rule()
    proxy.send(assigned)
    proxy.send(other)
    new.wait_for_key(assigned["AlertId"])
    legacy.wait_for_key(other["AlertId"])
    assert (len(legacy.requests), len(new.requests)) == (1, 1)


def test_connections_are_reused(start, legacy):
    """Deliveries one after the other share a connection per worker."""
    proxy = start(workers=1)
    for count in range(1, 21):
        proxy.send(Push().rule())
        wait_until(lambda: len(legacy.accepted()) == count)
    assert legacy.connections <= 3


def test_concurrency(start, legacy):
    """No more deliveries than endpoints.E.concurrency are in flight, and none is forgotten."""
    from consumer import Reply
    legacy.otherwise = Reply(200, delay_s=0.05)
    proxy = start(endpoints__legacy__concurrency=4, workers=2)
    for _ in range(40):
        assert proxy.send(Push().rule()).status == 202
    legacy.wait_for(40)
    assert legacy.most_in_flight <= 4
    assert len(set(legacy.keys())) == 40


def test_large_body(start, new):
    """An event as large as they come is delivered whole."""
    body = Push().event()
    body["payload"]["record"] = {"text": "x" * 350_000}
    assert start().send(body).status == 202
    assert new.wait_for()[0].json == body
