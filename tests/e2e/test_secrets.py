"""Secrets of the settings, and of senders, are told of nowhere."""

import base64
import json
import pathlib

import pytest

from messages import Connection, Push, encode, fresh
from process import is_sanitized
from proxy import run
from signatures import SECRET, signed
from waiting import wait_until

TOKEN = "token-of-an-operator"
OTHER = "whsec_" + base64.b64encode(b"another secret of many bytes....").decode()
SETTINGS = {
    "admin.token": TOKEN,
    "verify.event_secrets": [OTHER],
    "verify.rule_secrets": [SECRET],
    "verify.rule_authorizations": ["Basic c2VuZGVyOnBhc3N3b3Jk"],
    "endpoints.legacy.secrets": [SECRET],
    "endpoints.legacy.headers": {"X-Api-Key": "key-of-the-consumer"},
    "endpoints.new.headers": {"Authorization": "Bearer key-of-the-new-one"},
}
TRACES = [TOKEN, "c2VuZGVyOnBhc3N3b3Jk", "key-of-the-consumer", "key-of-the-new-one", "a secret of thirty-two bytes",
          "another secret of many bytes"] + [secret.removeprefix("whsec_").rstrip("=") for secret in (SECRET, OTHER)]


def is_silent(text):
    told = [trace for trace in TRACES if trace in text]
    assert not told, f"{told} in {text}"
    return True


@pytest.fixture
def busy(make, legacy, new):
    """A proxy with secrets of every kind, and messages that were delivered, refused, and failed."""
    proxy = make(log__level="debug", **{name.replace(".", "__"): value for name, value in SETTINGS.items()}).start()
    new.otherwise = 500
    rules, event = [encode(Push().rule()), encode(Connection().rule())], encode(Push().event())
    one, two = fresh(), fresh()
    proxy.good = [proxy.request("POST", "/", rules[0], {"Authorization": "Basic c2VuZGVyOnBhc3N3b3Jk"}),
                  proxy.request("POST", "/", rules[1], signed(SECRET, one, rules[1])),
                  proxy.request("POST", "/", event, signed(OTHER, two, event))]
    assert [answer.status for answer in proxy.good] == [202] * 3
    for headers in ({}, {"Authorization": "Basic c2VuZGVyOnBhc3N3b3J"}, signed(OTHER, one, rules[0])):
        refused = proxy.request("POST", "/", rules[0], headers)
        assert refused.status == 401 and is_silent(refused.body.decode())
    legacy.wait_for(2)
    new.wait_for(1)
    wait_until(lambda: proxy.state(proxy.good[2].id) == "dead", "the event to be dead")
    return proxy


def test_answers(busy):
    """Neither port tells a secret, with the token or without."""
    for answer in busy.good:
        assert is_silent(str(answer.headers) + answer.body.decode())
    targets = ["/", "/healthz", "/readyz", "/metrics", "/api/access", "/api/status", "/api/flags", "/api/parity",
               "/api/messages", *(f"/api/messages/{answer.id}" for answer in busy.good)]
    for target in targets:
        assert is_silent(busy.admin(target).body.decode()), target
        without = busy.request("GET", target, port=busy.admin_port)
        assert without.status in (200, 401) and is_silent(without.body.decode()), target
    shown = json.dumps(busy.message(busy.good[0].id))
    assert "authorization" in shown.lower() and "(hidden)" in shown


def test_log(busy):
    """Nor does the log, at its most talkative, from start to end."""
    assert busy.terminate() == 0
    assert "message refused" in busy.text() and "attempt ended" in busy.text()
    assert is_silent(busy.text())


def test_commands(busy):
    """`settings` shows what there is to set, not what is set; `check` names a secret that is wrong, and does not show it;
    `messages show` hides headers that carry one."""
    busy.write_settings()
    url = f"http://127.0.0.1:{busy.admin_port}"
    for arguments in (["settings"], ["settings", "--json"], ["check", "--config", busy.settings_path],
                      ["messages", "--admin", url, "--token", TOKEN],
                      ["messages", "show", busy.good[0].id, "--admin", url, "--token", TOKEN],
                      ["parity", "--admin", url, "--token", TOKEN, "--json"]):
        done = run(*arguments)
        assert is_silent((done.stdout + done.stderr).decode()), arguments


@pytest.mark.parametrize("key", [name for name in SETTINGS if "headers" not in name])
def test_wrong_values(make, key):
    """A secret that is refused is told by its name, line and fault, and not shown, wherever it comes from."""
    bad = f"whsec_{TRACES[-1]}=!" if "secrets" in key else TOKEN + "\x07"
    proxy = make(**{key.replace(".", "__"): [bad] if key.startswith("verify") or "secrets" in key else bad})
    proxy.write_settings()
    done = run("check", "--config", proxy.settings_path)
    assert done.returncode == 2 and key in done.stderr.decode() and is_silent(done.stderr.decode())
    done = run("check", "--set", f"{key}={bad}")
    assert done.returncode == 2 and key in done.stderr.decode() and is_silent(done.stderr.decode())


def readable_memory(pid):
    """All that the process could change, in pieces; what its sanitizers map is not looked at."""
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, rights = line.split()[:2]
        start, end = (int(edge, 16) for edge in span.split("-"))
        if rights.startswith("rw") and end - start < 1 << 28:
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
                memory.seek(start)
                yield memory.read(end - start)


def test_what_it_was_started_with(make, legacy):
    """Secrets do not stand in /proc, where `ps` finds them, once they have been read; one that was overridden, and is of
    no use, stands nowhere in memory; and a crash leaves no core file that would hold those in use."""
    replaced = "token-of-an-earlier-operator"
    proxy = make(endpoints__legacy__headers={"X-Api-Key": "key-of-an-earlier-consumer"})
    proxy.environment = {"HOOKSHIFT_ADMIN_TOKEN": replaced, "HOOKSHIFT_VERIFY_RULE_AUTHORIZATIONS": "Basic c2VuZGVy",
                         "HOOKSHIFT_ENDPOINTS_LEGACY_HEADERS": '{"X-Api-Key": "key-of-the-consumer"}'}
    proxy.arguments = [f"--set=admin.token={TOKEN}", "--set", f"verify.rule_secrets={SECRET}"]
    proxy.start()
    body = encode(Push().rule())
    assert proxy.request("POST", "/", body, {"Authorization": "Basic c2VuZGVy"}).status == 202
    assert legacy.wait_for(1)[0].headers["x-api-key"] == "key-of-the-consumer"
    assert proxy.admin("/api/status", Authorization=f"Bearer {TOKEN}").status == 200
    process = pathlib.Path(f"/proc/{proxy.process.pid}")
    started_with = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    for secret in (TOKEN, SECRET, replaced, "c2VuZGVy", "key-of-the-consumer"):
        assert secret.encode() not in started_with, secret
    assert b"admin.token=" in started_with and b"HOOKSHIFT_ADMIN_TOKEN=" in started_with
    limit = next(line for line in (process / "limits").read_text().splitlines() if line.startswith("Max core file size"))
    assert limit.split()[4] in ("0", "1")
    if not is_sanitized(proxy.process.pid):
        memory = b"".join(readable_memory(proxy.process.pid))
        assert TOKEN.encode() in memory, "the one in use"
        for secret in (replaced, "key-of-an-earlier-consumer"):
            assert secret.encode() not in memory, secret
