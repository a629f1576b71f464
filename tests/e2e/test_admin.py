"""What people do with a running proxy: the demo, messages and replays from the command line, the story of a message."""

import http.client
import json
import re
import subprocess

import pytest

from messages import Push, Read, encode
from proxy import BINARY, environment, run
from waiting import wait_until

TOKEN = "of-the-operator"


def command(proxy, *arguments, token=TOKEN):
    more = ["--token", token] if token else []
    return run(*arguments, "--admin", f"http://127.0.0.1:{proxy.admin_port}", *more)


def post(proxy, target, body=None, **headers):
    named = {"Authorization": f"Bearer {TOKEN}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return proxy.request("POST", target, body, named, port=proxy.admin_port)


# --- demo

def test_demo():
    """Every occurrence of a played migration is handled once; nothing is left behind."""
    done = run("demo")
    text = done.stdout.decode()
    assert done.returncode == 0, text + done.stderr.decode()
    count = re.search(r"Handled exactly once: (\d+) of (\d+) occurrences", text)
    assert count[1] == count[2] and int(count[1]) >= 50
    assert "✗" not in text and text.count("✓") == int(count[1])
    folder = re.search(r"(\S+/hookshift-demo-\w+)/flags.json", text)[1]
    assert subprocess.run(["test", "-e", folder], check=False).returncode == 1


def test_demo_ends_when_told(tmp_path):
    """SIGTERM ends the demo, its proxy and its folder."""
    process = subprocess.Popen([BINARY, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env={**environment(), "TMPDIR": str(tmp_path)})
    wait_until(lambda: list(tmp_path.iterdir()), "the folder of the demo")
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and b"stopped" in errors
    assert not list(tmp_path.iterdir())


# --- messages

def test_list_and_show(start, new):
    """A list for people and for programs; the story of one message."""
    proxy = start(admin__token=TOKEN)
    push = Push()
    rule = proxy.send(push.rule(), authorization="Basic c2VjcmV0")
    event = proxy.send(push.event(), webhook_id="msg_story")
    assert (rule.outcome, event.outcome) == ("accepted", "suppressed")

    listed = command(proxy, "messages", "--json")
    assert [each["id"] for each in json.loads(listed.stdout)["messages"]] == [event.id, rule.id]
    table = command(proxy, "messages", "--state", "suppressed").stdout.decode().splitlines()
    assert len(table) == 2 and event.id in table[1] and rule.id not in table[1]
    spelled = ["--type", "Push Operation Status Changed()", "--company", push.company.upper()]
    listed = command(proxy, "messages", *spelled, "--json")
    assert [each["id"] for each in json.loads(listed.stdout)["messages"]] == [rule.id]
    assert f"--before {event.id}" in command(proxy, "messages", "--limit", "1").stderr.decode()

    story = command(proxy, "messages", "show", event.id).stdout.decode()
    for words in ("An event of type invoices.write.successful arrived for company", "Its identity is its webhook-id msg_story.",
                  f"write/{push.key}/successful", f"Message {rule.id} states the same",
                  "became its twin", "new-consumer is on", "legacy-consumer is on", "suppressed, that is, not delivered",
                  f"handled by its twin: {rule.id}"):
        assert words in story, story
    assert push.event()["payload"]["status"] in story  # the token shows the body
    assert "c2VjcmV0" not in command(proxy, "messages", "show", rule.id).stdout.decode()
    assert not new.requests


def test_bodies_need_the_token(start):
    """Without a token nobody is shown a body."""
    proxy = start()
    answer = proxy.send(Push().rule())
    assert "body" not in proxy.message(answer.id)
    assert proxy.message(answer.id)["headers"]


@pytest.mark.parametrize("arguments", [["show"], ["show", "a", "b"], ["replay"], ["replay", "0000000000000", "--state", "dead"],
                                       ["nonsense"], ["--state", "broken"], ["--limit", "0"]])
def test_wrong_usage(start, arguments):
    """What cannot be meant is wrong usage: exit 2."""
    done = command(start(admin__token=TOKEN), "messages", *arguments)
    assert done.returncode == 2 and done.stderr and not done.stdout


def test_unreachable():
    """A proxy that is not there is a failure, and is named."""
    for arguments in (["messages"], ["health"]):
        done = run(*arguments, "--admin", "http://127.0.0.1:1")
        assert done.returncode == 1
        assert b"http://127.0.0.1:1" in done.stderr


def test_health(start):
    """health is what /readyz says."""
    proxy = start()
    done = command(proxy, "health", token=None)
    assert (done.returncode, done.stdout) == (0, b"ready\n")
    config = run("health", "--config", proxy.settings_path, "--set", f"admin.listen=127.0.0.1:{proxy.admin_port}")
    assert config.returncode == 0


# --- replays

def test_replay_one(start, legacy):
    """A delivered message is delivered again, by id."""
    proxy = start(admin__token=TOKEN)
    answer = proxy.send(Push().rule())
    proxy.wait_for_state(answer.id, "delivered")
    refused = command(proxy, "messages", "replay", answer.id)
    assert refused.returncode == 1 and b"--force" in refused.stderr, refused.stderr
    would = command(proxy, "messages", "replay", answer.id, "--force", "--dry-run")
    assert would.returncode == 0 and b"would be delivered again" in would.stdout, would.stdout
    assert proxy.state(answer.id) == "delivered"
    done = command(proxy, "messages", "replay", answer.id, "--force")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: len(legacy.requests) == 2, "the second delivery")
    assert legacy.requests[0].body == legacy.requests[1].body
    wait_until(lambda: "Attempt 2" in json.dumps(proxy_message(proxy, answer.id)["story"]), "the second attempt in the story")
    missing = command(proxy, "messages", "replay", "0000000000001")
    assert missing.returncode == 1 and b"no message" in missing.stderr


def proxy_message(proxy, message_id):
    return proxy.admin(f"/api/messages/{message_id}", Authorization=f"Bearer {TOKEN}").json


def test_replay_suppressed(start, new):
    """A replay of what a twin has handled is refused, unless it is forced, in the query or in the body. (pairing 4.7)"""
    proxy = start(admin__token=TOKEN)
    push = Push()
    proxy.send(push.rule())
    event = proxy.send(push.event())
    assert event.outcome == "suppressed" and not new.requests
    refused = post(proxy, f"/api/messages/{event.id}/replay")
    assert refused.status == 409 and b"--force" in refused.body
    assert post(proxy, f"/api/messages/{event.id}/replay", encode({"force": "yes"})).status == 400
    assert post(proxy, f"/api/messages/{event.id}/replay", encode({"force": True, "dry_run": True})).json["dry_run"] is True
    assert proxy.state(event.id) == "suppressed"
    assert post(proxy, f"/api/messages/{event.id}/replay", encode({"force": True})).status == 202
    assert new.wait_for()[0].headers["hookshift-message-id"] == event.id


def test_replay_many(start, legacy):
    """All that died are delivered again, more of them than one step takes."""
    proxy = start(admin__token=TOKEN, retry__schedule="10ms")
    count = 130
    legacy.otherwise = 410
    ids = [proxy.send(Push().rule()).id for _ in range(count)]
    for each in ids:
        wait_until(lambda each=each: proxy_message(proxy, each)["state"] == "dead", f"{each} to be dead")
    other = Read().rule()
    legacy.otherwise = 200
    kept = proxy.send(other)
    legacy.wait_for_key(other["AlertId"])
    would = command(proxy, "messages", "replay", "--state", "dead", "--dry-run")
    assert f"{count} messages would be delivered again".encode() in would.stdout
    done = command(proxy, "messages", "replay", "--state", "dead", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"replayed": count, "skipped": {"handled": 0, "under_way": 0, "content_gone": 0},
                                       "dry_run": False, "complete": True}
    for each in ids:
        wait_until(lambda each=each: proxy_message(proxy, each)["state"] == "delivered", f"{each} to be delivered")
    assert proxy_message(proxy, kept.id)["attempt_count"] == 1
    assert proxy.metric("hookshift_replays_total") == count
    assert post(proxy, "/api/replay", encode({"state": "dead"})).json["replayed"] == 0
    assert post(proxy, "/api/replay?type=SyncFailed").json["replayed"] == 0
    again = post(proxy, "/api/replay?state=delivered", encode({"dry_run": True})).json
    assert again["replayed"] == 0 and again["skipped"]["handled"] == count + 1
    assert post(proxy, "/api/replay?state=delivered&dry_run=true&force=true").json["replayed"] == count + 1


@pytest.mark.parametrize("target, body", [("/api/replay", None), ("/api/replay?limit=5", None), ("/api/replay?nonsense=1", None),
                                          ("/api/replay", b"[]"), ("/api/replay", b"{"), ("/api/replay", b'{"state": []}'),
                                          ("/api/replay", b'{"state": "dead", "stat": "x"}')])
def test_replay_must_say_what(start, target, body):
    """A replay of everything is not what somebody means: 400."""
    answer = post(start(admin__token=TOKEN), target, body)
    assert answer.status == 400 and answer.headers["content-type"] == "application/problem+json"


# --- who may

def test_other_sites(start):
    """A page of another site cannot replay, even with the token; one with another name for loopback cannot read."""
    proxy = start(admin__token=TOKEN)
    host = f"127.0.0.1:{proxy.admin_port}"
    assert post(proxy, "/api/replay?state=dead", Origin="https://evil.example").status == 403
    assert post(proxy, "/api/replay?state=dead", Sec_Fetch_Site="cross-site").status == 403
    assert post(proxy, "/api/replay?state=dead", Origin=f"http://{host}", Sec_Fetch_Site="same-origin").status == 200
    open_one = start()
    assert open_one.admin("/api/messages", Host="evil.example").status == 403
    assert open_one.admin("/metrics", Host="evil.example").status == 403
    assert open_one.admin("/healthz", Host="evil.example").status == 200


@pytest.mark.parametrize("target", ["/api/status", "/nothing", "/api/messages?x=1"])
def test_headers_for_browsers(start, target):
    """Every answer, errors too, tells browsers to do nothing else with it."""
    headers = start().admin(target).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_page(start):
    """The page needs no token, is small, names nothing outside of itself, and all that it names is there."""
    proxy = start(admin__token=TOKEN)
    seen, todo, size = set(), ["/"], 0
    while todo:
        target = todo.pop()
        answer = proxy.admin(target)
        assert answer.status == 200, target
        text = answer.body.decode()
        kind = {"": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}[target.partition(".")[2]]
        assert answer.headers["content-type"].startswith(kind)
        assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//|import .* from "(?!/page/)""", text)
        assert not re.search(r"<script>|<style|\son\w+=|innerHTML|style=", text)
        size += len(answer.body)
        seen.add(target)
        todo += [name for name in set(re.findall(r"""["'](/page/[\w.]+)["']""", text)) if name not in seen and name not in todo]
    assert {"/", "/page/app.js", "/page/style.css"} < seen
    assert size < 100_000
    assert proxy.admin("/page/nothing.js").status == 404


@pytest.mark.parametrize("headers, state", [({}, "missing"), ({"Authorization": "Bearer no"}, "wrong"),
                                            ({"Authorization": f"Bearer {TOKEN}"}, "right")])
def test_state_of_the_token(start, headers, state):
    """The page asks first, so that it need not run into refusals."""
    proxy = start(admin__token=TOKEN)
    assert proxy.request("GET", "/api/access", None, headers, port=proxy.admin_port).json == {"token": state}


def read_event(stream):
    """(name, data) of the next server-sent event."""
    fields = {}
    while (line := stream.readline().decode().rstrip("\n")):
        name, _, value = line.partition(": ")
        fields[name] = value
    return fields["event"], json.loads(fields["data"])


def test_flow(start):
    """What goes through is told every second, and what went through before to who comes later."""
    proxy = start()
    push = Push()

    def listen():
        connection = http.client.HTTPConnection("127.0.0.1", proxy.admin_port, timeout=30)
        connection.request("GET", "/api/flow")
        response = connection.getresponse()
        assert (response.status, response.headers["Content-Type"]) == (200, "text/event-stream")
        return connection, response

    connection, stream = listen()
    name, history = read_event(stream)
    assert name == "history" and history["columns"][0] == "at"
    for body in (push.rule(), push.rule(), push.event()):
        proxy.send(body)
    sums = dict.fromkeys(history["columns"], 0)
    while sums["events"] < 1 or sums["legacy_delivered"] < 1:
        name, sample = read_event(stream)
        assert name == "sample" and len(sample) == len(history["columns"])
        for column, value in zip(history["columns"], sample):
            sums[column] += value
    assert {name: sums[name] for name in ("rules", "events", "suppressed", "legacy_delivered", "new_delivered", "legacy_failed")} == {
        "rules": 2, "events": 1, "suppressed": 1, "legacy_delivered": 2, "new_delivered": 0, "legacy_failed": 0}
    connection.close()
    connection, stream = listen()
    _, history = read_event(stream)
    events = history["columns"].index("events")
    assert sum(sample[events] for sample in history["samples"]) == 1
    connection.close()


def test_flow_of_many(start):
    """Listeners are bounded, and the end of the proxy ends their streams."""
    proxy = start()
    streams = []
    for _ in range(32):
        connection = http.client.HTTPConnection("127.0.0.1", proxy.admin_port, timeout=30)
        connection.request("GET", "/api/flow")
        streams.append((connection, connection.getresponse()))
    assert proxy.admin("/api/flow").status == 503
    streams.pop()[0].close()
    wait_until(lambda: proxy.admin("/api/flow", "HEAD").status == 200, "an answer")
    assert proxy.terminate() == 0
    for connection, response in streams:
        response.read()  # to the end
        connection.close()


def test_status_and_flags(start, legacy):
    """How it stands, for the page and for scripts; the secrets in URLs stay inside."""
    proxy = start(legacy_url=legacy.url + "/in?key=secret")
    proxy.send(Push().rule())
    wait_until(lambda: proxy.admin("/api/status").json["endpoints"]["legacy"]["messages"]["delivered"] == 1, "the delivery")
    status = proxy.admin("/api/status").json
    assert status["ready"] is True
    assert status["endpoints"]["legacy"]["site"] == legacy.url
    assert "secret" not in json.dumps(status)
    flags = {each["name"]: each["on"] for each in proxy.admin("/api/flags").json["flags"]}
    assert flags == {"legacy-consumer": True, "new-consumer": True, "new-consumer-shadow": False}
    proxy.write_flags("{")
    wait_until(lambda: proxy.admin("/api/flags").json.get("last_reload", {}).get("ok") is False, "the refusal to be told")
    assert proxy.admin("/api/flags").json["last_reload"]["error"]
