"""Whom a message came from: X-Forwarded-*, Forwarded, and the PROXY protocol of load balancers."""

import socket
import struct

import pytest

from certificates import self_signed, trusting
from messages import Push, encode
from port import post, read_all
from waiting import wait_until

OWN = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"}
CLAIMED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example",
           "Forwarded": "for=203.0.113.9;proto=https", "X-Forwarded-Port": "443", "X-Real-IP": "203.0.113.9",
           "x_forwarded_for": "203.0.113.9"}


def received(proxy, consumer, headers=None):
    """Headers of the delivery of a message that was sent with these."""
    before = len(consumer.requests)
    assert proxy.request("POST", "/in?token=x", encode(Push().rule()), {"Host": "hooks.example:8080", **(headers or {})}).status == 202
    return consumer.wait_for(before + 1)[-1].headers


def test_who_sent_it(start, legacy):
    """The consumer learns the sender's address, the scheme and the host. (fault 3.10)"""
    headers = received(start(), legacy)
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-host"] == "hooks.example:8080"
    assert headers["forwarded"] == 'for=127.0.0.1;host="hooks.example:8080";proto=http'


def test_claims_are_replaced(start, legacy):
    """What a sender says of itself is replaced, and not passed on in any spelling. (fault 3.10)"""
    headers = received(start(listen__trusted_proxies=["10.0.0.0/8", "::1"]), legacy, CLAIMED)
    assert headers["x-forwarded-for"] == "127.0.0.1" and headers["x-forwarded-proto"] == "http"
    assert "203.0.113.9" not in str(headers) and "x-forwarded-port" not in headers


def test_trusted_proxies_are_believed(start, legacy):
    """What one of listen.trusted_proxies says is kept, and its own address added. (fault 3.10)"""
    headers = received(start(listen__trusted_proxies="10.0.0.0/8,127.0.0.0/8"), legacy, CLAIMED)
    assert headers["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-host"] == "shop.example"
    assert headers["forwarded"].startswith("for=203.0.113.9;proto=https, for=127.0.0.1;")
    assert headers["x-forwarded-port"] == "443" and headers["x-real-ip"] == "203.0.113.9"
    assert "x_forwarded_for" not in headers


def test_inside_tls(make, tmp_path, legacy):
    """What came inside TLS is told as https. (fault 3.10)"""
    identity = self_signed(tmp_path, "proxy")
    proxy = make(**identity.settings()).start()
    with trusting(identity.cert).wrap_socket(proxy.connect(), server_hostname="127.0.0.1") as connection:
        connection.sendall(post(encode(Push().rule()), "Connection: close"))
        assert read_all(connection).startswith(b"HTTP/1.1 202 ")
    assert legacy.wait_for()[0].headers["x-forwarded-proto"] == "https"


@pytest.mark.parametrize("wrong", ["10.0.0.0/33", "10.0.0/8", "example.com", "::1/129", "10.0.0.1/", "/8", "10.0.0.0/-1"])
def test_ranges_that_are_none(make, wrong):
    """A range that is none is an error at start, which names it. (fault 3.10)"""
    proxy = make(listen__trusted_proxies=[wrong]).launch()
    assert proxy.wait_for_exit() == 2
    assert "listen.trusted_proxies" in proxy.text() and wrong in proxy.text()


# --- the PROXY protocol

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def header(command=0x21, family=0x11, source="203.0.113.7", port=4711, tail=b"", length=None):
    kind = socket.AF_INET6 if ":" in source else socket.AF_INET
    addresses = socket.inet_pton(kind, source) * 2 + struct.pack("!HH", port, 443)
    rest = addresses + tail
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(rest) if length is None else length) + rest


def ask(proxy, front, pieces=1):
    """The answer to a message behind these bytes, which come in so many pieces."""
    with proxy.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = front + post(encode(Push().rule()), "Connection: close")
        step = max(1, len(front) // pieces)
        try:
            for at in range(0, len(front), step):
                connection.sendall(data[at:at + step])
            connection.sendall(data[len(front) if len(front) % step == 0 else len(front) // step * step + step:])
        except ConnectionError:
            pass
        return read_all(connection)


@pytest.fixture
def behind(start):
    return start(listen__proxy_protocol="v2")


@pytest.mark.parametrize("front, told", [
    (header(), "203.0.113.7"),
    (header(family=0x21, source="2001:db8::7"), "2001:db8::7"),
    (header(tail=b"\x03\x00\x04abcd\x20\x00\x05\x01\x00\x00\x00\x00"), "203.0.113.7"),
    (header(command=0x20), "127.0.0.1"),
    (SIGNATURE + b"\x20\x00\x00\x00", "127.0.0.1"),
    (SIGNATURE + b"\x21\x00\x00\x03abc", "127.0.0.1")])
def test_address_of_the_client(behind, legacy, front, told):
    """The client that the header names is the sender, for the consumer and in the log. (fault 3.10)"""
    assert ask(behind, front).startswith(b"HTTP/1.1 202 ")
    assert legacy.wait_for()[0].headers["x-forwarded-for"] == told
    assert ask(behind, front, pieces=7).startswith(b"HTTP/1.1 202 ")


def test_client_inside_tls(behind, legacy):
    """A client that spoke TLS to the balancer is told as https. (fault 3.10)"""
    assert ask(behind, header(tail=b"\x20\x00\x05\x01\x00\x00\x00\x00")).startswith(b"HTTP/1.1 202 ")
    assert legacy.wait_for()[0].headers["x-forwarded-proto"] == "https"


MALFORMED = {
    "none": b"", "version 1": b"PROXY TCP4 203.0.113.7 127.0.0.1 4711 443\r\n", "version 3": header(command=0x31),
    "command": header(command=0x22), "family": header(family=0x12), "short": header(length=4), "long": header(length=5000),
    "address cut": SIGNATURE + b"\x21\x11\x00\x04abcd", "tlv cut": header(tail=b"\x03\x00"), "tlv too long": header(tail=b"\x03\x00\x09ab"),
    "signature": SIGNATURE[:-1] + b"\r" + header()[12:], "twice": header() + header()}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_headers(behind, legacy, kind):
    """A connection that does not begin with a well-formed header of version 2 is closed, and nothing of it is taken.
    (fault 3.10)"""
    assert b" 202 " not in ask(behind, MALFORMED[kind])
    assert ask(behind, header()).startswith(b"HTTP/1.1 202 ")
    assert len(legacy.wait_for()) == 1
    assert kind in ("short", "twice") or "PROXY header" in behind.text()


def test_half_a_header(start):
    """A header that does not go on is over after limits.request_time. (fault 3.10)"""
    proxy = start(listen__proxy_protocol="v2", limits__request_time="300ms")
    with proxy.connect() as connection:
        connection.sendall(header()[:20])
        assert read_all(connection) == b""


def test_limits_are_of_the_client(start):
    """limits.connections_per_address counts the client that the header names, not the balancer. (fault 3.10)"""
    proxy = start(listen__proxy_protocol="v2", limits__connections_per_address=2)
    opened = []
    try:
        for source in ("203.0.113.1", "203.0.113.2"):
            for _ in range(2):
                opened.append(proxy.connect())
                opened[-1].sendall(header(source=source) + b"POST / HTTP/1.1\r\n")
                wait_until(lambda: proxy.metric("hookshift_connections") == len(opened), "the connections")
        assert ask(proxy, header(source="203.0.113.1")) == b""
        assert ask(proxy, header(source="203.0.113.3")).startswith(b"HTTP/1.1 202 ")
        proxy.wait_for_log("too many connections from one address.*203.0.113.1:")
    finally:
        for connection in opened:
            connection.close()


def test_tls_behind_the_header(make, tmp_path, legacy):
    """TLS begins behind the header. (fault 3.10)"""
    identity = self_signed(tmp_path, "proxy")
    proxy = make(**identity.settings(), listen__proxy_protocol="v2").start()
    plain = proxy.connect()
    plain.sendall(header())
    with trusting(identity.cert).wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        connection.sendall(post(encode(Push().rule()), "Connection: close"))
        assert read_all(connection).startswith(b"HTTP/1.1 202 ")
    assert legacy.wait_for()[0].headers["x-forwarded-for"] == "203.0.113.7"
