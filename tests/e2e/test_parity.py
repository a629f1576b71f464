"""The parity report over a played migration, as the command gives it."""

import json

from messages import Push, Read, rule
from proxy import flag_file, run
from waiting import wait_until


def ask(proxy, *arguments):
    done = run("parity", "--admin", f"http://127.0.0.1:{proxy.admin_port}", "--json", *arguments)
    assert done.stderr == b"", done.stderr
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["verdict"] == "ready" else 1)
    return report


def wait_for_verdict(proxy, verdict):
    wait_until(lambda: ask(proxy)["verdict"] == verdict, f"the verdict {verdict}, not {ask(proxy)}")
    return ask(proxy)


def row(report, rule_type):
    return next(each for each in report["types"] if each["type"] == rule_type)


def test_played_migration(start, store):
    """no-data, not-ready, ready, and not-ready again when one rule goes unpaired."""
    proxy = start(store=store, pairing__window="1s")
    report = ask(proxy)
    assert report["verdict"] == "no-data" and len(report["reasons"]) == 1

    read = Read()
    proxy.send(read.rule())
    report = ask(proxy)
    assert report["verdict"] == "not-ready"
    assert report["reasons"] == ["1 DataSyncCompleted came, and none has met its read.completed yet"]

    proxy.send(read.event())
    report = wait_for_verdict(proxy, "ready")
    completed = row(report, "DataSyncCompleted")
    assert (completed["rules"], completed["events"], completed["paired"]) == (1, 1, 1)
    assert (completed["rule_first"], completed["event_first"]) == (1, 0)
    assert 0 <= completed["skew_ms"]["p50"] <= completed["skew_ms"]["p99"] <= completed["skew_ms"]["max"]
    assert report["reasons"] == []

    lost = proxy.send(Push().rule())
    report = wait_for_verdict(proxy, "not-ready")
    wait_until(lambda: row(ask(proxy), "PushOperationStatusChanged")["rule_only"] == 1, "the rule to count as unpaired")
    report = ask(proxy)
    assert row(report, "PushOperationStatusChanged")["last_unpaired"] == lost.id
    assert len(report["reasons"]) == 1 and report["reasons"][0].startswith("1 PushOperationStatusChanged since ")


def test_events_alone(start):
    """An event counts for the types whose alerts it replaces; without any alert it proves nothing."""
    proxy = start(pairing__window="1s")
    proxy.send(Read().event())
    report = ask(proxy)
    assert report["verdict"] == "no-data"
    assert [(each["type"], each["verdict"], each["events"]) for each in report["types"]] == [
        ("DataSyncCompleted", "no-data", 1)
    ]


def test_event_first(start):
    """Who came first is counted where the pair is made."""
    proxy, push = start(), Push()
    proxy.send(push.event())
    proxy.send(push.rule())
    completed = row(wait_for_verdict(proxy, "ready"), "PushOperationStatusChanged")
    assert (completed["rule_first"], completed["event_first"]) == (0, 1)
    assert proxy.metric("hookshift_twins_total", type="PushOperationStatusChanged", first="event") == 1
    assert proxy.metric("hookshift_twin_skew_seconds_count") == 1


def test_survives_a_restart(start):
    """Counts are written with the messages they count."""
    proxy, push = start(), Push()
    proxy.send(push.rule())
    proxy.send(push.event())
    proxy.restart()
    report = ask(proxy)
    assert report["verdict"] == "ready" and row(report, "PushOperationStatusChanged")["paired"] == 1


def test_without_replacement(make):
    """A type that nothing replaces keeps the whole from being ready until it is acknowledged."""
    proxy = make().start()
    push = Push()
    proxy.send(push.rule())
    proxy.send(push.event())
    proxy.send(rule("Sync Started", {"syncId": "1", "syncType": "Expense"}, "company"))
    ratio = "CurrentAssetsCurrentLiabilitiesRatio(>,0)"
    proxy.send(rule(ratio, {}, "company"))
    report = ask(proxy)
    assert report["verdict"] == "not-ready"
    apart = [(each["type"], each["acknowledged"]) for each in report["without_replacement"]]
    assert apart == [(ratio, False), ("SyncStarted", False)]
    assert "parity.ignore" in report["reasons"][0]
    proxy.kill()
    proxy.settings["parity.ignore"] = "Sync started, CurrentAssetsCurrentLiabilitiesRatio"
    proxy.start()
    report = ask(proxy)
    assert report["verdict"] == "ready" and all(each["acknowledged"] for each in report["without_replacement"])


def test_new_side_must_be_able(start, new):
    """It is not safe while the new consumer is off, or has let messages die."""
    proxy, push = start(flags=flag_file(new=False), retry__schedule="10ms"), Push()
    proxy.send(push.rule())
    proxy.send(push.event())
    assert "new-consumer is off" in ask(proxy)["reasons"][0]
    proxy.set_flags()
    wait_for_verdict(proxy, "ready")
    new.otherwise = 500
    proxy.wait_for_state(proxy.send(Push().event()).id, "dead")
    assert "(state dead)" in ask(proxy)["reasons"][0]


def test_since(start):
    """--since is a length of time or a moment; anything else is refused in words."""
    proxy, push = start(), Push()
    proxy.send(push.rule())
    proxy.send(push.event())
    assert ask(proxy, "--since", "1h")["verdict"] == "ready"
    done = run("parity", "--admin", f"http://127.0.0.1:{proxy.admin_port}", "--since", "yesterday")
    assert done.returncode == 2 and b'"24h"' in done.stderr
