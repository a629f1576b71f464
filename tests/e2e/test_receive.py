"""Receiving: which answer a sender gets, and what it says."""

import json
import socket

import pytest

from messages import Push, account_categories_updated, encode, event, fresh
from waiting import wait_until


def raw(proxy, data, finish=True):
    """Sends bytes as they are and returns all that comes back."""
    with proxy.connect() as connection:
        connection.sendall(data)
        if finish:
            connection.shutdown(socket.SHUT_WR)
        return read_all(connection)


def read_all(connection):
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except ConnectionResetError:
        pass  # it did not read all that was sent
    return answer


def post(body, *headers, version="1.1"):
    """A request as bytes."""
    lines = [f"POST /hooks HTTP/{version}", "Host: proxy", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def is_problem(answer, status):
    assert answer.status == status
    assert answer.outcome == "rejected"
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json["status"] == status
    assert answer.json["title"]
    return True


# --- accepted

def test_accepted(start):
    """A message that is durable and will be delivered is answered 202, with its id and outcome, in headers and JSON.
    (pairing 3.3e)"""
    answer = start().send(Push().rule())
    assert answer.status == 202
    assert answer.outcome == "accepted"
    assert len(answer.id) == 13
    assert answer.headers["content-type"].startswith("application/json")
    assert isinstance(answer.json, dict)


@pytest.mark.parametrize("target", ["/", "/any/path", "/with?query=1&more=%20", "/" + "deep/" * 100])
def test_any_path(start, target):
    """Webhooks are taken on any path."""
    assert start().send(Push().rule(), target=target).status == 202


def test_duplicate_by_webhook_id(start, legacy):
    """The same webhook-id again is answered 200 as a duplicate of the first, and delivered once. (pairing 1.2, 3.1)"""
    proxy = start()
    body, webhook_id = Push().rule(), fresh()
    first = proxy.send(body, webhook_id)
    again = proxy.send(body, webhook_id)
    assert (again.status, again.outcome, again.id) == (200, "duplicate", first.id)
    marker = Push().rule()
    proxy.send(marker)
    legacy.wait_for_key(marker["AlertId"])
    assert legacy.keys().count(body["AlertId"]) == 1


def test_either_family_of_headers(start):
    """webhook-id and svix-id are the same identity. (pairing 1.2)"""
    proxy = start()
    body, webhook_id = Push().rule(), fresh()
    assert proxy.send(body, webhook_id).outcome == "accepted"
    assert proxy.send(body, svix_id=webhook_id).outcome == "duplicate"


def test_duplicate_by_body_id(start):
    """Without a webhook-id the id in the body is the identity, in both generations. (pairing 1.3)"""
    proxy = start()
    for body in (Push().rule(), Push().event()):
        assert proxy.send(body).outcome == "accepted"
        assert proxy.send(body).outcome == "duplicate"


def test_identities_of_generations_are_apart(start):
    """A rule and an event under one webhook-id are two messages. (pairing 1.5)"""
    proxy = start()
    webhook_id = fresh()
    assert proxy.send(Push().rule(), webhook_id).outcome == "accepted"
    assert proxy.send(Push().event(), webhook_id).outcome == "accepted"


def test_no_identity(start, legacy):
    """A message with no id of any kind is never a duplicate. (pairing 1.4)"""
    proxy = start()
    body = account_categories_updated()
    del body["AlertId"]
    assert proxy.send(body).outcome == "accepted"
    assert proxy.send(body).outcome == "accepted"
    legacy.wait_for(2)


def test_chunked_body(start, legacy):
    """A body in chunks arrives whole."""
    proxy = start()
    body = encode(Push().rule())
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 50]), body[i:i + 50]) for i in range(0, len(body), 50))
    answer = raw(proxy, b"POST / HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 202 ")
    assert legacy.wait_for()[0].body == body


def test_expect_continue(start):
    """A client that waits for 100 Continue gets it before it sends the body."""
    proxy = start()
    body = encode(Push().rule())
    head, _, _ = post(body, "Expect: 100-continue", "Connection: close").partition(b"\r\n\r\n")
    with proxy.connect() as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert read_all(connection).startswith(b"HTTP/1.1 202 ")


def test_pipelining_is_answered_in_order(start):
    """Requests sent without waiting are answered in their order."""
    proxy = start()
    occurrence = Push()
    rule = encode(occurrence.rule())
    last = post(b"{", "Connection: close")
    answers = raw(proxy, post(rule) + post(rule) + post(encode(occurrence.event())) + last)
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"202", b"200", b"200", b"400"]
    order = [answers.index(word) for word in (b"accepted", b"duplicate", b"suppressed", b"rejected")]
    assert order == sorted(order)


def test_keep_alive(start):
    """One connection serves many requests."""
    proxy = start()
    with proxy.connect() as connection:
        for _ in range(20):
            connection.sendall(post(encode(Push().rule())))
            answer = b""
            while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
                piece = connection.recv(65536)
                assert piece, answer
                answer += piece.rstrip(b"\n")
            assert answer.startswith(b"HTTP/1.1 202 ")


def test_http_1_0(start):
    """An HTTP/1.0 client is served and its connection closed."""
    assert raw(start(), post(encode(Push().rule()), version="1.0"), finish=False).split(b" ")[1] == b"202"


# --- refused, with a reason

BAD_BODIES = {
    "empty": b"", "blank": b"   ", "words": b"not JSON", "truncated": b"{", "trailing": b'{"a": 1} trailing',
    "array": b"[]", "array of objects": b"[{}]", "string": b'"text"', "number": b"17", "null": b"null",
    "bad byte": b'{"a": \xff\xfe}', "bad UTF-8": b'{"AlertId": "\xc3\x28"}', "single quotes": b"{'a': 1}",
    "comma at the end": b'{"a": 1,}', "deep arrays": b"[" * 100_000, "deep objects": b'{"a":' * 100_000,
    "UTF-16": b"\xff\xfe{\x00}\x00"}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bad_body(start, name):
    """What is not a JSON object is answered 400, and the proxy goes on."""
    proxy = start()
    assert is_problem(proxy.send(BAD_BODIES[name]), 400)
    assert proxy.send(Push().rule()).status == 202


def test_duplicate_keys(start):
    """A body that says the same key twice gets a definite answer, and nothing breaks."""
    proxy = start()
    text = json.dumps(Push().rule())[:-1] + ', "RuleType": "Sync Failed"}'
    assert proxy.send(text.encode()).status in (202, 400)
    assert proxy.send(Push().rule()).status == 202


@pytest.mark.parametrize("change", [
    {"AlertId": 17}, {"AlertId": None}, {"AlertId": {"a": []}}, {"CompanyId": ["x"]}, {"Data": "text"}, {"Data": []},
    {"Data": {"dataType": 5, "status": [], "pushOperationKey": {}}}, {"RuleId": 3.5}, {"Message": None}])
def test_odd_members_are_read_leniently(start, legacy, change):
    """A member of an unexpected type never costs the message."""
    proxy = start()
    answer = proxy.send({**Push().rule(), **change})
    assert answer.status == 202
    assert {**legacy.wait_for()[0].json, **change} == legacy.requests[0].json


@pytest.mark.parametrize("change", [
    {"generatedDate": "2024-09-01T23:59:99Z"}, {"generatedDate": 5}, {"generatedDate": None}, {"id": 5}, {"id": None},
    {"payload": []}, {"payload": {}}, {"eventType": "entirely.new.type"}, {"payload": {"dataTypes": 1}, "eventType": "read.completed"},
    {"payload": {"dataTypes": [1, None, {}, []]}, "eventType": "read.completed"},
    {"payload": {"dataTypes": []}, "eventType": "read.completed"}])
def test_odd_events_are_read_leniently(start, new, change):
    """An event with members nobody expects, or of a type nobody knows, is delivered."""
    proxy = start()
    assert proxy.send({**Push().event(), **change}).status == 202
    assert new.wait_for()[0].json["eventType"] == change.get("eventType", "invoices.write.successful")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods(start, method):
    """Anything but POST is answered 405."""
    proxy = start()
    answer = proxy.request(method, "/", b"{}" if method in ("PUT", "PATCH") else None)
    assert is_problem(answer, 405)
    assert answer.headers["allow"] == "POST"


def test_body_too_large(start):
    """A body beyond limits.body is answered 413; one of exactly that size is taken."""
    proxy = start(limits__body="4KiB")
    body = Push().rule()
    body["Message"] = ""
    body["Message"] = "x" * (4096 - len(encode(body)))
    assert proxy.send(body).status == 202
    body["AlertId"], body["Message"] = fresh(), body["Message"] + "x"
    assert is_problem(proxy.send(body), 413)


def test_chunked_body_too_large(start):
    """A body in chunks has the same limit."""
    proxy = start(limits__body="4KiB")
    chunks = (b"400\r\n" + b"x" * 1024 + b"\r\n") * 8
    answer = raw(proxy, b"POST / HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, finish=False)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_headers_too_large(start):
    """Headers beyond limits.headers are answered 431."""
    proxy = start(limits__headers="2KiB")
    answer = raw(proxy, post(b"{}", "X-Long: " + "x" * 4000), finish=False)
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_too_slow(start):
    """A request that does not arrive within limits.request_time is answered 408 and its connection closed."""
    proxy = start(limits__request_time="300ms")
    with proxy.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: proxy\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 408 ")


def test_idle_connection_is_closed(start):
    """A connection without a request is closed after limits.idle_time."""
    proxy = start(limits__idle_time="300ms")
    with proxy.connect() as connection:
        connection.sendall(post(encode(Push().rule())))
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 202 ") and answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("request_bytes", [
    b"NOT HTTP\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"POST / HTTP/1.1\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\n{}"],
    ids=["no http", "tls hello", "no host", "two lengths", "signed length", "length and chunks", "space before colon",
         "hex prefix", "nul"])
def test_bad_http(start, request_bytes):
    """What is not proper HTTP/1.1 is answered 400 and the connection closed."""
    answer = raw(start(), request_bytes)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_half_a_request(start):
    """A client that goes in the middle of its body leaves nothing behind."""
    proxy = start()
    with proxy.connect() as connection:
        connection.sendall(post(encode(Push().rule()))[:-40])
    assert proxy.send(Push().rule()).status == 202
    wait_until(lambda: len(proxy.messages()["messages"]) == 1, "one message")


def test_unknown_shape_rejected(start):
    """With unrecognised=reject a shape nobody knows is answered 422."""
    proxy = start(unrecognised="reject")
    assert is_problem(proxy.send({"hello": "world"}), 422)
    assert proxy.send(event("entirely.new.type", {})).status == 202


def test_backlog_full(start, legacy):
    """Beyond limits.backlog messages are answered 503 with Retry-After, until there is room again."""
    legacy.otherwise = 500
    proxy = start(limits__backlog=3, retry__schedule="1h")
    assert [proxy.send(Push().rule()).status for _ in range(3)] == [202] * 3
    answer = proxy.send(Push().rule())
    assert is_problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0


def test_refusals_are_logged(start):
    """What is refused is logged with status and reason, and nothing of its body."""
    proxy = start(unrecognised="reject")
    proxy.send(b'{"hello": "confidential"}')
    proxy.send(b'{"hello": confidential')
    proxy.wait_for_log("message refused.*status=422 why=.*shape")
    proxy.wait_for_log("message refused.*status=400 why=.*JSON")
    assert "confidential" not in proxy.text()
