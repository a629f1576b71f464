"""Senders and visitors that mean harm, and load balancers, which only look like it."""

import http.client
import json
import os
import socket
import stat
import time

import pytest

from certificates import self_signed
from messages import Push, account_categories_updated, encode, fresh
from port import post, read_all
from signatures import SECRET, signed
from waiting import wait_until


# --- bodies that say what they are twice

TYPES_TWICE = [
    b'{"eventType": null, "EventType": "bills.write.successful", "payload": {}, "RuleType": "Account Categories Updated"}',
    b'{"EventType": "bills.write.successful", "RuleType": "Account Categories Updated", "payload": {}}',
    b'{"RuleType": "Account Categories Updated", "eventtype": "bills.write.successful"}',
    b'{"RuleType": "Account Categories Updated", "RULETYPE": "Sync Failed"}',
    b'{"RuleType": "Account Categories Updated", "RuleType": "Account Categories Updated"}',
    b'{"RuleType": "Account Categories Updated", "type": "bills.write.successful", "payload": {}}',
    b'{"\\u0065ventType": "bills.write.successful", "RuleType": "Account Categories Updated"}',
]


@pytest.mark.parametrize("body", TYPES_TWICE)
def test_type_keys_twice(start, new, legacy, body):
    """A body with two keys of a type, whatever their spelling and values, is refused with a reason, whoever sends it.
    (fault 5.4)"""
    proxy = start(verify__event_secrets=[SECRET], assign={"AccountCategoriesUpdated": "new"})
    answer = proxy.request("POST", "/", body, signed(SECRET, fresh(), body))
    assert answer.status == 400 and "second time" in answer.json["detail"]
    assert proxy.messages()["messages"] == [] and new.requests == [] and legacy.requests == []


@pytest.mark.parametrize("double", ['"AlertId": "x"', '"alertid": "x"', '"CompanyId": "x"', '"companyid": null', '"data": {}',
                                    '"RuleId": "x"'])
def test_members_twice(start, double):
    """So is one that says its id, its company or its data twice. (fault 5.4)"""
    proxy = start()
    body = encode(Push().rule())[:-1].decode() + f", {double}}}"
    assert proxy.send(body.encode()).status == 400
    assert proxy.send(Push().rule()).status == 202


def test_what_goes_to_new_passes_the_check_of_events(start, new):
    """A rule that `assign` gives to the new consumer must be signed as an event is: the weaker check of rules is not
    enough. (fault 5.4)"""
    authorization = "Basic c2VuZGVyOnBhc3N3b3Jk"
    proxy = start(verify__event_secrets=[SECRET], verify__rule_authorizations=[authorization],
                  assign={"AccountCategoriesUpdated": "new"}, unrecognised="new")
    rule = encode(account_categories_updated())
    assert proxy.send(rule, Authorization=authorization).status == 401
    assert proxy.send({"hello": "world"}, Authorization=authorization).status == 401
    assert proxy.send(Push().rule(), Authorization=authorization).status == 202
    headers = {**signed(SECRET, fresh(), rule), "Authorization": authorization}
    assert proxy.request("POST", "/", rule, headers).status == 202
    assert new.wait_for()[0].body == rule


def test_many_values(start, legacy):
    """A body of more values than real ones have is refused; the largest real ones are far from that. (fault 5.2)"""
    proxy = start()
    answer = proxy.send({**Push().rule(), "Data": [{}] * 190_000})
    assert answer.status == 400 and "values" in answer.json["detail"]
    large = {**Push().rule(), "more": [{"dataType": f"type-{i}", "status": "Complete", "records": i} for i in range(9000)]}
    assert len(encode(large)) > 350_000
    assert proxy.send(large).status == 202
    assert legacy.wait_for()[0].json == large


# --- the admin port

def partial(port, source):
    connection = socket.create_connection(("127.0.0.1", port), 30, (source, 0))
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: local")
    return connection


def test_partial_connections_to_the_admin_port(start):
    """However many connections to the admin port wait for nothing, a probe gets in, from a new address as from one of
    theirs; the oldest of them go. (fault 5.5)"""
    proxy = start()
    crowd = [partial(proxy.admin_port, source) for source in ("127.0.0.2", "127.0.0.3") for _ in range(130)]
    try:
        for source in ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"):
            for _ in range(5):
                probe = http.client.HTTPConnection("127.0.0.1", proxy.admin_port, 5, (source, 0))
                probe.request("GET", "/healthz")
                assert probe.getresponse().status == 200
                probe.close()
        crowd[0].settimeout(5)
        assert crowd[0].recv(1000) == b""
    finally:
        for connection in crowd:
            connection.close()


def test_strangers_are_let_go_soon(start):
    """Who shows no token to the admin port is let go after seconds; who did may stay. (fault 5.5)"""
    proxy = start(admin__token="secret")
    began = time.monotonic()
    stranger, friend = (http.client.HTTPConnection("127.0.0.1", proxy.admin_port, timeout=30) for _ in range(2))
    stranger.request("GET", "/healthz")
    stranger.getresponse().read()
    friend.request("GET", "/api/status", headers={"Authorization": "Bearer secret"})
    friend.getresponse().read()
    assert stranger.sock.recv(1) == b"" and 2 < time.monotonic() - began < 15
    friend.request("GET", "/api/status", headers={"Authorization": "Bearer secret"})
    assert friend.getresponse().status == 200
    friend.close()
    stranger.close()


def test_half_a_greeting(make, tmp_path):
    """A TLS handshake that does not go on is over after limits.request_time. (fault 5.8)"""
    proxy = make(**self_signed(tmp_path, "proxy").settings(), limits__request_time="500ms", limits__idle_time="1h").start()
    with proxy.connect() as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        began = time.monotonic()
        assert read_all(connection) == b""
        assert time.monotonic() - began < 10


# --- headers

def test_headers_in_disguise(start, legacy):
    """A header that CGI or WSGI would take for one of ours is not passed on, nor shown. (fault 5.6)"""
    proxy = start(endpoints__legacy__headers={"X-Consumer-Key": "ours"})
    named = {"hookshift_message_id": "x", "webhook_id": "x", "content_length": "1", "x_api_key": "x",
             "X_Consumer_Key": "x", "x_forwarded_for": "1.2.3.4", "x_harmless": "stays"}
    answer = proxy.request("POST", "/", encode(Push().rule()), named)
    assert answer.status == 202
    request = legacy.wait_for()[0]
    assert request.headers["x_harmless"] == "stays" and request.headers["x-consumer-key"] == "ours"
    assert [name for name in request.headers if "_" in name] == ["x_harmless"]
    shown = proxy.message(answer.id)["headers"]
    assert {"hookshift_message_id", "webhook_id", "content_length", "x_api_key"}.isdisjoint(shown)
    assert shown["x_consumer_key"] == "(hidden)"


WITHHELD = ["Authorization", "Cookie", "apikey", "api-key", "X-Auth", "X-Auth-Token", "X-Api-Key", "X-Hub-Signature-256",
            "webhook-signature", "X-Session", "X-Access-Token", "X-Client-Secret", "Stripe-Signature", "X-Jwt", "X_Pwd"]


@pytest.mark.parametrize("token", [None, "secret"])
def test_headers_that_are_withheld(start, token):
    """The API shows no header that could let anybody in, whoever asks. (fault 5.9)"""
    proxy = start(**({"admin__token": token} if token else {}))
    headers = {name: f"confidential-{name}" for name in WITHHELD} | {"X-Told": "told", "X-Plain": "Bearer confidential"}
    answer = proxy.request("POST", "/", encode(Push().rule()), headers)
    shown = proxy.message(answer.id)["headers"]
    assert shown["x-told"] == "told"
    assert "confidential" not in json.dumps(shown)


def test_controls_in_logs_and_json(start):
    """What a terminal would obey, or what turns the direction of writing, is escaped, in the log and in what the API
    says, which stays JSON. (fault 5.9)"""
    proxy = start(log__format="json")
    odd = "a\u009b31m\u202eb\u2066c"
    answer = proxy.send({**Push().rule(), "RuleType": odd, "CompanyId": odd})
    line = proxy.wait_for_log("message admitted")
    raw = proxy.admin(f"/api/messages/{answer.id}").body.decode()
    for text in (line, raw, proxy.admin("/api/messages").body.decode()):
        assert not any(mark in text for mark in "\u009b\u202e\u2066"), text
    assert json.loads(line)["type"] == odd and json.loads(raw)["company"] == odd


# --- the store's files

def test_store_that_others_can_read(make):
    """A store file with a wider mode, and the files beside it, are closed to others. (fault 5.7)"""
    proxy = make().start()
    assert proxy.send(Push().rule()).status == 202
    proxy.kill()
    paths = [proxy.store_path.with_name(proxy.store_path.name + suffix) for suffix in ("", "-wal")]
    for path in paths:
        os.chmod(path, 0o644)
    proxy.start()
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o600] * 2
    assert proxy.send(Push().rule()).status == 202


# --- load balancers

@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_probes_are_no_messages(start, method):
    """A balancer that asks with GET, HEAD or OPTIONS is counted apart, and not logged as a refusal. (fault 4.8)"""
    proxy = start()
    for target in ("/", "/health"):
        assert proxy.request(method, target).status == 405
    assert proxy.metric("hookshift_probes_total") == 2
    assert proxy.metric("hookshift_messages_total") == 0
    assert "message refused" not in proxy.text()
    assert proxy.request("PUT", "/", b"{}").status == 405
    assert proxy.metric("hookshift_messages_total", outcome="rejected") == 1


def test_idle_time_is_told(start):
    """An idle connection is kept longer than the usual balancer keeps it, and each answer says how long a client may
    count on it. (fault 4.9)"""
    answer = start().send(Push().rule())
    assert answer.headers["keep-alive"] == "timeout=74"


def test_last_answers_say_so(start):
    """From SIGTERM on each answer closes its connection, so that no client sends into one that is about to end.
    (fault 4.9)"""
    proxy = start(drain_time="2s")
    with proxy.connect() as connection:
        connection.sendall(post(encode(Push().rule())))
        assert b"Connection: keep-alive" in connection.recv(65536)
        proxy.process.terminate()
        wait_until(lambda: not proxy.is_ready(), "not to be ready")
        connection.sendall(post(encode(Push().rule())))
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 202 ") and b"Connection: close" in answer
    assert proxy.wait_for_exit() == 0
