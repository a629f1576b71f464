"""Finding messages: by any id, by time, type, company and twin; exports; following."""

import csv
import datetime
import fcntl
import io
import json
import os
import pty
import struct
import subprocess
import termios
import time

import pytest

from messages import Connection, ExpenseSync, Push, PushTimedOut, Read, encode, fresh, rule
from proxy import BINARY, environment, run
from waiting import wait_until

TOKEN = "of-the-operator"


def command(proxy, *arguments, **more):
    return run(*arguments, "--admin", f"http://127.0.0.1:{proxy.admin_port}", "--token", TOKEN, **more)


def listed(proxy, *filters):
    done = command(proxy, "messages", "--format", "jsonl", *filters)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["id"] for line in done.stdout.splitlines()]


def moment(offset_s=0):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=offset_s)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


# --- any id

@pytest.mark.parametrize("upper", [False, True])
def test_show_by_any_id(make, store, upper):
    """A message is found by our id, webhook-id, AlertId, event id, push id and sync id, in any letter case."""
    proxy = make(store=store, admin__token=TOKEN).start()
    push, sync, alert, event_id = Push(), ExpenseSync(), fresh(), fresh()
    one = proxy.send(push.rule(alert_id=alert), webhook_id="msg_One'%_*")
    two = proxy.send(push.event(event_id=event_id), webhook_id="msg_two")
    three = proxy.send(sync.event())
    other = proxy.send(Push().rule())
    spell = str.upper if upper else str
    for asked, ids in ((one.id, [one.id]), ("msg_One'%_*", [one.id]), (spell(alert), [one.id]), ("msg_two", [two.id]),
                       (spell(event_id), [two.id]), (spell(push.key), [one.id, two.id]), (spell(sync.sync), [three.id])):
        done = command(proxy, "messages", "show", asked, "--json")
        assert done.returncode == 0, (asked, done.stderr)
        found = json.loads(done.stdout)
        assert {found["id"], *found.get("also", [])} == set(ids), asked
        assert found["id"] == ids[0]  # the one that was handled
        text = command(proxy, "messages", "show", asked).stdout.decode()
        assert all(f"Message {each}, " in text for each in ids) and f"Message {other.id}, " not in text
        answer = proxy.admin("/api/messages?id=" + "".join(f"%{byte:02x}" for byte in asked.encode()))
        assert {each["id"] for each in answer.json["messages"]} == set(ids)
    for nobody in ("msg_one'%_*", "msg_%", "*", "0000000000001", "'; DROP TABLE message; --", "a/b", "%2e%2e", "é"):
        done = command(proxy, "messages", "show", nobody)
        assert done.returncode == 1 and b"there is no message" in done.stderr, (nobody, done.stderr)


def test_show_by_the_id_in_the_body(start):
    """An event of several items, and an alert that nothing replaces, are found by their ids beside a webhook-id."""
    proxy = start(admin__token=TOKEN)
    event_id, alert = fresh(), fresh()
    event = proxy.send(Read(data_types=["bills", "invoices"]).event(event_id=event_id), webhook_id="msg_several")
    lone = proxy.send(rule("Account Categories Updated", {"modifiedDate": moment()}, fresh(), fresh(), alert_id=alert),
                      webhook_id="msg_lone")
    for asked, wanted in ((event_id.upper(), event.id), (alert, lone.id), ("msg_several", event.id)):
        found = json.loads(command(proxy, "messages", "show", asked, "--json").stdout)
        assert found["id"] == wanted and "also" not in found


def test_show_both_alerts_of_a_push(start):
    """A push that timed out raises two alerts: its id shows all three messages."""
    proxy = start(admin__token=TOKEN)
    push = PushTimedOut()
    ids = {proxy.send(body).id for body in (push.rule(), push.status_rule(), push.event())}
    found = json.loads(command(proxy, "messages", "show", push.key, "--json").stdout)
    assert {found["id"], *found["also"]} == ids


def test_body_alone(start):
    """--body prints the body as it came; without the token it says what is missing."""
    proxy = start(admin__token=TOKEN)
    body = encode(Push().rule()).replace(b", ", b",   ")
    sent = proxy.send(body)
    assert command(proxy, "messages", "show", sent.id, "--body").stdout == body
    open_proxy = start()
    sent = open_proxy.send(body)
    done = run("messages", "show", sent.id, "--body", "--admin", f"http://127.0.0.1:{open_proxy.admin_port}")
    assert done.returncode == 1 and b"token" in done.stderr and not done.stdout


# --- filters

def test_filters(make, store):
    """Each filter leaves what it names, alone and together."""
    proxy = make(store=store, admin__token=TOKEN).start()
    push, read, connection = Push(), Read(), Connection("deleted")
    early = proxy.send(push.rule()).id
    lone = proxy.send(connection.event()).id
    wait_until(lambda: moment(-0.01) > proxy.message(lone)["received"], "the clock to go on")
    between = moment()
    wait_until(lambda: moment(-0.01) > between, "the clock to go on")
    late = proxy.send(push.event()).id
    read_rule = proxy.send(read.rule()).id
    nothing = proxy.send({"hello": "world"}).id
    everything = [nothing, read_rule, late, lone, early]

    assert listed(proxy) == everything
    assert listed(proxy, "--since", between) == everything[:3]
    assert listed(proxy, "--until", between) == everything[3:]
    assert listed(proxy, "--since", "1h", "--until", "now") == everything
    assert listed(proxy, "--since", "yesterday") == everything
    assert listed(proxy, "--since", str(int(time.time()) + 60)) == []
    assert listed(proxy, "--type", "connection.*") == [lone]
    assert listed(proxy, "--type", "INVOICES.write*") == [late]
    assert listed(proxy, "--type", "*") == everything[1:]
    assert listed(proxy, "--company", push.company.upper()) == [late, early]
    assert listed(proxy, "--company", push.company, "--since", between) == [late]
    assert listed(proxy, "--endpoint", "new") == [late, lone]
    assert listed(proxy, "--endpoint", "legacy") == [nothing, read_rule, early]
    assert listed(proxy, "--unpaired") == [read_rule, lone]
    assert listed(proxy, "--unpaired", "--generation", "event") == [lone]
    assert listed(proxy, "--state", "suppressed") == [late]
    assert listed(proxy, "--near-miss") == []


def test_near_miss(start):
    """Two that tell the same a little too far apart are found as near misses."""
    proxy = start(admin__token=TOKEN, pairing__window="1s", pairing__park_for="1h")
    connection = Connection("connected")
    first = proxy.send(connection.rule()).id
    received = time.monotonic()
    wait_until(lambda: time.monotonic() - received > 1.1, "more than the window")
    second = proxy.send(connection.event(generated=moment())).id
    proxy.send(Push().event())
    assert second in listed(proxy, "--near-miss")
    assert set(listed(proxy, "--near-miss")) <= {first, second}


@pytest.mark.parametrize("filters, words", [
    (["--since", "tomorrow"], "2024-09-01T12:00:00Z"), (["--until", "2024-02-30"], "2024-02-30"),
    (["--since", "1h", "--until", "2h"], "before"), (["--endpoint", "old"], "legacy or new"),
    (["--type", "a*b"], "end"), (["--format", "xml"], "jsonl"), (["--format", "csv", "--json"], "not both"),
    (["show", "x", "--follow"], "lists"), (["--body"], "show"), (["--limit", "many"], "number"), (["--state", "gone"], "pending")])
def test_filters_that_cannot_be(start, filters, words):
    """What cannot be meant is wrong usage, and the error says what would be right."""
    done = command(start(admin__token=TOKEN), "messages", *filters)
    assert done.returncode == 2 and words in done.stderr.decode() and not done.stdout


# --- exports

def test_export_without_limit(make, store):
    """JSON lines and CSV hold everything, over many pages, the newest first."""
    proxy = make(store=store, admin__token=TOKEN).start()
    count = 1203
    ids = [proxy.send(Push().rule()).id for _ in range(count)]
    assert listed(proxy) == ids[::-1]
    assert listed(proxy, "--limit", "701") == ids[::-1][:701]
    done = command(proxy, "messages", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))
    assert [row["id"] for row in rows] == ids[::-1] and done.stdout.count(b"attempt_count") == 1
    table = command(proxy, "messages", "--limit", "600")
    assert len(table.stdout.splitlines()) >= 600 and b"older ones: --before" in table.stderr


@pytest.mark.parametrize("company", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "=\"a\",b"])
def test_csv_is_no_formula(start, company):
    """What a spreadsheet would run is quoted with an apostrophe; other cells stay as they are."""
    proxy = start(admin__token=TOKEN)
    proxy.send(rule("DataSyncCompleted", {"dataType": "a,\"b\""}, company, fresh()))
    text = command(proxy, "messages", "--format", "csv").stdout.decode()
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert row["company"] == "'" + company
    assert row["data_type"] == 'a,"b"'


def test_export_ends_with_its_reader(start):
    """A reader that left is a failure, not a hang."""
    proxy = start(admin__token=TOKEN)
    proxy.send(Push().rule())
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BINARY, "messages", "--format", "jsonl", "--admin", f"http://127.0.0.1:{proxy.admin_port}",
                               "--token", TOKEN], stdout=full, stderr=subprocess.PIPE, env=environment(), check=False)
    assert done.returncode == 1 and b"standard output" in done.stderr


def test_follow(start):
    """--follow prints the newest ones, then each message as it comes, and outlives a restart."""
    proxy = start(admin__token=TOKEN)
    before = [proxy.send(Push().rule()).id for _ in range(3)]
    arguments = ["messages", "--follow", "--format", "jsonl", "--limit", "2", "--admin",
                 f"http://127.0.0.1:{proxy.admin_port}", "--token", TOKEN]
    process = subprocess.Popen([BINARY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    try:
        seen = [json.loads(process.stdout.readline())["id"] for _ in range(2)]
        assert seen == before[1:]
        for _ in range(2):
            sent = [proxy.send(Push().rule()).id for _ in range(3)]
            assert [json.loads(process.stdout.readline())["id"] for _ in range(3)] == sent
            proxy.settings["admin.listen"] = f"127.0.0.1:{proxy.admin_port}"
            proxy.restart()
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


# --- terminals

def in_terminal(columns, *arguments):
    """Standard output of a command that writes to a terminal of so many columns."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([BINARY, *map(str, arguments)], stdout=follower, stderr=subprocess.PIPE, env=environment())
    os.close(follower)
    text = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        text += piece
    process.communicate(timeout=60)
    os.close(leader)
    return text.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [40, 80, 132])
def test_tables_fit_the_terminal(start, columns):
    """No line of a table is wider than the terminal; a pipe gets all of it."""
    proxy = start(admin__token=TOKEN)
    push = Push()
    sent = [proxy.send(push.rule()).id, proxy.send(push.event()).id]
    where = ["--admin", f"http://127.0.0.1:{proxy.admin_port}", "--token", TOKEN]
    for arguments in (["messages"], ["parity"]):
        text = in_terminal(columns, *arguments, *where)
        assert max(map(len, text.splitlines())) <= columns, text
    text = in_terminal(columns, "messages", *where)
    assert all(each in text for each in sent)
    assert "…" not in command(proxy, "messages").stdout.decode()
