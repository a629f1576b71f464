"""A consumer that records what it gets and answers as told, well or badly."""

import dataclasses
import json
import select
import socket
import struct
import threading
import time

from waiting import wait_until

HANG = "hang"  # read the request, then never answer
RESET = "reset"  # read the request, then break the connection
CLOSE = "close"  # read the request, then close the connection without a word
GARBAGE = "garbage"  # answer what is not HTTP
ENDLESS = "endless"  # answer 200 with a body that does not end
CUT_SHORT = "cut short"  # announce more of a body than comes
CUT_CHUNK = "cut chunk"  # end within a chunk of the body
TOO_LARGE = "too large"  # a body of 3 MiB
ENDLESS_HEADERS = "endless headers"  # answer 200 with headers that do not end


@dataclasses.dataclass
class Reply:
    """An answer in full."""

    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""
    delay_s: float = 0


@dataclasses.dataclass
class Request:
    method: str
    target: str
    headers: dict  # names in lower case
    header_list: list  # (name, value) as received
    body: bytes
    at: float  # time.monotonic()
    answered: object = None  # what it got: a status, or the name of a misbehaviour

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def key(self):
        """AlertId or id of the body."""
        return self.json.get("AlertId") or self.json.get("id")


class Consumer:
    """An HTTP server, a thread per connection.

    `script` is worked off one entry per request: a status, a Reply or a misbehaviour; afterwards `otherwise` counts.
    Either may be a function of the request. `tls`: a context of the server's side, to be spoken to by https."""

    def __init__(self, tls=None, address="127.0.0.1", port=0):
        self.tls = tls
        self.address = address
        self.requests = []
        self.script = []
        self.otherwise = 200
        self.connections = 0  # ever opened
        self.in_flight = self.most_in_flight = 0
        self._lock = threading.Lock()
        self._open = set()
        self._closing = threading.Event()
        self._reserved = reserve_port(address, port)  # for as long as this object lives, listening or not
        self._port = self._reserved.getsockname()[1]
        self._listener = None
        self.start()

    # --- being a server

    def start(self):
        """Listens, on the same port as before."""
        self._closing = threading.Event()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.address, self._port))
        listener.listen(256)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener, self._closing), daemon=True).start()

    def stop(self):
        """Breaks all connections and refuses new ones."""
        self._closing.set()
        with self._lock:
            if self._listener:
                self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
            self._listener = None
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it has gone already
            self._open.clear()

    def _accept(self, listener, closing):
        while not closing.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                if closing.is_set():
                    connection.close()
                    return
                self._open.add(connection)
                self.connections += 1
            threading.Thread(target=self._serve, args=(connection, closing), daemon=True).start()

    def _serve(self, connection, closing):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            connection = self._secure(connection)
            with connection, connection.makefile("rb") as stream:
                while (request := read_request(stream)) and not closing.is_set():
                    if not self._answer(connection, closing, request):
                        return
        except OSError:
            pass  # the other side, or stop(), broke the connection
        finally:
            with self._lock:
                self._open.discard(connection)

    def _secure(self, connection):
        """The connection inside TLS, where that is asked for; OSError where the other side does not agree."""
        if not self.tls:
            return connection
        secured = self.tls.wrap_socket(connection, server_side=True)
        with self._lock:
            self._open.discard(connection)
            self._open.add(secured)
        return secured

    def _answer(self, connection, closing, request):
        with self._lock:
            action = self.script.pop(0) if self.script else self.otherwise
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if callable(action):
                action = action(request)
            request.answered = action.status if isinstance(action, Reply) else action
            with self._lock:
                self.requests.append(request)
            answer = self._prepare(connection, closing, action)
        finally:
            with self._lock:
                self.in_flight -= 1  # before the answer is out, which lets the next request in
        if answer is None:
            return False
        connection.sendall(answer)
        return True

    def _prepare(self, connection, closing, action):
        """Does what there is to do before the answer and returns that; None: the connection is of no more use."""
        if action == HANG:
            closing.wait()
        elif action == RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif action == GARBAGE:
            connection.sendall(b"\x00\xff\xfe not HTTP at all \r\n\r\n" * 4)
        elif action == ENDLESS:
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            self._pour(connection, closing, head, b"400\r\n" + b"x" * 1024 + b"\r\n")
        elif action == CUT_SHORT:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        elif action == CUT_CHUNK:
            connection.sendall(b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
        elif action == TOO_LARGE:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3145728\r\n\r\n" + bytes(3 << 20))
        elif action == ENDLESS_HEADERS:
            self._pour(connection, closing, b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 1024 + b"\r\n")
        elif action != CLOSE:
            reply = action if isinstance(action, Reply) else Reply(action)
            closing.wait(reply.delay_s)
            head = f"HTTP/1.1 {reply.status} Whatever\r\nContent-Length: {len(reply.body)}\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
            return head.encode() + b"\r\n" + reply.body
        return None

    @staticmethod
    def _pour(connection, closing, head, piece):
        """Sends without end, slowly enough not to fill the machine, until nobody listens any more."""
        connection.sendall(head)
        while not closing.wait(0.002):
            if select.select([connection], [], [], 0)[0]:
                return  # closed by the other side: it has nothing to say while an answer is due
            connection.sendall(piece)

    # --- looking at what came

    @property
    def port(self):
        return self._port

    @property
    def url(self):
        """Without a path."""
        return f"http{'s' if self.tls else ''}://{self.address}:{self._port}"

    def keys(self):
        """AlertId or id of everything that came, in order."""
        return [request.key for request in list(self.requests)]

    def accepted(self):
        """Requests that were answered 2xx."""
        return [r for r in list(self.requests) if isinstance(r.answered, int) and 200 <= r.answered < 300]

    def wait_for(self, count=1):
        """Waits for that many requests in all and returns them."""
        wait_until(lambda: len(self.requests) >= count, f"request {count}, there are {len(self.requests)}")
        return list(self.requests)

    def wait_for_key(self, key, count=1):
        """Waits for that many requests with the body's id, and returns them."""

        def found():
            matching = [request for request in list(self.requests) if request.key == key]
            return matching if len(matching) >= count else None

        return wait_until(found, f"request {count} of {key}")


def reserve_port(address="127.0.0.1", port=0):
    """A socket that never listens: nobody else is given its port, who listens with SO_REUSEADDR may, and until then
    connections are refused."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind((address, port))
    return reserved


def read_request(stream):
    """One request from a buffered stream, or None at its end."""
    line = stream.readline()
    if not line.strip():
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    header_list = []
    while (line := stream.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        header_list.append((name, value.strip()))
    if not line:
        return None  # broken off within the headers
    headers = {name.lower(): value for name, value in header_list}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int(stream.readline().split(b";")[0], 16):
            body += stream.read(size)
            stream.readline()
        stream.readline()
    else:
        length = int(headers.get("content-length", 0))
        body = stream.read(length)
        if len(body) < length:
            return None
    return Request(method, target, headers, header_list, body, time.monotonic())
