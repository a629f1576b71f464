"""The audit: who handled each occurrence, when, and by which message."""

import csv
import io
import json

import pytest

from messages import REPLACED, Connection, Push, Read, account_categories_updated, company_created, fresh
from proxy import flag_file, run
from waiting import wait_until

TOKEN = "of-the-operator"


def audit(proxy, *arguments):
    done = run("audit", "--admin", f"http://127.0.0.1:{proxy.admin_port}", "--token", TOKEN, *arguments)
    assert done.returncode in (0, 1), done.stderr
    return done


def entries(proxy, *arguments):
    """Exit status, the list, and the sums."""
    done = audit(proxy, "--json", *arguments)
    found = json.loads(done.stdout)
    return done.returncode, found.pop("occurrences"), found


def settled(proxy):
    status = proxy.admin("/api/status").json["endpoints"]
    return all(each["messages"]["pending"] == 0 for each in status.values())


def replay(proxy, message_id):
    answer = proxy.admin(f"/api/messages/{message_id}/replay?force=true", "POST")
    assert answer.status == 202, answer.body


def test_each_occurrence_once(make, store, chance):
    """Every kind of occurrence, told by both generations or by one, in any order, is listed once and handled once."""
    proxy = make(store=store, admin__token=TOKEN).start()
    told, bodies = {}, []
    for number in range(300):
        name = chance.choice([each for each in REPLACED if "RateLimit" not in each])
        occurrence = REPLACED[name]()
        sides = chance.choice([("rule", "event"), ("event", "rule"), ("rule",), ("event",)])
        bodies += [(number, getattr(occurrence, side)()) for side in sides]
    bodies += [(300, account_categories_updated()), (301, company_created()), (302, {"hello": "world"})]
    chance.shuffle(bodies)
    for number, body in bodies:
        told.setdefault(number, set()).add(proxy.send(body).id)
    wait_until(lambda: settled(proxy), "all to be delivered")
    status, found, sums = entries(proxy)
    assert sorted(map(sorted, told.values())) == sorted(sorted(each["id"] for each in entry["messages"]) for entry in found)
    assert status == 0 and sums == {"once": len(told), "both": 0, "nobody": 0, "waiting": 0, "messages": len(bodies)}
    for entry in found:
        [handled] = [each for each in entry["messages"] if each["handled"]]
        assert entry["handled"] == "once" and entry["by"] == handled["endpoint"]
        assert handled["at"] == proxy.message(handled["id"])["changed"]
    text = audit(proxy).stdout.decode()
    assert f"handled once: {len(told)}\nhandled by both: 0\nhandled by nobody: 0\n" in text


def test_doubled_and_unhandled_come_first(start, legacy):
    """What was handled by both sides or by nobody is listed first, with its messages; the exit status says no."""
    proxy = start(admin__token=TOKEN, retry__schedule="10ms")
    doubled, dead, good = Push(), Push(), [Push() for _ in range(5)]
    first = proxy.send(doubled.rule()).id
    second = proxy.send(doubled.event()).id
    wait_until(lambda: settled(proxy), "the delivery")
    replay(proxy, second)
    wait_until(lambda: settled(proxy), "the second delivery")
    legacy.otherwise = 410
    lost = proxy.send(dead.rule()).id
    proxy.wait_for_state(lost, "dead")
    legacy.otherwise = 200
    for push in good:
        proxy.send(push.rule())
    wait_until(lambda: settled(proxy), "the rest")

    status, found, sums = entries(proxy)
    assert status == 1 and (sums["once"], sums["both"], sums["nobody"], sums["waiting"]) == (5, 1, 1, 0)
    assert {entry["handled"] for entry in found[:2]} == {"both", "nobody"}
    [both] = [entry for entry in found if entry["handled"] == "both"]
    assert {each["id"] for each in both["messages"] if each["handled"]} == {first, second}
    assert [entry["messages"][0]["id"] for entry in found if entry["handled"] == "nobody"] == [lost]
    lines = audit(proxy, "--format", "jsonl").stdout.decode().splitlines()
    assert [json.loads(line) for line in lines] == found
    done = audit(proxy, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))
    assert [row["handled"] for row in rows] == [entry["handled"] for entry in found]
    [row] = [row for row in rows if row["handled"] == "both"]
    assert set(row["handled_by_message"].split()) == {first, second} and row["company"] == doubled.company
    assert b"handled by both: 1" in done.stderr
    text = audit(proxy).stdout.decode()
    assert text.index(first) < text.index("once by") and f"write/{doubled.key}/successful" in text


def test_items_of_an_event(make, legacy, store):
    """Each item of an event is an occurrence: those that alerts told belong to legacy, the rest to new."""
    proxy = make(store=store, admin__token=TOKEN, endpoints__new__secrets="whsec_" + "A" * 32).start()
    read = Read(data_types=["invoices", "bills", "payments"])
    proxy.send(read.rule("bills"))
    event = proxy.send(read.event())
    wait_until(lambda: settled(proxy), "both deliveries")
    status, found, sums = entries(proxy)
    assert status == 0 and sums["once"] == 3 and sums["messages"] == 2
    sides = {entry["key"].split("/")[3]: entry["by"] for entry in found}
    assert sides == {"invoices": "new", "bills": "legacy", "payments": "new"}
    assert all(event.id in {each["id"] for each in entry["messages"]} for entry in found)


def test_what_waits(make):
    """With both consumers off nobody has handled anything, and it is told that it waits."""
    proxy = make(flags=flag_file(legacy=False, new=False), admin__token=TOKEN).start()
    push = Push()
    proxy.send(push.rule())
    proxy.send(push.event())
    status, found, sums = entries(proxy)
    assert status == 1 and sums["waiting"] == 1 and len(found) == 1
    assert "1 of these wait still" in audit(proxy).stdout.decode()


def test_a_key_that_recurs(start):
    """One key told twice within the window: both entries say so. (fault 2.8)"""
    proxy = start(admin__token=TOKEN)
    one = Connection("disconnected")
    two = Connection("disconnected", one.company, one.connection)
    for body in (one.rule(), two.event(), one.event(), two.rule()):
        proxy.send(body)
    proxy.send(Connection("disconnected").rule())
    wait_until(lambda: settled(proxy), "all deliveries")
    status, found, sums = entries(proxy)
    assert status == 0 and sums["once"] == 3
    assert sorted(entry.get("of_key", 1) for entry in found) == [1, 2, 2]
    assert audit(proxy).stdout.decode().count("one of 2 occurrences of this key") == 2


def test_periods_and_filters(start):
    """An occurrence belongs to the period of its first message; company and type leave what they name."""
    proxy = start(admin__token=TOKEN)
    push, other = Push(), Read()
    first = proxy.send(push.rule()).id
    wait_until(lambda: settled(proxy), "the delivery")
    between = proxy.message(first)["changed"]
    late = proxy.send(push.event()).id
    proxy.send(other.rule())
    wait_until(lambda: settled(proxy), "the delivery")

    def ids(*arguments):
        return [sorted(each["id"] for each in entry["messages"]) for entry in entries(proxy, *arguments)[1]]

    assert ids("--company", push.company.upper()) == [[first, late]]
    assert ids("--until", between) == [[first, late]]
    assert [first, late] not in ids("--since", between) and len(ids("--since", between)) == 1
    assert ids("--type", "PushOperationStatusChanged") == ids("--type", "invoices.*") == [[first, late]]
    assert ids("--type", "nothing.*") == [] and ids("--company", fresh()) == []
    assert entries(proxy, "--since", "1h")[2]["once"] == 2


@pytest.mark.parametrize("arguments", [["--since", "soon"], ["--since", "1h", "--until", "2h"], ["--format", "xml"],
                                       ["--type", "*x"], ["--state", "dead"], ["now"], ["--json", "--format", "csv"]])
def test_wrong_usage(start, arguments):
    """What cannot be meant exits 2."""
    done = run("audit", "--admin", f"http://127.0.0.1:{start(admin__token=TOKEN).admin_port}", "--token", TOKEN, *arguments)
    assert done.returncode == 2 and done.stderr and not done.stdout
