"""TLS to the consumers: whom the proxy trusts, and what it shows of itself."""

import re
import socket
import threading

import pytest

from certificates import Authority, self_signed, serving
from consumer import Consumer
from messages import Push
from proxy import run
from waiting import wait_until


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def consumers():
    """consumers(context): a consumer that is stopped when the test is over."""
    made = []

    def make(context):
        made.append(Consumer(context))
        return made[-1]

    yield make
    for consumer in made:
        consumer.stop()


def refusal(proxy, message_id):
    """Why the first attempt failed."""
    return wait_until(lambda: proxy.message(message_id)["attempts"], "an attempt")[0]["why"]


def is_refused(proxy, consumer, words):
    """Nothing is delivered, and the reason is one that an operator understands."""
    answer = proxy.send(Push().rule())
    assert answer.status == 202
    why = refusal(proxy, answer.id)
    assert re.search(words, why), why
    proxy.wait_for_log(f"attempt failed message={answer.id}.*({words})")
    assert consumer.requests == []
    return True


def test_trusted(start, consumers, authority):
    """endpoints.E.ca names who may vouch for the consumer; connections are used again."""
    consumer = consumers(serving(authority.issue("consumer")))
    proxy = start(legacy_url=consumer.url, endpoints__legacy__ca=str(authority.cert))
    for count in range(1, 4):
        answer = proxy.send(Push().rule())
        proxy.wait_for_state(answer.id, "delivered")
        consumer.wait_for(count)
    assert consumer.connections <= 2


def test_unknown_authority(start, consumers, authority):
    """Without endpoints.E.ca the system's authorities count, which do not know this one."""
    consumer = consumers(serving(authority.issue("consumer")))
    assert is_refused(start(legacy_url=consumer.url), consumer, "TLS.*(issuer|self-signed|certificate)")


def test_another_authority(start, consumers, authority, tmp_path):
    """What another authority says does not count, though it has the same name."""
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    consumer = consumers(serving(authority.issue("consumer")))
    proxy = start(legacy_url=consumer.url, endpoints__legacy__ca=str(other.cert))
    assert is_refused(proxy, consumer, "TLS.*(issuer|signature|certificate)")


def test_self_signed(start, consumers, tmp_path):
    """A certificate that vouches for itself is refused."""
    consumer = consumers(serving(self_signed(tmp_path, "consumer")))
    assert is_refused(start(legacy_url=consumer.url), consumer, "TLS.*self-signed")


@pytest.mark.parametrize("alternative", ["DNS:another.example", "IP:127.0.0.2"])
def test_another_name(start, consumers, authority, alternative):
    """A good certificate of somebody else is refused."""
    consumer = consumers(serving(authority.issue("another", alternative)))
    proxy = start(legacy_url=consumer.url, endpoints__legacy__ca=str(authority.cert))
    assert is_refused(proxy, consumer, "TLS.*(subject name|127.0.0.1|does not match)")


def test_expired(start, consumers, authority):
    """A certificate that is no longer valid is refused."""
    consumer = consumers(serving(authority.issue("old", days=-1)))
    proxy = start(legacy_url=consumer.url, endpoints__legacy__ca=str(authority.cert))
    assert is_refused(proxy, consumer, "TLS.*expired")


def test_client_certificate(start, consumers, authority):
    """A consumer that asks for a certificate is shown the one of endpoints.E.client_cert."""
    consumer = consumers(serving(authority.issue("consumer"), clients=authority.cert))
    shown = authority.issue("hookshift").settings("endpoints.legacy.", "client_cert", "client_key")
    proxy = start(legacy_url=consumer.url, endpoints__legacy__ca=str(authority.cert), **shown)
    answer = proxy.send(Push().rule())
    proxy.wait_for_state(answer.id, "delivered")
    assert len(consumer.wait_for()) == 1


def test_no_client_certificate(start, consumers, authority):
    """Without one such a consumer refuses, and that is told."""
    consumer = consumers(serving(authority.issue("consumer"), clients=authority.cert))
    proxy = start(legacy_url=consumer.url, endpoints__legacy__ca=str(authority.cert))
    assert is_refused(proxy, consumer, "certificate required|TLS|broken|closed")


def answer_in_plain(listener):
    """As a server without TLS answers a greeting of TLS."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def test_consumer_without_tls(start):
    """https to somebody who does not speak it is no delivery."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer_in_plain, args=(listener,), daemon=True).start()
        proxy = start(legacy_url=f"https://127.0.0.1:{listener.getsockname()[1]}")
        answer = proxy.send(Push().rule())
        assert re.search("TLS|closed|broken", refusal(proxy, answer.id))
        proxy.wait_for_state(answer.id, "dead")
        listener.shutdown(socket.SHUT_RDWR)


def test_files_are_checked(make, authority, tmp_path):
    """A certificate without its key, or a file that is not there, is a mistake in the settings, told with its name."""
    identity = authority.issue("hookshift")
    for settings, named in (({"endpoints__new__client_cert": str(identity.cert)}, "endpoints.new.client_key"),
                            ({"endpoints__new__ca": str(tmp_path / "none.pem")}, "none.pem")):
        proxy = make(**settings)
        proxy.write_settings()
        done = run("check", "--config", proxy.settings_path)
        assert done.returncode == 2 and named in done.stderr.decode()
