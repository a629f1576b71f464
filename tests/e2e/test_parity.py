"""The parity report over a played migration, as the command gives it."""

import json
import re

import pytest

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
    assert len(report["reasons"]) == 1
    assert re.fullmatch(r"1 alert is younger than the window, ask again at \d\d:\d\d UTC", report["reasons"][0])
    assert row(report, "DataSyncCompleted")["waiting"] == 1 and report["all"]["waiting"] == 1

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


def test_what_is_young_is_no_proof(start):
    """(fault 1.1) Two hundred alerts and one event say nothing yet; the time to ask again is told."""
    proxy = start()
    reads = [Read(company=f"c{number}") for number in range(200)]
    for read in reads:
        proxy.send(read.rule())
    proxy.send(reads[7].event())
    report = ask(proxy)
    assert report["verdict"] == "not-ready"
    assert re.fullmatch(r"199 alerts are younger than the window, ask again at \d\d:\d\d UTC", report["reasons"][0])
    assert row(report, "DataSyncCompleted")["waiting"] == 199 and row(report, "DataSyncCompleted")["paired"] == 1
    text = run("parity", "--admin", f"http://127.0.0.1:{proxy.admin_port}").stdout.decode()
    assert "WAITING" in text and " 199" in text
    proxy.restart()
    assert row(ask(proxy), "DataSyncCompleted")["waiting"] == 199


def test_tables_fit_a_terminal(start):
    """No line is wider than 80 columns, whatever the counts."""
    proxy = start(pairing__window="1s")
    proxy.send(Push().rule())
    proxy.send(rule("Data Sync Status Changed To Error", {"dataType": "invoices", "datasetStatus": "FetchError"}, "c"))
    proxy.send(rule("Sync Started", {"syncId": "1"}, "c"))
    wait_until(lambda: ask(proxy)["all"]["rule_only"] == 2, "both alerts to be alone")
    text = run("parity", "--admin", f"http://127.0.0.1:{proxy.admin_port}").stdout.decode()
    assert "DataSyncStatusChangedToError" in text
    assert [line for line in text.splitlines() if len(line) > 80] == []


def targeted(variant, companies, otherwise):
    return {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": otherwise,
            "targeting": {"if": [{"in": [{"var": "companyId"}, companies]}, variant, otherwise]}}


def test_new_may_be_off_for_some(start):
    """(fault 1.2) Targeting that switches new off for what came is named with its share and an example."""
    proxy = start(flags=json.dumps({"flags": {"new-consumer": targeted("on", ["c1", "c2", "c3"], "off")}}))
    for number in range(30):
        read = Read(company=f"c{number}")
        proxy.send(read.rule())
        proxy.send(read.event())
    report = ask(proxy)
    assert report["verdict"] == "not-ready" and report["stage"] == "both"
    assert re.fullmatch(r"new-consumer is off for 27 of 30 messages for it \(90 %\), "
                        r"for example message \w{13} of company c\d+", report["reasons"][0])
    everybody = [f"c{number}" for number in range(30)]
    proxy.write_flags(json.dumps({"flags": {"new-consumer": targeted("on", everybody, "off")}}))
    assert wait_for_verdict(proxy, "ready")["reasons"] == []


def test_both_off_for_some(start):
    """(fault 1.3) A pair that neither consumer handled is no proof; so are messages for which both are off."""
    legacy = targeted("off", ["c1", "c2"], "on")
    flags = {"legacy-consumer": legacy, "new-consumer": targeted("on", ["c2", "c3"], "off")}
    proxy = start(flags=json.dumps({"flags": flags}))
    for number in (1, 2):
        read = Read(company=f"c{number}")
        proxy.send(read.rule())
        proxy.send(read.event())
    report = ask(proxy)
    assert row(report, "DataSyncCompleted")["paired"] == 1
    assert row(report, "DataSyncCompleted")["paired_unhandled"] == 1
    reasons = " ".join(report["reasons"])
    assert "1 DataSyncCompleted had its event, and nobody handled either" in reasons
    assert "both consumers are off for 2 messages seen" in reasons
    flags["new-consumer"] = targeted("on", ["c1", "c2", "c3"], "off")
    proxy.write_flags(json.dumps({"flags": flags}))
    assert row(wait_for_verdict(proxy, "ready"), "DataSyncCompleted")["paired_unhandled"] == 0


def test_legacy_is_off_already(start):
    """(fault 1.5) The question is another one, and alerts that wait are told of, however young they are."""
    proxy = start(flags=flag_file(legacy=False))
    for number in range(2):
        proxy.send(Read(company=f"c{number}").rule())
    report = ask(proxy)
    assert report["verdict"] == "not-ready" and report["stage"] == "contract"
    assert report["question"].startswith("Legacy is off") and report["waiting_for_event"] == 2
    assert report["reasons"] == ["Legacy is off; 2 alerts wait for their event"]


def test_unhandled_alerts_are_counted_one_by_one(start):
    """(fault 1.8) Legacy is off for one company by targeting: its alert without an event is what Prometheus alerts of."""
    flags = {"legacy-consumer": targeted("off", ["c1"], "on"), "new-consumer": targeted("on", ["c1"], "off")}
    proxy = start(flags=json.dumps({"flags": flags}), pairing__window="1s")
    proxy.send(Read(company="c2").rule())
    assert proxy.send(Read(company="c1").rule()).outcome == "parked"
    wait_until(lambda: proxy.metric("hookshift_unhandled_alerts") == 1, "the alert to be counted", deadline_s=40)
    assert proxy.metric("hookshift_unpaired", type="DataSyncCompleted", side="rule") == 2


def test_metrics(start):
    """The verdict and what is alone, for alerts."""
    proxy = start(pairing__window="1s")
    push = Push()
    proxy.send(push.rule())
    proxy.send(push.event())
    wait_until(lambda: proxy.metric("hookshift_parity_ready") == 1, "the metric to say ready", deadline_s=30)
    proxy.send(Push().rule())
    name = "hookshift_unpaired"
    wait_until(lambda: proxy.metric(name, type="PushOperationStatusChanged", side="rule") == 1, "it to be alone", deadline_s=30)
    assert proxy.metric("hookshift_parity_ready") == 0
    text = proxy.admin("/metrics").body.decode()
    assert "{data_type}" not in text and 'type="*.write.successful"' in text


@pytest.mark.parametrize("named, told", [
    ("DataSyncCompleted", "is replaced by an event"),
    ("SyncStartd", 'did you mean "SyncStarted"?'),
])
def test_parity_ignore_is_checked(make, named, told):
    """(fault 1.9) What has no effect, or names nothing, is an error of `check`."""
    proxy = make(parity__ignore=named)
    proxy.write_settings()
    done = run("check", "--config", str(proxy.settings_path))
    assert done.returncode == 2 and "parity.ignore" in done.stderr.decode() and told in done.stderr.decode()
