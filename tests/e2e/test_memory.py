"""limits.memory: whatever senders hold back and however slow consumers are, memory stays within its bound, others are
served, and it is given back afterwards. The figures are those of a container of 256 MiB."""

import contextlib
import socket
import threading

import pytest

from consumer import HANG
from messages import Push, encode, fresh
from port import post, read_all
from process import is_sanitized, peak_rss_bytes, rss_bytes
from signatures import SECRET, signed
from throng import raise_descriptors
from waiting import wait_until

MIB = 1 << 20
CONTAINER = 256 * MIB
SENDERS = 400


def hold_back(port, source):
    """A connection that has sent all but the end of a body of 1 MiB, as far as it was let."""
    connection = socket.create_connection(("127.0.0.1", port), 30, (source, 0))
    connection.settimeout(5)
    with contextlib.suppress(OSError):
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % MIB)
        for _ in range(31):
            connection.sendall(b'{"' + b"x" * (32 * 1024 - 2))
    return connection


def hold_back_many(port, addresses):
    """SENDERS of them, from so many addresses."""
    raise_descriptors(SENDERS + 200)
    held, lock = [], threading.Lock()

    def work(first):
        for number in range(first, SENDERS, 8):
            connection = hold_back(port, f"127.0.1.{1 + number % addresses}")
            with lock:
                held.append(connection)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    return threads, held


@pytest.mark.parametrize("addresses", [1, 200])
def test_bodies_that_never_end(start, new, addresses):
    """400 senders of bodies of 1 MiB that do not end: memory stays within limits.memory, good messages small and large are
    taken meanwhile from another address, and afterwards the memory is given back. (fault 5.1)"""
    proxy = start(verify__event_secrets=[SECRET])
    data = encode({**Push().event(), "more": "x" * 350_000})
    threads, held = hold_back_many(proxy.port, addresses)
    try:
        sent = 0
        while sent < 20 or any(thread.is_alive() for thread in threads):
            for body in (encode(Push().event()), data.replace(b'"id": "', b'"id": "%d-' % sent, 1)):
                assert proxy.request("POST", "/", body, signed(SECRET, fresh(), body)).status == 202
            sent += 1
            assert proxy.admin("/healthz").status == 200
        assert proxy.metric("hookshift_memory_used_bytes") <= 192 * MIB
    finally:
        for thread in threads:
            thread.join(60)
        for connection in held:
            connection.close()
    assert len(new.wait_for(2 * sent)) >= 2 * sent
    assert is_sanitized(proxy.process.pid) or peak_rss_bytes(proxy.process.pid) < CONTAINER
    wait_until(lambda: proxy.metric("hookshift_memory_used_bytes") < 4 * MIB, "the memory to be free", deadline_s=60)
    assert is_sanitized(proxy.process.pid) or wait_until(lambda: rss_bytes(proxy.process.pid) < 96 * MIB, "it to be given back",
                                                         deadline_s=60, pause_s=0.2)


def test_beyond_the_limit(start, legacy):
    """Beyond limits.memory large bodies are answered 503 with Retry-After, small ones are taken. (fault 5.1)"""
    legacy.otherwise = HANG
    proxy = start(limits__memory="4MiB", endpoints__legacy__timeout="60s")
    large = [encode({**Push().rule(), "more": "x" * 900_000}) for _ in range(6)]
    answers = [proxy.request("POST", "/", body) for body in large]
    refused = [answer for answer in answers if answer.status == 503]
    assert {answer.status for answer in answers} == {202, 503} and answers[0].status == 202
    assert all(int(answer.headers["retry-after"]) > 0 and answer.outcome == "rejected" for answer in refused)
    assert all(proxy.send(Push().rule()).status == 202 for _ in range(5))


def test_consumer_that_takes_its_time(start, legacy):
    """64 bodies of 570 kB of as many values as there may be wait for their consumer: what is not needed to deliver them is
    not kept. (fault 5.2)"""
    legacy.otherwise = HANG
    proxy = start(endpoints__legacy__timeout="5s", endpoints__legacy__concurrency=64, retry__schedule="1h")
    before = rss_bytes(proxy.process.pid)
    for _ in range(64):
        body = encode({**Push().rule(), "values": [{}] * 65_000, "more": "x" * 300_000})
        assert 550_000 < len(body) < 600_000
        assert proxy.request("POST", "/", body).status == 202
    refused = encode({**Push().rule(), "values": [{}] * 190_000})
    assert all(proxy.request("POST", "/", refused).status == 400 for _ in range(64))
    assert is_sanitized(proxy.process.pid) or peak_rss_bytes(proxy.process.pid) - before < 128 * MIB
    legacy.otherwise = 200
    assert proxy.send(Push().rule()).status == 202
    assert is_sanitized(proxy.process.pid) or wait_until(lambda: rss_bytes(proxy.process.pid) - before < 80 * MIB,
                                                         "the memory to be given back", deadline_s=60, pause_s=0.2)


def test_body_that_comes_too_slowly(start):
    """A body that comes more slowly than limits.body_rate is answered 408 after some seconds, long before
    limits.request_time. (fault 5.1)"""
    proxy = start(limits__request_time="1h", limits__body_rate="1KiB")
    over = threading.Event()
    with proxy.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{")

        def drip():
            with contextlib.suppress(OSError):
                while not over.wait(0.1):
                    connection.sendall(b" ")

        dripper = threading.Thread(target=drip, daemon=True)
        dripper.start()
        try:
            assert read_all(connection).startswith(b"HTTP/1.1 408 ")
        finally:
            over.set()
            dripper.join(10)
