"""The public port, spoken to byte by byte, plain or inside TLS."""

import ssl

from messages import Push, encode


def post(body, *headers):
    """A request as bytes."""
    lines = ["POST /hooks HTTP/1.1", "Host: proxy", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def read_all(connection):
    """All that comes until the other side closes."""
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except (ConnectionError, ssl.SSLError):
        pass  # it did not read all that was sent
    return answer


def is_served(proxy):
    """Is a good request answered?"""
    with proxy.open() as connection:
        connection.sendall(post(encode(Push().rule()), "Connection: close"))
        return read_all(connection).startswith(b"HTTP/1.1 202 ")
