"""What a consumer, or whoever set it up, does wrong, and what becomes of the message."""

import socket

import pytest

from consumer import CUT_CHUNK, CUT_SHORT, ENDLESS, TOO_LARGE, Consumer
from messages import Push, encode, fresh
from proxy import run
from signatures import SECRET, signature, signed
from waiting import wait_until

OTHER = SECRET[:-6] + "AAAA" + SECRET[-2:]


# --- the answer

@pytest.mark.parametrize("reply", [CUT_SHORT, CUT_CHUNK, TOO_LARGE, ENDLESS])
def test_a_whole_head_is_the_answer(start, legacy, reply):
    """A 2xx whose body is cut short, too large or without end is a delivery; the story says so. (fault 3.4)"""
    legacy.script = [reply]
    proxy = start()
    answer = proxy.send(Push().rule())
    story = proxy.wait_for_state(answer.id, "delivered")
    assert "HTTP 20" in story["attempts"][0]["why"] and "body cut short" in story["attempts"][0]["why"]
    other = proxy.send(Push().rule())
    proxy.wait_for_state(other.id, "delivered")
    assert len(legacy.requests) == 2 and legacy.connections == 2


# --- where the URL points

def test_own_address(make):
    """Check refuses a consumer that is the proxy itself. (fault 3.8)"""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        proxy = make(legacy_url=f"http://127.0.0.2:{port}", listen=f"0.0.0.0:{port}")
        proxy.write_settings()
        done = run("check", "--config", proxy.settings_path)
        assert done.returncode == 2 and b"endpoints.legacy.url" in done.stderr and b"own address" in done.stderr


class Forwarder:
    """A proxy between: passes each request on to where it is told, with all its headers."""

    def __init__(self):
        self.target = None
        self.consumer = Consumer()
        self.consumer.otherwise = self.forward
        self.answers = []

    def forward(self, request):
        headers = {n: v for n, v in request.headers.items() if n not in ("host", "content-length", "connection")}
        answer = self.target.request("POST", request.target, request.body, headers)
        self.answers.append(answer.status)
        return answer.status


def test_own_delivery_through_another_proxy(make):
    """A delivery that comes back, here through a proxy in between, is refused with 508 and not stored. (fault 3.8)"""
    between = Forwarder()
    try:
        between.target = proxy = make(legacy_url=between.consumer.url, retry__schedule="10ms,10ms").start()
        answer = proxy.send(Push().rule())
        proxy.wait_for_state(answer.id, "dead")
        assert set(between.answers) == {508}
        assert len(proxy.messages()["messages"]) == 1
        assert "came back" in proxy.wait_for_log("error.*came back")
        assert "508" in proxy.message(answer.id)["attempts"][0]["why"]
    finally:
        between.consumer.stop()


def test_own_delivery_through_another_hookshift(make):
    """... or another hookshift, which adds its own mark. (fault 3.8)"""
    between = Forwarder()
    try:
        first = make(legacy_url=between.consumer.url, retry__schedule="10ms").start()
        second = between.target = make(legacy_url=f"http://127.0.0.1:{first.port}", retry__schedule="10ms").start()
        answer = first.send({"unknown": 1})
        first.wait_for_state(answer.id, "delivered")
        wait_until(lambda: second.messages(state="dead")["messages"], "the loop to end")
        assert len(first.messages()["messages"]) == 1 and len(second.messages()["messages"]) == 1
    finally:
        between.consumer.stop()


def test_scheme_in_capitals(make, legacy, new):
    """The scheme may be written in any letter case. (fault 3.9)"""
    proxy = make(legacy_url=legacy.url.replace("http://", "HTTP://"),
                 endpoints__new__routes={"invoices.write.successful": new.url.replace("http", "hTTp") + "/in"})
    proxy.write_settings()
    assert run("check", "--config", proxy.settings_path).returncode == 0
    proxy.start()
    proxy.wait_for_state(proxy.send(Push().rule(), target="/a?b").id, "delivered")
    proxy.wait_for_state(proxy.send(Push().event(), target="/a?b").id, "delivered")
    assert legacy.requests[0].target == "/a?b"


@pytest.mark.parametrize("url", ["http://ho st/", "http://host/a b", "http://[::1].evil/", "http://host:0/",
                                 "http://h\u00f6st/", "http://user:hush@host/", "http://host/#a", "hush:hush@host"])
@pytest.mark.parametrize("setting", ["endpoints.legacy.url", "endpoints.new.routes"])
def test_what_cannot_be_sent_is_refused(make, url, setting):
    """Check refuses what a delivery could not send, with file, line and key, and never shows a password. (fault 3.9)"""
    proxy = make(**{setting.replace(".", "__"): {"read.completed": url} if "routes" in setting else url})
    proxy.write_settings()
    for command in ("check", "serve"):
        done = run(command, "--config", proxy.settings_path)
        said = done.stderr.decode()
        assert done.returncode == 2
        assert str(proxy.settings_path) + ":" in said and setting in said and "hush" not in said


def test_slash_at_the_end(make, legacy):
    """Check says that http://host/ is not http://host. (fault 6.9)"""
    for url, told in ((legacy.url, False), (legacy.url + "/", True), (legacy.url + "/in", False)):
        proxy = make(legacy_url=url)
        proxy.write_settings()
        done = run("check", "--config", proxy.settings_path)
        assert done.returncode == 0 and (b"every message is posted" in done.stderr) == told


# --- signatures

def test_signature_that_grew_old(make, new):
    """Signed events without a secret for new: check and the log warn, and the story of a refusal says why. (fault 3.10)"""
    proxy = make(verify__event_secrets=[SECRET])
    proxy.write_settings()
    done = run("check", "--config", proxy.settings_path)
    assert done.returncode == 0 and b"endpoints.new.secrets: is empty" in done.stderr
    new.otherwise = 401
    proxy.start()
    assert "endpoints.new.secrets" in proxy.wait_for_log("warn.*endpoints.new.secrets")
    body = Push().event()
    answer = proxy.send(body, **signed(SECRET, fresh(), encode(body)))
    story = proxy.wait_for_state(answer.id, "dead")
    assert "without endpoints.new.secrets" in story["attempts"][-1]["why"]


def test_two_secrets_sign(start, new):
    """Each secret of the endpoint signs, so that the consumer can change over. (fault 3.11)"""
    proxy = start(endpoints__new__secrets=[OTHER, SECRET])
    proxy.send(Push().event(), webhook_id=fresh())
    request = new.wait_for()[0]
    values = request.headers["webhook-signature"].split(" ")
    timestamp = int(request.headers["webhook-timestamp"])
    assert values == [signature(secret, request.headers["webhook-id"], timestamp, request.body)
                      for secret in (OTHER, SECRET)]


def test_sign_with_two_secrets():
    """The command does so, too. (fault 3.11)"""
    done = run("sign", "--secret", OTHER, "--secret", SECRET, "--id", "m", "--timestamp", "1", stdin=b"{}")
    assert done.returncode == 0
    line = next(line for line in done.stdout.decode().splitlines() if line.startswith("webhook-signature"))
    assert line.split(": ")[1].split(" ") == [signature(secret, "m", 1, b"{}") for secret in (OTHER, SECRET)]
