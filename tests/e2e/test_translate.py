"""The command translate: bodies of one generation written as the other."""

import json

import pytest

from proxy import run

EVENT = {"id": "e-1", "eventType": "read.completed", "generatedDate": "2025-01-02T03:04:05Z",
         "payload": {"referenceCompany": {"id": "C1", "name": "Acme"},
                     "dataTypes": [{"connectionId": "D1", "dataType": "bills", "recordsModified": True, "status": "Complete"},
                                   {"connectionId": "D1", "dataType": "items", "recordsModified": False, "status": "AuthError"}]}}
RULE = {"AlertId": "a-1", "RuleType": "Rate Limit Reached", "Data": {"DailyQuota": 1e3, "ExpiresUtc": "2025-01-02T00:00:00Z"}}


def lines(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_one_event_is_several_rules(tmp_path):
    """An event becomes one rule per data type and rule type that it tells of, one body a line."""
    body = tmp_path / "event.json"
    body.write_text(json.dumps(EVENT))
    rules = lines(run("translate", "--to", "rule", body))
    assert [(rule["RuleType"], rule["Data"]["dataType"]) for rule in rules] == [
        ("Data sync completed", "bills"), ("Dataset data changed", "bills"),
        ("Data sync completed", "items"), ("Data Sync Status Changed To Error", "items")]
    assert rules[3]["Data"]["datasetStatus"] == "AuthError" and rules[0]["AlertId"] == "e-1"
    changed = lines(run("translate", "--to", "rule", "--type", "Dataset data changed", body))
    assert changed == [rules[1]]


def test_translated_facts_are_the_same(tmp_path):
    """What is written and read again states what the source states."""
    source, written = tmp_path / "a.json", tmp_path / "b.json"
    source.write_text(json.dumps(EVENT))
    for rule in lines(run("translate", "--to", "rule", source)):
        written.write_text(json.dumps(rule))
        stated = {fact for item in lines(run("classify", source))[0]["items"] for fact in item}
        again = lines(run("classify", written))[0]
        assert again["generation"] == "rule"
        assert {fact for fact in again["items"][0] if not fact.startswith("same-id/")} <= stated


def test_standard_input_and_values(tmp_path):
    """Without a file the body is read from standard input; --value gives what the other generation does not tell."""
    done = run("translate", "--to", "rule", "--value", "ClientName=Acme", "--value", "RuleId=7", stdin=json.dumps(EVENT).encode())
    assert lines(done)[0]["ClientName"] == "Acme" and lines(done)[0]["RuleId"] == 7
    done = run("translate", "--to", "event", "-", stdin=json.dumps(RULE).encode())
    assert lines(done) == [{"id": "a-1", "eventType": "client.rateLimit.reached",
                            "payload": {"dailyQuota": 1e3, "expiryDate": "2025-01-02T00:00:00Z"}}]


def test_explain():
    """--explain tells of each member where it came from, and what has no source."""
    told = run("translate", "--to", "event", "--explain", stdin=json.dumps(RULE).encode()).stdout.decode()
    assert '  payload.expiryDate: "2025-01-02T00:00:00Z" (path: Data.ExpiresUtc)\n' in told
    assert "  payload.quotaRemaining: left out (no source: Data.QuotaRemaining)\n" in told
    members = lines(run("translate", "--to", "event", "--explain", "--json", stdin=json.dumps(RULE).encode()))[0]["members"]
    assert {"member": "id", "source": "variable", "detail": "{id}", "value": "a-1"} in members


@pytest.mark.parametrize("arguments, body, status, why", [
    ([], EVENT, 2, "--to is missing"),
    (["--to", "alert"], EVENT, 2, "--to must be rule or event"),
    (["--to", "rule", "--type", "Nothing"], EVENT, 2, 'lists no rule "Nothing"'),
    (["--to", "rule", "--value", "x"], EVENT, 2, "--value must be NAME=VALUE"),
    (["--to", "event"], EVENT, 1, "is of the generation event already"),
    (["--to", "event"], {"RuleType": "SyncStarted"}, 1, "nothing corresponds"),
    (["--to", "event"], {"a": 1}, 1, "shape of neither generation"),
])
def test_what_cannot_be(arguments, body, status, why):
    """What cannot be translated says why, and writes nothing."""
    done = run("translate", *arguments, stdin=json.dumps(body).encode())
    assert (done.returncode, done.stdout) == (status, b"")
    assert why in done.stderr.decode()


def test_check_verifies_templates(tmp_path):
    """check refuses a catalogue whose template says something else than its facts, at its place."""
    flags, catalogue = tmp_path / "flags.json", tmp_path / "catalogue.json"
    flags.write_text('{"flags": {}}')
    catalogue.write_text("""{"format": 1, "facts": {"it": {"key": "it/{key}", "match": "exact"}},
      "shapes": [{"generation": "rule", "type": "kind"}, {"generation": "event", "type": "type"}],
      "rule": {"variables": {"key": "key"}}, "event": {"variables": {"key": "data.key"}},
      "rules": [{"name": "Old", "counterpart": "new", "facts": ["it"],
                 "body": {"kind": "Old", "key": {"from": "data.kay"}}}],
      "events": [{"type": "new", "replaces": ["Old"], "facts": ["it"]}]}""")
    done = run("check", "--set", f"flags.file={flags}", "--set", "endpoints.legacy.url=http://a", "--set", "endpoints.new.url=http://b",
               "--set", f"catalogue={catalogue}")
    assert done.returncode == 2
    assert f'{catalogue}:5:18: written from "new" it does not say again "it/made-up-' in done.stderr.decode()
