"""Thousands of connections that do nothing, or next to nothing."""

import contextlib
import resource
import socket
import threading
import time

HEAD = b"POST /hooks HTTP/1.1\r\nHost: proxy\r\nX-Slow: "
OF_ONE_ADDRESS = 1000


class Throng:
    """`idle` connections that say nothing, and `slow` ones that send a byte of a header each `every_s`, from as many
    addresses of loopback as it takes. To be used in a `with`."""

    def __init__(self, port, idle, slow, every_s=1.0):
        self.port, self.every_s = port, every_s
        self.idle, self.slow = idle, slow
        self.connections = []
        self._over = threading.Event()
        self._dripper = None
        self.broken = 0

    def __enter__(self):
        raise_descriptors(self.idle + self.slow + 100)
        for number in range(self.idle + self.slow):
            source = f"127.0.{1 + number // OF_ONE_ADDRESS}.1"
            self.connections.append(socket.create_connection(("127.0.0.1", self.port), 30, (source, 0)))
        self._dripper = threading.Thread(target=self._drip, args=(self.connections[self.idle:],), daemon=True)
        self._dripper.start()
        return self

    def _drip(self, slow):
        """A little of them all the time rather than all of them at once."""
        for connection in slow:
            connection.sendall(HEAD)
        step = max(1, len(slow) // 100)
        while not self._over.is_set():
            for begin in range(0, len(slow), step):
                until = time.monotonic() + self.every_s * step / len(slow)
                for connection in slow[begin:begin + step]:
                    try:
                        connection.send(b"x")
                    except OSError:
                        self.broken += 1  # let go by the other side
                if self._over.wait(max(0.0, until - time.monotonic())):
                    return

    def __exit__(self, *_):
        self._over.set()
        if self._dripper:
            self._dripper.join(30)
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.close()
        self.connections.clear()


def raise_descriptors(wanted):
    """This process needs them as well."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise RuntimeError(f"{wanted} descriptors are needed, and the hard limit is {hard}")
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
