"""TLS on the public port, for those without a terminator in front."""

import http.client
import signal
import socket
import ssl
import subprocess

import pytest

from certificates import self_signed, trusting
from messages import Push, encode
from proxy import run
from waiting import wait_until


@pytest.fixture
def secured(make, tmp_path):
    """A proxy with a certificate, not started."""
    return make(**self_signed(tmp_path, "first").settings())


def post(proxy, context, bodies):
    """All on one connection."""
    connection = http.client.HTTPSConnection("127.0.0.1", proxy.port, context=context, timeout=20)
    try:
        statuses = []
        for body in bodies:
            connection.request("POST", "/", encode(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        return statuses
    finally:
        connection.close()


def served_name(proxy):
    """Common name of the certificate that new connections are shown."""
    pem = ssl.get_server_certificate(("127.0.0.1", proxy.port))
    return subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem.encode(), capture_output=True,
                          check=True).stdout.decode().strip()


@pytest.fixture
def cert(secured):
    return secured.settings["listen.tls.cert"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_messages(secured, cert, legacy, version):
    """Messages come in over TLS 1.2 and 1.3, several on one connection, large ones too."""
    proxy = secured.start()
    bodies = [Push().rule() for _ in range(3)]
    bodies[1]["Message"] = "x" * 300_000
    context = trusting(cert, minimum_version=version, maximum_version=version)
    assert post(proxy, context, bodies) == [202, 202, 202]
    legacy.wait_for(3)
    assert {len(request.body) for request in legacy.requests} == {len(encode(body)) for body in bodies}


def test_old_versions_are_refused(secured, cert):
    """TLS 1.2 and up."""
    proxy = secured.start()
    context = trusting(cert)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, OSError)):
        post(proxy, context, [Push().rule()])
    assert post(proxy, trusting(cert), [Push().rule()]) == [202]


def test_what_is_not_tls(secured, cert):
    """Plain HTTP, garbage, and handshakes that break off get nothing, and harm nobody."""
    proxy = secured.start()
    for beginning in (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x00", b"\x16\x03\x01\x02\x00\x01\x00" + b"\xff" * 600, b"\0" * 99):
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as connection:
            connection.sendall(beginning)
            answer = b""
            try:
                connection.shutdown(socket.SHUT_WR)
                while more := connection.recv(4096):
                    answer += more
            except OSError:
                pass  # it had been let go before we were done
            assert not answer.startswith(b"HTTP/1.1 2"), answer
    assert post(proxy, trusting(cert), [Push().rule()]) == [202]


def test_silent_handshakes_are_ended(make, tmp_path):
    """Who connects and says nothing, or half a greeting, is let go after idle_time."""
    proxy = make(**self_signed(tmp_path, "first").settings(), limits__idle_time="1s").start()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as connection:
        connection.sendall(b"\x16\x03")
        assert connection.recv(100) == b""


def test_renewed_certificate(secured, tmp_path):
    """SIGHUP takes the new certificate; one that cannot be read leaves the old one in use."""
    proxy = secured.start()
    assert "first" in served_name(proxy)
    second = self_signed(tmp_path, "second")
    second.cert.rename(proxy.settings["listen.tls.cert"])
    second.key.rename(proxy.settings["listen.tls.key"])
    proxy.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "second" in served_name(proxy), "the renewed certificate")
    with open(proxy.settings["listen.tls.cert"], "w", encoding="utf-8") as file:
        file.write("nonsense")
    proxy.process.send_signal(signal.SIGHUP)
    proxy.wait_for_log("certificate refused")
    assert "second" in served_name(proxy)


def test_bad_certificate_at_start(make, tmp_path):
    """A file that is missing or no certificate, and a key of another one: exit 2, and the file is named."""
    cert, other = self_signed(tmp_path, "first").cert, self_signed(tmp_path, "second").key
    for cert_path, key_path, named in ((tmp_path / "none.crt", other, "none.crt"), (cert, other, "second.key"),
                                       (other, cert, "second.key")):
        proxy = make(listen__tls__cert=str(cert_path), listen__tls__key=str(key_path)).launch()
        assert proxy.wait_for_exit() == 2
        assert named in proxy.text()


def test_cert_without_key(make, tmp_path):
    """One without the other is a mistake in the settings."""
    proxy = make(listen__tls__cert=str(self_signed(tmp_path, "first").cert))
    proxy.write_settings()
    done = run("check", "--config", proxy.settings_path)
    assert done.returncode == 2 and b"listen.tls.key" in done.stderr
