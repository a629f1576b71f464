"""Certificates that are replaced while the proxy runs: taken up by themselves, and nothing of the old one is left."""

import shutil
import signal
import ssl
import threading

import pytest

from certificates import Authority, serving, self_signed, trusting
from consumer import Consumer
from messages import Push
from waiting import wait_until


@pytest.fixture
def consumers():
    made = []

    def make(context):
        made.append(Consumer(context))
        return made[-1]

    yield make
    for consumer in made:
        consumer.stop()


def authority(tmp_path, name):
    (tmp_path / name).mkdir()
    return Authority(tmp_path / name, name)


def replace(source, path):
    """As a careful tool does: a new file, renamed over the old one."""
    fresh = path.with_suffix(".new")
    shutil.copy(source, fresh)
    fresh.rename(path)


def delivered(proxy):
    answer = proxy.send(Push().rule())
    proxy.wait_for_state(answer.id, "delivered")
    return proxy.message(answer.id)


@pytest.mark.parametrize("how", ["watched", "SIGHUP"])
def test_authority_replaced(start, consumers, tmp_path, how):
    """endpoints.E.ca: the new authority counts within seconds, and the old one does not any more, not even by a connection
    that is open. (fault 3.3)"""
    old, new = authority(tmp_path, "old"), authority(tmp_path, "new")
    first = consumers(serving(old.issue("consumer")))
    ca = tmp_path / "ca.pem"
    shutil.copy(old.cert, ca)
    proxy = start(legacy_url=first.url, endpoints__legacy__ca=str(ca), retry__schedule=",".join(["100ms"] * 300),
                  endpoints__legacy__connection_age="0")
    delivered(proxy)
    replace(new.cert, ca)
    if how == "SIGHUP":
        proxy.process.send_signal(signal.SIGHUP)
    proxy.wait_for_log("certificate loaded.*legacy")
    seen = len(first.requests)
    answer = proxy.send(Push().rule())
    wait_until(lambda: proxy.message(answer.id)["attempts"], "an attempt")
    assert "TLS" in proxy.message(answer.id)["attempts"][0]["why"]
    assert len(first.requests) == seen
    replace(old.cert, ca)
    proxy.wait_for_state(answer.id, "delivered")


def test_client_certificate_replaced(start, consumers, tmp_path):
    """endpoints.E.client_cert: rotated three times under load, no message dies, and the last one is shown. (fault 3.3)"""
    own = authority(tmp_path, "own")
    context = serving(own.issue("consumer"), clients=own.cert)
    consumer = consumers(context)
    cert, key = tmp_path / "client.crt", tmp_path / "client.key"
    shown = [own.issue(f"client-{i}") for i in range(4)]
    shutil.copy(shown[0].cert, cert), shutil.copy(shown[0].key, key)
    proxy = start(legacy_url=consumer.url, endpoints__legacy__ca=str(own.cert), endpoints__legacy__client_cert=str(cert),
                  endpoints__legacy__client_key=str(key), retry__schedule=",".join(["100ms"] * 50))
    stop, ids = threading.Event(), []

    def load():
        while not stop.wait(0.005):
            ids.append(proxy.send(Push().rule()).id)

    sender = threading.Thread(target=load)
    sender.start()
    try:
        for count, identity in enumerate(shown[1:], 1):
            replace(identity.cert, cert)  # for a moment the key does not belong to it
            replace(identity.key, key)
            wait_until(lambda: proxy.text().count("certificate loaded") == count, f"certificate {count}")
    finally:
        stop.set()
        sender.join()
    for message_id in ids:
        proxy.wait_for_state(message_id, "delivered")
    assert proxy.metric("hookshift_deliveries_total", endpoint="legacy", result="delivered") == len(ids)
    assert "certificate refused" not in proxy.text()


def test_broken_file_changes_nothing(start, consumers, tmp_path):
    """A file that cannot be read is told, and the certificate in use stays. (fault 3.3)"""
    own = authority(tmp_path, "own")
    consumer = consumers(serving(own.issue("consumer")))
    ca = tmp_path / "ca.pem"
    shutil.copy(own.cert, ca)
    proxy = start(legacy_url=consumer.url, endpoints__legacy__ca=str(ca))
    ca.write_text("nonsense")
    proxy.wait_for_log("error.*certificate refused.*ca.pem")
    delivered(proxy)


def test_own_certificate_replaced(start, tmp_path):
    """listen.tls: renewed files are taken up without SIGHUP; a session of before is not resumed. (fault 3.3)"""
    first, second = self_signed(tmp_path, "first"), self_signed(tmp_path, "second")
    cert, key = tmp_path / "own.crt", tmp_path / "own.key"
    shutil.copy(first.cert, cert), shutil.copy(first.key, key)
    proxy = start(listen__tls__cert=str(cert), listen__tls__key=str(key))

    def hello(identity, session=None):
        context = trusting(identity.cert, maximum_version=ssl.TLSVersion.TLSv1_2)
        with context.wrap_socket(proxy.connect(), server_hostname="127.0.0.1", session=session) as secured:
            return secured.session, secured.session_reused

    session, _ = hello(first)
    replace(second.key, key)
    replace(second.cert, cert)
    proxy.wait_for_log("certificate loaded")
    assert hello(second)[1] is False
    with pytest.raises(ssl.SSLError):
        hello(first)


def test_own_certificate_rotated_under_load(start, tmp_path):
    """listen.tls: three rotations while senders come and go, one connection each, and nobody is turned away. (fault 3.3)"""
    made = [self_signed(tmp_path, f"port-{i}") for i in range(4)]
    cert, key, bundle = tmp_path / "own.crt", tmp_path / "own.key", tmp_path / "all.pem"
    bundle.write_text("".join(identity.cert.read_text() for identity in made))
    shutil.copy(made[0].cert, cert), shutil.copy(made[0].key, key)
    proxy = start(listen__tls__cert=str(cert), listen__tls__key=str(key))
    stop, answers, context = threading.Event(), [], trusting(bundle)

    def load():
        while not stop.wait(0.002):
            with context.wrap_socket(proxy.connect(), server_hostname="127.0.0.1") as secured:
                secured.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
                answers.append(secured.recv(4096)[:12])

    senders = [threading.Thread(target=load) for _ in range(3)]
    for sender in senders:
        sender.start()
    try:
        for count, identity in enumerate(made[1:], 1):
            replace(identity.key, key)
            replace(identity.cert, cert)
            wait_until(lambda: proxy.text().count("certificate loaded") == count, f"certificate {count}")
            before = len(answers)
            wait_until(lambda: len(answers) > before + 5, "senders after it")
    finally:
        stop.set()
        for sender in senders:
            sender.join()
    assert set(answers) == {b"HTTP/1.1 202"}


def test_expiry_is_a_metric(start, consumers, tmp_path):
    """How long each certificate still is good for. (fault 3.3)"""
    own = authority(tmp_path, "own")
    consumer = consumers(serving(own.issue("consumer")))
    shown = own.issue("client", days=1).settings("endpoints.legacy.", "client_cert", "client_key")
    port = self_signed(tmp_path, "port")
    proxy = start(legacy_url=consumer.url, endpoints__legacy__ca=str(own.cert), **shown, **port.settings())
    day = 86400
    for setting, days in (("endpoints.legacy.ca", 2), ("endpoints.legacy.client_cert", 1), ("listen.tls.cert", 2)):
        left = proxy.metric("hookshift_certificate_expiry_seconds", setting=setting)
        assert (days - 0.1) * day < left < (days + 0.1) * day, setting
