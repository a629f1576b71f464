"""Bodies with a Content-Encoding: gzip is decoded within bounds, all others are refused."""

import gzip
import zlib

import pytest

from messages import Push, encode, fresh
from process import is_sanitized, rss_bytes
from signatures import SECRET, is_signed, signed


def send(proxy, data, encoding="gzip", **headers):
    return proxy.request("POST", "/", data, {"Content-Encoding": encoding, **headers})


def test_decoded(start, legacy):
    """A body that came compressed is read, and delivered as it was before, without what was said of the other one.
    (fault 4.10)"""
    proxy = start()
    body = encode(Push().rule())
    answer = send(proxy, gzip.compress(body), **{"Content-Digest": "sha-256=:AAAA:", "Content-MD5": "x"})
    assert answer.status == 202
    request = legacy.wait_for()[0]
    assert request.body == body and request.headers["content-length"] == str(len(body))
    assert {"content-encoding", "content-digest", "content-md5"}.isdisjoint(request.headers)
    assert proxy.message(answer.id)["type"] == "PushOperationStatusChanged"
    assert send(proxy, encode(Push().rule()), "identity").status == 202


def test_signature_is_of_the_body_as_it_came(start, new):
    """A signature is checked over the bytes that were sent, and made anew over those that are delivered. (fault 4.10)"""
    proxy = start(verify__event_secrets=[SECRET], endpoints__new__secrets=[SECRET])
    body = encode(Push().event())
    packed = gzip.compress(body)
    assert send(proxy, packed, **signed(SECRET, fresh(), body)).status == 401
    assert send(proxy, packed, **signed(SECRET, fresh(), packed)).status == 202
    request = new.wait_for()[0]
    assert request.body == body and is_signed(request, SECRET)


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "x-gzip", "GZIP", "gzip, gzip", "gzip,br", "compress", "", "*"])
def test_other_codings(start, encoding):
    """Any other coding, or more than one, is answered 415 with what is taken. (fault 4.10)"""
    answer = send(start(), gzip.compress(encode(Push().rule())), encoding)
    assert answer.status == 415 and answer.outcome == "rejected"
    assert "identity" in answer.headers["accept-encoding"]


GOOD = gzip.compress(encode(Push().rule()))
DAMAGED = {"none": encode(Push().rule()), "empty": b"", "cut": GOOD[:-9], "no end": GOOD[:-4], "checksum": GOOD[:-8] + b"\0" * 8,
           "trailing": GOOD + b"x", "two members": GOOD + GOOD, "zlib": zlib.compress(encode(Push().rule())),
           "empty member": gzip.compress(b"")}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged(start, kind):
    """What is no whole gzip member is answered 400. (fault 4.10)"""
    proxy = start()
    assert send(proxy, DAMAGED[kind]).status == 400
    assert send(proxy, gzip.compress(encode(Push().rule()))).status == 202


def test_bombs(start):
    """A body that becomes larger than limits.body is answered 413, and takes no more memory than that. (fault 4.10)"""
    proxy = start()
    assert send(proxy, GOOD).status == 202
    before = rss_bytes(proxy.process.pid)
    for size in (1 << 20, (1 << 20) + 1, 200 << 20):
        answer = send(proxy, gzip.compress(b" " * size, 9))
        assert answer.status == (400 if size == 1 << 20 else 413)  # exactly the limit is no JSON, but is read
    assert is_sanitized(proxy.process.pid) or rss_bytes(proxy.process.pid) - before < 16 << 20


def test_two_fields(start):
    """Two Content-Encoding fields are two codings. (fault 4.10)"""
    proxy = start()
    with proxy.connect() as connection:
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(GOOD) + GOOD)
        assert connection.recv(65536).startswith(b"HTTP/1.1 415 ")
