"""Clients that take more than their part: connections, descriptors, time, memory. The others are served meanwhile and
afterwards, nothing grows without bound, and no core spins."""

import resource
import socket
import ssl
import threading
import time

import pytest

from messages import Push, encode
from port import is_served, post, read_all
from process import cpu_s, descriptors, is_sanitized, rss_bytes
from throng import Throng
from waiting import wait_until

GROWTH_MOST = 64 << 20  # bytes
BUSY_MOST = 0.6  # of a core


def busy(proxy, seconds=1.5):
    """Part of a core that the process takes over that long."""
    began, used = time.monotonic(), cpu_s(proxy.process.pid)
    wait_until(lambda: time.monotonic() - began >= seconds)
    return (cpu_s(proxy.process.pid) - used) / (time.monotonic() - began)


def is_calm(proxy):
    """Once what it had to do is done; a core that spins goes on spinning."""
    return wait_until(lambda: busy(proxy) < BUSY_MOST, "the process to be calm") or True


# --- connections

def test_connections_of_one_address(start):
    """Beyond limits.connections_per_address an address is answered 503, and another one is served; who leaves makes room.
    It is logged and counted."""
    proxy = start(limits__connections_per_address=3)
    opened = [proxy.connect() for _ in range(3)]
    wait_until(lambda: proxy.metric("hookshift_connections") == 3, "three connections")
    with proxy.connect() as connection:
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After: " in answer
    with socket.create_connection(("127.0.0.1", proxy.port), 30, source_address=("127.0.0.2", 0)) as connection:
        connection.sendall(post(encode(Push().rule()), "Connection: close"))
        assert read_all(connection).startswith(b"HTTP/1.1 202 ")
    proxy.wait_for_log("connections refused.*too many connections from one address.*127.0.0.1")
    assert proxy.metric("hookshift_connections_refused_total", reason="address") == 1
    opened.pop().close()
    wait_until(lambda: proxy.metric("hookshift_connections") == 2, "one to have left")
    assert proxy.send(Push().rule()).status == 202


def test_connections_in_all(start):
    """limits.connections holds for all workers together, to the connection."""
    proxy = start(workers=3, limits__connections=7)
    opened = [proxy.connect() for _ in range(7)]
    wait_until(lambda: proxy.metric("hookshift_connections") == 7, "seven connections")
    with proxy.connect() as connection:
        assert read_all(connection).startswith(b"HTTP/1.1 503 ")
    assert proxy.metric("hookshift_connections_refused_total", reason="connections") == 1
    for connection in opened:
        connection.sendall(post(encode(Push().rule()), "Connection: close"))
        assert read_all(connection).startswith(b"HTTP/1.1 202 ")
        connection.close()
    wait_until(lambda: proxy.metric("hookshift_connections") == 0, "all to have left")
    assert proxy.send(Push().rule()).status == 202


# --- descriptors

def test_connections_to_the_admin_port(start):
    """One address alone cannot take all connections of the admin port: a probe from another one is answered."""
    proxy = start()
    opened = [proxy.connect(proxy.admin_port) for _ in range(300)]
    with socket.create_connection(("127.0.0.1", proxy.admin_port), 30, source_address=("127.0.0.2", 0)) as connection:
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")
    assert proxy.send(Push().rule()).status == 202
    for connection in opened:
        connection.close()
    wait_until(proxy.is_ready, "the admin port to have room again")


def set_descriptors(proxy, count):
    """The soft limit of the running process."""
    _, hard = resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (count, hard))


def test_soft_limit_is_raised(make, tmp_path):
    """The program takes the descriptors that the system grants it, and says when they are fewer than it may need."""
    low, (_, hard) = 256, resource.getrlimit(resource.RLIMIT_NOFILE)
    proxy = make(limits__connections=1000000, limits__connections_per_address=0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (low, hard))
    try:
        proxy.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    assert resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE)[0] == hard
    assert hard > 1000000 or proxy.wait_for_log(f"descriptors.*limit={hard}")


def test_out_of_descriptors(start, legacy):
    """A process that has none left refuses connections and does not spin; who is connected is served, and what it sends
    is delivered. When there are some again, all are served."""
    proxy = start()
    with proxy.connect() as regular:
        def say():
            regular.sendall(post(encode(Push().rule())))
            return regular.recv(65536)

        assert say().startswith(b"HTTP/1.1 202 ")
        legacy.wait_for(1)
        set_descriptors(proxy, descriptors(proxy.process.pid) + 5)
        crowd = [proxy.connect() for _ in range(40)]
        proxy.wait_for_log("out of descriptors")
        assert is_calm(proxy)
        for count in range(2, 12):
            assert say().startswith(b"HTTP/1.1 202 ")
            legacy.wait_for(count)
        for connection in crowd:
            connection.close()
        set_descriptors(proxy, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    wait_until(lambda: proxy.metric("hookshift_connections") == 0, "all to have left")
    assert proxy.send(Push().rule()).status == 202
    assert proxy.metric("hookshift_connections_refused_total", reason="descriptors") > 0
    legacy.wait_for(12)


# --- time and memory

def send_without_reading(connection, data, done):
    """As much as is taken, until it is over; the number of bytes."""
    sent = 0
    connection.setblocking(False)
    while not done.is_set():
        try:
            sent += connection.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            done.wait(0.01)
        except (ssl.SSLError, OSError):
            return sent  # cut off
    return sent


def test_clients_that_never_read(port):
    """Clients that send request upon request and read no answer fill a little memory, no more, and are cut off after
    limits.idle_time; the others are served meanwhile."""
    proxy = port(limits__idle_time="1s")
    assert is_served(proxy)
    before = rss_bytes(proxy.process.pid)
    most, over, ended = before, threading.Event(), []
    greedy = [proxy.open() for _ in range(4)]
    requests = (post(encode(Push().rule())) + b"GET / HTTP/1.1\r\nHost: proxy\r\n\r\n" * 20) * 20
    senders = [threading.Thread(target=lambda each=each: ended.append(send_without_reading(each, requests, over)), daemon=True)
               for each in greedy]
    for sender in senders:
        sender.start()

    def all_are_cut_off():
        nonlocal most
        most = max(most, rss_bytes(proxy.process.pid))
        assert is_served(proxy)
        return len(ended) == len(greedy)

    try:
        wait_until(all_are_cut_off, "all to be cut off", deadline_s=60)
    finally:
        over.set()
        for connection in greedy:
            connection.close()
    assert min(ended) > 100_000  # they had been at it
    assert is_sanitized(proxy.process.pid) or most - before < GROWTH_MOST, f"{before} became {most}"
    wait_until(lambda: proxy.metric("hookshift_connections") == 0, "nobody to be left")
    assert is_calm(proxy) and is_served(proxy)


def test_many_idle_and_slow(start):
    """Hundreds of idle connections and of slow ones cost a little memory each, and good traffic is served among them.
    tests/connections does it with thousands, and looks at the time it takes."""
    proxy = start()
    assert proxy.send(Push().rule()).status == 202
    before = rss_bytes(proxy.process.pid)
    with Throng(proxy.port, idle=500, slow=100, every_s=0.2) as throng:
        wait_until(lambda: proxy.metric("hookshift_connections") >= 600, "all to be there")
        assert all(proxy.send(Push().rule()).status == 202 for _ in range(50))
        grown = rss_bytes(proxy.process.pid) - before
        assert is_sanitized(proxy.process.pid) or grown < GROWTH_MOST
        assert throng.broken == 0
    wait_until(lambda: proxy.metric("hookshift_connections") == 0, "all to have left")
    assert proxy.send(Push().rule()).status == 202


SLOW = {
    "headers": (b"POST /hooks HTTP/1.1\r\nHost: proxy\r\nX-Slow: ", b"x"),
    "body": (b"POST /hooks HTTP/1.1\r\nHost: proxy\r\nContent-Length: 5000\r\n\r\n", b"{"),
    "chunks": (b"POST /hooks HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
}


def drip(connection, piece, over):
    """Piece by piece until the other side has had enough."""
    try:
        while not over.wait(0.05):
            connection.sendall(piece)
    except (ssl.SSLError, OSError):
        pass  # it has


@pytest.mark.parametrize("where", SLOW)
def test_slow_senders(port, where):
    """Requests that come byte by byte are answered 408 when limits.request_time is over, however regular the bytes, and
    the others are served meanwhile."""
    proxy = port(limits__request_time="1s")
    head, piece = SLOW[where]
    over, began = threading.Event(), time.monotonic()
    slow = [proxy.open() for _ in range(10)]
    senders = []
    for connection in slow:
        connection.sendall(head)
        senders.append(threading.Thread(target=drip, args=(connection, piece, over), daemon=True))
        senders[-1].start()
    wait_until(lambda: proxy.metric("hookshift_connections") >= len(slow), "all to be there")
    served = 0
    while time.monotonic() - began < 0.8:
        assert is_served(proxy)
        served += 1
    try:
        for connection in slow:
            assert read_all(connection).startswith(b"HTTP/1.1 408 ")
        took = time.monotonic() - began
    finally:
        over.set()
        for sender in senders:
            sender.join(10)
        for connection in slow:
            connection.close()
    assert took >= 1 and served > 0
    wait_until(lambda: proxy.metric("hookshift_connections") == 0, "nobody to be left")
    assert is_served(proxy)
