"""Field parity: whether events tell the same as the alerts that really came, seen over real traffic."""

import json

from messages import Connection, ExpenseSync, Push, Read
from proxy import run
from waiting import wait_until


def types(proxy):
    answer = proxy.admin("/api/fields")
    assert answer.status == 200
    return {each["type"]: each for each in json.loads(answer.body)["types"]}


def fields(proxy, rule_type):
    return {field["member"]: field for field in types(proxy)[rule_type]["fields"]}


def wait_for_pairs(proxy, rule_type, pairs):
    wait_until(lambda: types(proxy).get(rule_type, {"pairs": 0})["pairs"] >= pairs, f"{pairs} pairs of {rule_type} to be compared")
    return fields(proxy, rule_type)


def test_what_agrees(start, store):
    """Pairs of the vendor's documented mapping show no difference, in either order of arrival."""
    proxy = start(store=store, parity__compare=1000)
    for index, occurrence in enumerate([Connection(), Read(), Push(), ExpenseSync()]):
        told = [occurrence.rule(), occurrence.event()]
        for body in told if index % 2 else reversed(told):
            proxy.send(body)
    for rule_type in ("DataConnectionStatusChanged", "DataSyncCompleted", "PushOperationStatusChanged", "SyncCompleted"):
        for member, field in wait_for_pairs(proxy, rule_type, 1).items():
            assert field["differs"] + field["only_rule"] + field["only_event"] == 0, (rule_type, member, field)
            assert not field["is_reason"]


def push_event(push, **payload):
    body = push.event()
    body["payload"].update(payload)
    return body


def test_what_differs(start):
    """A member that differs is counted, with the pairs by id, and becomes a reason; an ignored one does not."""
    proxy = start(parity__compare=1000, parity__ignore_fields="PushOperationStatusChanged.DataConnectionId")
    sent = []
    for _ in range(3):
        push = Push()
        alert = proxy.send(push.rule())
        sent.append((alert.id, proxy.send(push_event(push, status="Successful", connectionId="another")).id))
    found = wait_for_pairs(proxy, "PushOperationStatusChanged", 3)
    connection = found["DataConnectionId"]
    assert (connection["compared"], connection["differs"], connection["share_equal"]) == (3, 3, 0)
    assert {(pair["rule"], pair["event"]) for pair in connection["examples"]} == set(sent)
    assert connection["ignored"] and not connection["is_reason"]
    assert found["Data.pushOperationKey"]["equal"] == 3 and found["Message"]["not_replaced"] == 3


def test_the_verdict_and_the_command(start):
    """A member that differs is a reason against ready; parity --fields shows it."""
    proxy = start(parity__compare=1000, pairing__window="1s")
    push = Push()
    alert = proxy.send(push.rule())
    proxy.send(push_event(push, connectionId="another"))
    wait_for_pairs(proxy, "PushOperationStatusChanged", 1)
    admin = ["--admin", f"http://127.0.0.1:{proxy.admin_port}"]
    reason = f"PushOperationStatusChanged and its event differ in DataConnectionId in 1 of 1 pairs, for example message {alert.id}"
    report = json.loads(run("parity", *admin, "--json").stdout)
    assert any(each.startswith(reason) for each in report["reasons"]), report["reasons"]
    assert report["fields"][0]["type"] == "PushOperationStatusChanged"
    lines = run("parity", *admin, "--fields").stdout.decode().splitlines()
    row = next(line.split() for line in lines if line.startswith("DataConnectionId"))
    assert row == ["DataConnectionId", "1", "0", "1", "0", "0", alert.id]
    assert max(map(len, lines)) <= 80


def test_the_share(start):
    """One difference among many pairs is no reason while it is within the share that the settings allow."""
    proxy = start(parity__compare=1000, parity__differing=40)
    for other in (False, False, True):
        push = Push()
        proxy.send(push.rule())
        proxy.send(push_event(push, **({"connectionId": "another"} if other else {})))
    field = wait_for_pairs(proxy, "PushOperationStatusChanged", 3)["DataConnectionId"]
    assert (field["differs"], field["is_reason"]) == (1, False)


def test_after_a_restart(make):
    """Pairs that were there before the start are compared too, newest first."""
    proxy = make(parity__compare=1000).start()
    for _ in range(5):
        read = Read()
        proxy.send(read.rule())
        proxy.send(read.event())
    proxy.restart()
    assert wait_for_pairs(proxy, "DataSyncCompleted", 5)["CompanyId"]["equal"] == 5


def test_off(start):
    """With parity.compare 0 nothing is compared."""
    proxy = start(parity__compare=0)
    read = Read()
    proxy.send(read.rule())
    proxy.send(read.event())
    assert types(proxy) == {}
