"""Operating it: starting, stopping, failing disks, outages, and the admin port."""

import json
import os
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from consumer import HANG, Reply
from load import Load
from messages import Connection, Push, Read, account_categories_updated, encode, event, fresh
from proxy import flag_file, run
from waiting import wait_until

# --- starting

def test_store_that_is_lost(start):
    """A store in memory, or in the upper layer of a container, is warned of at start, in words that say what to do."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        proxy = start(store=f"sqlite:{folder}/messages.db")
        line = proxy.wait_for_log("the store is lost when")
        assert "warn" in line and "mount a volume" in line and "store.url" in line and "file_system=tmpfs" in line
        assert proxy.terminate() == 0
    proxy = start()
    kind = subprocess.run(["stat", "-f", "-c", "%T", proxy.folder], capture_output=True, check=True, text=True).stdout
    is_lost = kind.strip() in ("tmpfs", "ramfs", "overlayfs")
    assert ("the store is lost when" in proxy.text()) == is_lost


@pytest.mark.parametrize("which", ["listen", "admin.listen"])
def test_port_in_use(make, which):
    """A port in use ends the start with a message that names the address."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        proxy = make(**{which.replace(".", "__"): address})
        assert proxy.launch().wait_for_exit() == 2
    assert address in proxy.text()
    assert "in use" in proxy.text().lower()
    proxy.process = None


def test_port_of_another_proxy(make):
    """A port that another proxy listens on is in use too, though its own workers share it."""
    first = make().start()
    second = make(listen=f"127.0.0.1:{first.port}")
    assert second.launch().wait_for_exit() == 2
    assert f"127.0.0.1:{first.port}" in second.text()
    second.process = None


@pytest.mark.parametrize("key, value", [
    ("endpoints.legacy.url", "not a url"), ("endpoints.new.url", "ftp://host/"), ("endpoints.new.url", "http://"),
    ("endpoints.legacy.url", "http://host:99999/"), ("listen", "nowhere"), ("workers", -1), ("store.url", "mysql:x"),
    ("retry.schedule", "5 bananas"), ("acknowledge", "maybe"), ("limits.body", "lots"), ("limits.bodyy", "1MiB"),
    ("pairing.window", "5")])
def test_bad_setting(make, key, value):
    """A wrong setting ends the start with exit 2 and names file, line and key."""
    proxy = make()
    proxy.settings[key] = value
    assert proxy.launch().wait_for_exit() == 2
    assert str(proxy.settings_path) in proxy.text()
    assert key in proxy.text()
    proxy.process = None


def test_check_names_all_mistakes(tmp_path):
    """check finds all of five mistakes, each with file and line, proposes the nearest name, and exits 2."""
    settings = tmp_path / "hookshift.json"
    settings.write_text("""{
        // five mistakes
        "listn": "127.0.0.1:0",
        "flags": {"file": "/does/not/matter.json"},
        "endpoints": {
            "legacy": {"url": "gopher://x"},
            "new": {"url": "http://127.0.0.1:1", "concurrency": 0}
        },
        "retry": {"schedule": "soon"},
        "acknowledge": "never"
    }""")
    done = run("check", "--config", settings)
    text = (done.stdout + done.stderr).decode()
    assert done.returncode == 2
    for line, key in ((3, "listn"), (6, "endpoints.legacy.url"), (7, "endpoints.new.concurrency"),
                      (9, "retry.schedule"), (10, "acknowledge")):
        assert any(f"{settings}:{line}" in row and key in row for row in text.splitlines()), f"{key} in\n{text}"
    assert '"listen"' in text or "listen" in text.replace("listn", "")


def test_check_is_content(make):
    """check says yes to good settings and flags, and starts nothing."""
    proxy = make()
    proxy.write_settings()
    assert run("check", "--config", proxy.settings_path).returncode == 0
    assert not proxy.store_path.exists()


def test_check_reads_the_flag_file(make):
    """check names file and line of what is wrong in the flag file."""
    proxy = make(flags='{\n"flags": {\n"legacy-consumer": oops}}')
    proxy.write_settings()
    done = run("check", "--config", proxy.settings_path)
    assert done.returncode == 2
    assert f"{proxy.flag_path}:3" in (done.stdout + done.stderr).decode()


def test_check_reads_flags_and_settings(make):
    """check tells mistakes of the settings and of the flag file in one go; a variant that is not there is one."""
    flag = '{"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "of"}'
    proxy = make(flags=f'{{"flags": {{\n"legacy-consumer": {flag}}}}}', workers=-1)
    proxy.write_settings()
    done = run("check", "--config", proxy.settings_path)
    text = (done.stdout + done.stderr).decode()
    assert done.returncode == 2
    assert "workers" in text
    assert f"{proxy.flag_path}:2:" in text and "defaultVariant" in text


def test_store_held_by_another_process(make, start):
    """A store that another process holds is refused, naming the file; the one that holds it goes on."""
    first = start()
    second = make(store__url=first.settings["store.url"])
    assert second.launch().wait_for_exit() == 2
    assert str(first.store_path) in second.text()
    second.process = None
    assert first.send(Push().rule()).status == 202


@pytest.mark.parametrize("content", [b"this is not a database" * 100, b"SQLite format 3\0" + b"\xff" * 8000],
                         ids=["text", "broken"])
def test_damaged_store(make, content):
    """A damaged store is refused, naming the file, and left as it is."""
    proxy = make()
    proxy.store_path.write_bytes(content)
    assert proxy.launch().wait_for_exit() == 2
    assert str(proxy.store_path) in proxy.text()
    assert proxy.store_path.read_bytes() == content
    proxy.process = None


def test_store_in_an_impossible_place(make):
    """A store that cannot be created is refused, naming the file."""
    proxy = make(store__url="sqlite:/no/such/folder/messages.db")
    assert proxy.launch().wait_for_exit() == 2
    assert "/no/such/folder/messages.db" in proxy.text()
    proxy.process = None


# --- lasting

@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_backlog_survives(start, legacy, new, how):
    """What was answered 2xx and is not delivered yet is delivered after a restart, once."""
    legacy.stop()
    new.stop()
    proxy = start(retry__schedule=",".join(["100ms"] * 100))
    bodies = [Push().rule() for _ in range(25)] + [Push().event() for _ in range(25)]
    for body in bodies:
        assert proxy.send(body).status == 202
    getattr(proxy, how)()
    legacy.start()
    new.start()
    proxy.start()
    legacy.wait_for(25)
    new.wait_for(25)
    assert sorted(legacy.keys() + new.keys()) == sorted(body.get("AlertId") or body["id"] for body in bodies)


def test_outage_of_one_side(start, legacy, new):
    """Legacy stops under load and comes back: everything arrives, once; new and the senders notice nothing meanwhile.
    HOOKSHIFT_OUTAGE_S sets how long it is away (3 s unless told)."""
    outage_s = float(os.environ.get("HOOKSHIFT_OUTAGE_S", "3"))
    proxy = start(retry__schedule=",".join(["100ms", "200ms", "400ms"] + ["800ms"] * 500),
                  endpoints__legacy__concurrency=16)
    load = Load(proxy)
    wait_until(lambda: len(load.rules) > 20)
    legacy.stop()
    away = time.monotonic()
    events_before = len(load.events)
    wait_until(lambda: time.monotonic() - away > outage_s, deadline_s=outage_s + 30)
    meanwhile = list(load.events[events_before:])
    assert len(meanwhile) > 10 * outage_s
    wait_until(lambda: set(meanwhile) <= set(new.keys()), "events sent during the outage")
    legacy.start()
    load.stop()
    assert load.refused == 0
    assert load.slowest_s < 5
    wait_until(lambda: set(load.rules) <= set(legacy.keys()), "all rules", deadline_s=30 + outage_s)
    wait_until(lambda: set(load.events) <= set(new.keys()), "all events")
    assert len(new.keys()) == len(set(new.keys()))
    delivered = [request.key for request in legacy.accepted()]
    assert len(delivered) - len(set(delivered)) <= 16  # answered, but the connection broke before that was read


def test_full_disk(start, legacy):
    """No room on the disk: 503 with Retry-After, nothing acknowledged is lost; with room again it goes on by itself."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # inherited: a write beyond the limit fails, and no more
    try:
        proxy = start()
    finally:
        signal.signal(signal.SIGXFSZ, handler)
    legacy.otherwise = 500
    limit = 600_000
    resource.prlimit(proxy.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    accepted, refused = [], None
    while not refused and len(accepted) < 400:
        body = Push().rule()
        body["Message"] = "x" * 8000
        answer = proxy.send(body)
        if answer.status == 202:
            accepted.append(body["AlertId"])
        else:
            refused = answer
    assert refused.status == 503 and refused.outcome == "rejected"
    assert int(refused.headers["retry-after"]) > 0
    wait_until(lambda: not proxy.is_ready(), "/readyz to say no")
    resource.prlimit(proxy.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_until(proxy.is_ready, "/readyz to say yes again")
    legacy.otherwise = 200
    assert proxy.send(Push().rule()).status == 202
    proxy.settings["retry.schedule"] = "20ms,20ms"
    wait_until(lambda: not proxy.messages(state="pending")["messages"], "no message pending")


# --- stopping

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_drain(start, legacy, number):
    """SIGTERM and SIGINT: what is in is answered, attempts are finished, exit 0."""
    legacy.otherwise = Reply(200, delay_s=0.3)
    proxy = start(drain_time="20s")
    ids = [proxy.send(Push().rule()).id for _ in range(5)]
    wait_until(lambda: legacy.in_flight == 5)
    proxy.process.send_signal(number)
    assert proxy.wait_for_exit() == 0
    assert len(legacy.accepted()) == 5
    proxy.start()
    for message_id in ids:
        assert proxy.state(message_id) == "delivered"
    assert len(legacy.requests) == 5


def test_drain_answers_what_is_in(start, legacy):
    """A request whose answer is due when the end is asked for is still answered."""
    legacy.otherwise = Reply(200, delay_s=0.4)
    proxy, answers = start(acknowledge="delivered", drain_time="20s"), []
    sender = threading.Thread(target=lambda: answers.append(proxy.send(Push().rule())))
    sender.start()
    wait_until(lambda: legacy.in_flight == 1)
    assert proxy.terminate() == 0
    sender.join()
    assert answers[0].status == 200


def test_drain_time(start, legacy):
    """An attempt that does not end is given up after drain_time, and made again after the restart."""
    legacy.script = [HANG]
    proxy = start(drain_time="300ms")
    answer = proxy.send(Push().rule())
    legacy.wait_for()
    began = time.monotonic()
    assert proxy.terminate() == 0
    assert time.monotonic() - began < 10
    proxy.start()
    proxy.wait_for_state(answer.id, "delivered")


def test_drain_under_load(start, legacy, new):
    """Ended in order under load: whatever was answered 2xx is delivered once, before or after the restart."""
    proxy = start(drain_time="20s")
    accepted, stop = [], threading.Event()
    port = proxy.port

    def send():
        while not stop.is_set():
            body = Push().rule()
            try:
                answer = proxy.request("POST", "/", encode(body), {"webhook-id": fresh()}, port=port)
            except OSError:
                return  # it listens no more
            if answer.status == 202:
                accepted.append(body["AlertId"])
            else:
                assert answer.status == 503

    senders = [threading.Thread(target=send) for _ in range(3)]
    for sender in senders:
        sender.start()
    wait_until(lambda: len(accepted) > 50)
    assert proxy.terminate() == 0
    stop.set()
    for sender in senders:
        sender.join()
    proxy.start()
    wait_until(lambda: set(accepted) <= set(legacy.keys()), "all of them")
    assert len(legacy.keys()) == len(set(legacy.keys()))


# --- the admin port

def test_health(start):
    """/healthz and /readyz say yes; unknown paths 404; other methods 405."""
    proxy = start()
    assert proxy.admin("/healthz").status == 200
    assert proxy.admin("/readyz").status == 200
    assert proxy.admin("/no/such/thing").status == 404
    assert proxy.admin("/api/messages", "DELETE").status == 405


def test_metrics(start, legacy):
    """/metrics counts messages by outcome and deliveries by result, as Prometheus text; an unknown type is 'other'.
    (pairing 3.1)"""
    proxy, push = start(), Push()
    rule = push.rule()
    for body in (rule, rule, push.event(), event("entirely.new", {})):
        proxy.send(body)
    wait_until(lambda: proxy.metric("hookshift_deliveries_total", endpoint="legacy") == 1)
    answer = proxy.admin("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    for line in answer.body.decode().splitlines():
        assert line.startswith("#") or len(line.rsplit(" ", 1)) == 2
    messages = "hookshift_messages_total"
    assert proxy.metric(messages, generation="rule", type="PushOperationStatusChanged", outcome="accepted") == 1
    assert proxy.metric(messages, generation="rule", outcome="duplicate") == 1
    assert proxy.metric(messages, generation="event", outcome="suppressed") == 1
    assert proxy.metric(messages, type="other") == 1
    assert proxy.metric("hookshift_flag_enabled", flag="legacy-consumer") == 1


def test_metrics_of_states(start, legacy):
    """/metrics says how many messages are in each state, and which endpoint is down."""
    legacy.otherwise = 500
    proxy = start(flags=flag_file(new=False), retry__schedule="1h")
    for _ in range(8):
        proxy.send(Push().rule())
    for _ in range(3):
        proxy.send(Push().event())
    states = "hookshift_messages_in_state"
    wait_until(lambda: proxy.metric("hookshift_deliveries_total", endpoint="legacy") >= 5)
    wait_until(lambda: proxy.metric(states, endpoint="legacy", state="pending") == 8)
    assert proxy.metric(states, endpoint="new", state="parked") == 3
    wait_until(lambda: proxy.metric("hookshift_endpoint_up", endpoint="legacy") == 0)
    assert proxy.metric("hookshift_endpoint_up", endpoint="new") == 1


def test_list(start, legacy):
    """/api/messages: newest first, in pages, each naming where the next begins."""
    proxy = start(flags=flag_file(legacy=False))
    ids = [proxy.send(Push().rule()).id for _ in range(7)]
    seen, query = [], {"limit": 3}
    while True:
        page = proxy.messages(**query)
        assert len(page["messages"]) <= 3
        seen += [message["id"] for message in page["messages"]]
        if not page["next"]:
            break
        query["before"] = page["next"]
    assert seen == ids[::-1]


def test_filters(start, legacy, new):
    """Filters by state, generation, type and company, alone and together."""
    proxy = start(flags=flag_file(legacy=False))
    connection = Connection("connected")
    rule = proxy.send(connection.rule())
    other = proxy.send(account_categories_updated())
    event_id = proxy.send(Push().event()).id
    proxy.wait_for_state(event_id, "delivered")

    def ids(**filters):
        return {message["id"] for message in proxy.messages(**filters)["messages"]}

    assert ids() == {rule.id, other.id, event_id}
    assert ids(state="parked") == {rule.id, other.id}
    assert ids(state="delivered") == {event_id}
    assert ids(generation="event") == {event_id}
    assert ids(type="DataConnectionStatusChanged") == {rule.id}
    assert ids(company=connection.company) == {rule.id}
    assert ids(state="parked", generation="rule", type="AccountCategoriesUpdated") == {other.id}
    assert ids(state="dead") == set()


@pytest.mark.parametrize("query", ["state=nonsense", "generation=third", "limit=-1", "limit=many", "before=nonsense!"])
def test_bad_filters(start, query):
    """A filter that means nothing is answered 400, and says which."""
    answer = start().admin(f"/api/messages?{query}")
    assert answer.status == 400
    assert query.split("=")[0] in answer.body.decode()


def test_one_message(start, legacy):
    """/api/messages/ID tells headers, facts, twins, attempts and state; an unknown id is 404."""
    legacy.script = [503]
    proxy, push = start(), Push()
    webhook_id = fresh()
    rule = proxy.send(push.rule(), webhook_id, X_Custom="seen")
    twin = proxy.send(push.event())
    message = proxy.wait_for_state(rule.id, "delivered")
    text = json.dumps(message)
    assert message["id"] == rule.id
    assert message["generation"] == "rule"
    assert message["type"] == "PushOperationStatusChanged"
    for expected in (f"write/{push.key}/successful", twin.id, "x-custom", "seen", webhook_id, "503", push.company):
        assert expected in text, expected
    assert proxy.admin("/api/messages/0000000000000").status == 404
    assert proxy.admin("/api/messages/nonsense").status == 404


def test_secrets_are_never_shown(start, legacy):
    """Neither the log nor the admin port shows bodies' secrets, authorization values or signing secrets."""
    from signatures import SECRET
    proxy = start(endpoints__legacy__secrets=[SECRET], admin__token="t0ken-of-admin", log__level="debug",
                  endpoints__legacy__headers={"Authorization": "Bearer 4711-endpoint"})
    answer = proxy.send(Push().rule(), Authorization="Basic 0815-sender")
    proxy.wait_for_state(answer.id, "delivered")
    shown = json.dumps(proxy.message(answer.id)) + proxy.text() + proxy.admin("/metrics").body.decode()
    for secret in (SECRET.removeprefix("whsec_"), "4711-endpoint", "t0ken-of-admin", "0815-sender"):
        assert secret not in shown


def test_token(start, legacy):
    """With a token set, the API wants it; health does not."""
    proxy = start(admin__token="of-the-operator")
    answer = proxy.send(Push().rule())

    def status(target, authorization=None, method="GET"):
        headers = {"Authorization": authorization} if authorization else {}
        return proxy.request(method, target, None, headers, port=proxy.admin_port).status

    assert status("/healthz") == 200
    assert status("/readyz") == 200
    assert status("/api/messages") == 401
    assert status("/api/messages", "Bearer wrong") == 401
    assert status("/api/messages", "Bearer of-the-operator") == 200
    assert status(f"/api/messages/{answer.id}/replay", method="POST") == 401


def test_changes_without_a_token(start):
    """Without a token the admin port refuses changes."""
    proxy = start()
    answer = proxy.send(Push().rule())
    assert proxy.replay(answer.id).status == 403


def test_admin_beyond_loopback_wants_a_token(make):
    """Without a token the admin port listens on loopback only: exit 2."""
    proxy = make(admin__listen="0.0.0.0:0")
    assert proxy.launch().wait_for_exit() == 2
    assert "admin.token" in proxy.text()
    proxy.process = None


# --- the log

def test_log_as_json(start, legacy):
    """log.format=json: every line is a JSON object."""
    proxy = start(log__format="json", workers=1)
    answer = proxy.send(Push().rule())
    proxy.wait_for_state(answer.id, "delivered")
    assert proxy.terminate() == 0
    lines = [json.loads(line) for line in proxy.log]
    assert any(answer.id in line.values() for line in lines)


def test_hangup_reloads_flags(start):
    """SIGHUP reloads the flags at once and ends nothing."""
    proxy = start()
    proxy.write_flags(flag_file(new=False))
    proxy.process.send_signal(signal.SIGHUP)
    wait_until(lambda: proxy.metric("hookshift_flag_enabled", flag="new-consumer") == 0)
    assert proxy.send(Push().event()).outcome == "parked"


def test_many_connections(start):
    """More connections than limits.connections: those beyond are refused or closed; the others are served."""
    proxy = start(limits__connections=20)
    opened = [proxy.connect() for _ in range(40)]
    for connection in opened:
        connection.close()
    # Some may still be on their way in, so that none is counted yet.
    wait_until(lambda: proxy.send(Push().rule()).status == 202, "a place")
    wait_until(lambda: proxy.metric("hookshift_connections") == 0, "all to have left")


def test_read_of_many_types(start, new):
    """An event with as many data types as one may have is one message, found and delivered whole."""
    proxy, read = start(), Read(data_types=[f"type{i}" for i in range(300)])
    assert proxy.send(read.event()).status == 202
    assert len(new.wait_for()[0].json["payload"]["dataTypes"]) == 300
    assert proxy.send(read.rule("type299")).outcome == "suppressed"


# --- settings

def test_settings_by_environment(make, tmp_path, legacy):
    """HOOKSHIFT_ variables override the file, _FILE reads a secret from a file, and --set overrides both."""
    secret = tmp_path / "token"
    secret.write_text("from-a-file\n")
    proxy = make(log__format="text", admin__token="in-the-settings")
    proxy.environment = {"HOOKSHIFT_ADMIN_TOKEN_FILE": str(secret), "HOOKSHIFT_LOG_FORMAT": "json",
                         "HOOKSHIFT_ENDPOINTS_LEGACY_URL": legacy.url + "/by/environment"}
    proxy.arguments = ["--set", "endpoints.legacy.url=" + legacy.url + "/by/set"]
    proxy.start()
    proxy.settings["admin.token"] = "from-a-file"
    answer = proxy.send(Push().rule())
    assert legacy.wait_for()[0].target == "/by/set"
    assert proxy.state(answer.id) in ("pending", "delivered")
    assert all(json.loads(line) for line in list(proxy.log))


def test_body_retention(start, legacy):
    """Past store.body_retention the body of a final message goes with the next pass, of which there is one at the start:
    what it was is still known, but not replayed."""
    proxy = start(store__body_retention="0", admin__token="of-the-operator")
    answer = proxy.send(Push().rule())
    proxy.wait_for_state(answer.id, "delivered")
    proxy.restart()
    wait_until(lambda: not proxy.message(answer.id)["has_content"], "the body to be gone")
    assert proxy.replay(answer.id).status in (409, 410, 422)
    assert proxy.state(answer.id) == "delivered"
    assert len(legacy.requests) == 1


def test_store_sync_normal(start, legacy):
    """store.sync=normal loses nothing when the process is killed."""
    legacy.otherwise = 500
    proxy = start(store__sync="normal", retry__schedule=",".join(["100ms"] * 50))
    ids = [proxy.send(Push().rule()).id for _ in range(20)]
    proxy.kill()
    legacy.otherwise = 200
    proxy.start()
    for message_id in ids:
        proxy.wait_for_state(message_id, "delivered")
