"""Hostile requests to the program, on the plain port and on the one with TLS: each is answered as the table says, or a
client that breaks off is let go, and a good request is served after it."""

import itertools
import pathlib
import re
import socket
import ssl
import struct

import pytest

from messages import Push, encode
from port import is_served, post, read_all
from waiting import wait_until

TABLE = pathlib.Path(__file__).resolve().parents[1] / "hostile.txt"
LIMITS = {"limits__body": "100000", "limits__headers": "4096"}
ABBREVIATIONS = {"host": "Host: a\r\n", "post": "POST /p HTTP/1.1\r\nHost: a\r\n",
                 "chunked": "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"}
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "v": "\v", "f": "\f", "0": "\0", "\\": "\\"}


def expand(text):
    """What a text of the table stands for, a character for a byte."""
    def replace(match):
        if inside := match["inside"]:
            piece, star, count = inside.rpartition("*")
            return expand(piece) * int(count) if star else ABBREVIATIONS[inside]
        return chr(int(match["hex"], 16)) if match["hex"] else ESCAPES[match["letter"]]

    return re.sub(r"\\x(?P<hex>..)|\\(?P<letter>.)|\{(?P<inside>[^}]*)\}", replace, text)


def table():
    """(name, status, bytes) of all rows."""
    for line in TABLE.read_text(encoding="ascii").splitlines():
        if line and not line.startswith("#"):
            name, status, request = line.split(" | ", 2)
            yield name, int(status), expand(request).encode("latin-1")


def ask(proxy, request):
    """All that comes back, of a client that listens to the end."""
    with proxy.open() as connection:
        try:
            connection.sendall(request)
        except (ConnectionError, ssl.SSLError):
            pass  # it knows enough
        return read_all(connection)


def test_table(port):
    """Each request is answered once, as the table says, and the connection ends; after each a good one is served."""
    proxy = port(**LIMITS)
    wrong, count = [], 0
    for name, status, request in table():
        answer = ask(proxy, request)
        if not answer.startswith(b"HTTP/1.1 %d " % status) or answer.count(b"HTTP/1.1 ") != 1:
            wrong.append((name, status, answer[:200]))
        elif b"Connection: close\r\n" not in answer or b"hookshift-outcome: rejected" not in answer.lower():
            wrong.append((name, "its headers", answer[:500]))
        if not is_served(proxy):
            wrong.append((name, "a good request after it"))
        count += 1
    assert not wrong and count >= 150, wrong


BODY = encode(Push().rule())
WHOLE = {
    "length": post(BODY),
    "chunks": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "second": post(b"{") + post(BODY),
}


def break_off(connection, by_reset):
    """Goes, in order or with a reset."""
    if by_reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("kind", WHOLE)
def test_aborted_at_every_stage(port, kind):
    """A client that goes after any byte of its request, in order or with a reset, leaves nothing behind, and what it
    sent in part is no message."""
    proxy = port()
    request = WHOLE[kind]
    head = request.index(b"\r\n\r\n") + 4
    stages = [*range(0, head + 20), *range(head + 20, len(request), 23)]
    for stage, by_reset in itertools.product(stages, (False, True)):
        connection = proxy.open()
        connection.sendall(request[:stage])
        break_off(connection, by_reset)
        if stage % 20 == 0:
            assert is_served(proxy)
    wait_until(lambda: proxy.metric("hookshift_connections") == 0, "all to have left")
    assert is_served(proxy)
    assert BODY not in [delivered.body for delivered in proxy.consumer.requests]
