"""Catalogues of vendors: the commands for whoever writes one, the guide, and the settings that go with each."""

import copy
import json
import pathlib
import re

import pytest

from messages import encode, fresh
from proxy import run
from waiting import wait_until

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
NAMES = ["codat", "pagerduty", "stripe"]


def load(name):
    """The catalogue as an object; its comments stand on lines of their own."""
    text = run("catalogue", "show", name).stdout.decode()
    return json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))


def command(tmp_path, what, catalogue, *more):
    path = tmp_path / "own.json"
    path.write_text(catalogue if isinstance(catalogue, str) else json.dumps(catalogue, indent=1))
    return run("catalogue", what, path, *more)


def test_list_and_show(tmp_path):
    """list names what is built in; show prints it with its comments, so that it can be copied and changed."""
    listed = run("catalogue", "list").stdout.decode().splitlines()
    assert [line.split()[0] for line in listed] == NAMES
    assert [one["name"] for one in json.loads(run("catalogue", "list", "--json").stdout)] == NAMES
    for name in NAMES:
        shown = run("catalogue", "show", name).stdout
        assert b"//" in shown
        copied = tmp_path / f"{name}.json"
        copied.write_bytes(shown)
        assert run("catalogue", "check", copied).returncode == 0
        assert run("classify", "--catalogue", copied, stdin=b"{}").returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_built_in_ones_are_good(name):
    """check finds nothing in them, and every example of theirs passes; each fact is shown by a pair of twins."""
    done = run("catalogue", "check", name)
    assert done.returncode == 0, done.stderr.decode()
    done = run("catalogue", "test", name)
    assert done.returncode == 0 and b"0 failed" in done.stdout, done.stdout.decode()
    assert b"note:" not in done.stdout


WRONG = {
    "codat": [
        ("facts.write.match", "window"), ("facts.connection.match", "exact"), ("facts.read-changed.match", "exact"),
        ("facts.write.key", "write/{outcome}"), ("facts.read-completed.key", "read/{company}/{data_type}/completed"),
        ("facts.connection-deleted.key", "connection-deleted"), ("maps.outcome.Failed", "successful"),
        ("maps.transition.on to off", "reconnected"), ("maps.error.AuthError", "fine"),
        ("event.variables.company", "payload.company.id"), ("rule.variables.data_type", "Data.type"),
        ("shapes.0.type", "type"), ("maps.changed", {"false": "changed"})],
    "pagerduty": [
        ("facts.transition.key", "incident/{incident}"), ("facts.transition.match", "exact"),
        ("facts.transition.key", "incident/{transition}"), ("shapes.0.type", "event.type"),
        ("shapes.1.type", "messages[].type"), ("rule.variables.incident", "messages[].id"),
        ("event.variables.incident", "event.id"), ("event.variables.generated", "event.created_on"),
        ("rule.variables.company", "messages[].incident.id"), ("events.7.variables.incident", "event.data.id"),
        ("events.0.variables.transition.text", "resolved"), ("rules.4.counterpart", "incident.delegated")],
    "stripe": [
        ("facts.snapshot.match", "window"), ("facts.snapshot.key", "snapshot/x"), ("shapes.0.with.object", "event"),
        ("shapes.1.with.object", "v2.core.event"), ("events.0.variables.snapshot", "id"),
        ("rule.variables.snapshot", "data.object.id"), ("events.0.type", "v2.{type}x"),
        ("rules.0.counterpart", "{type}"), ("event.variables.company", "account"), ("event.variables.id", "snapshot_event"),
        ("rule.variables.company", "livemode")],
}


def put(catalogue, path, value):
    *parents, last = path.split(".")
    place = catalogue
    for parent in parents:
        place = place[int(parent) if isinstance(place, list) else parent]
    key = int(last) if isinstance(place, list) else last
    assert place[key] != value
    place[key] = value


@pytest.mark.parametrize("name,path,value", [(name, *row) for name in NAMES for row in WRONG[name]])
def test_wrong_facts_fail(tmp_path, name, path, value):
    """What a vendor's documents do not say fails: no wrong fact gets past the examples."""
    wrong = copy.deepcopy(load(name))
    put(wrong, path, value)
    assert command(tmp_path, "test", wrong).returncode != 0


def own(**more):
    return {"format": 1, "ids": ["thing"],
            "facts": {"thing": {"key": "thing/{thing}", "match": "exact"}},
            "shapes": [{"generation": "event", "type": "new"}, {"generation": "rule", "type": "old"}],
            "rule": {"variables": {"id": "id", "thing": "t"}}, "event": {"variables": {"id": "id", "thing": "t"}},
            "rules": [{"name": "a", "counterpart": "b", "facts": ["thing"]}],
            "events": [{"type": "b", "replaces": ["a"], "facts": ["thing"]}], **more}


SILENT = [
    ({"shapes": []}, "there are no shapes"),
    ({"shapes": [{"generation": "event", "type": "new"}, {"generation": "rule", "type": "new"}]}, "a shape above takes"),
    ({"shapes": [{"generation": "event", "type": "new", "with": {"a": "1"}},
                 {"generation": "rule", "type": "new", "with": {"a": "1"}}]}, "a shape above takes"),
    ({"facts": {"thing": {"key": "thing/{thing}", "match": "exact"}, "none": {"key": "x", "match": "exact"}}},
     'no type states the fact "none"'),
    ({"ids": ["thing", "think"]}, 'there is no variable "think"'),
    ({"events": [{"type": "b", "replaces": ["a"]}]}, 'shares no fact with "a"'),
    ({"rules": [{"name": "a", "counterpart": "b"}]}, 'only events state the fact "thing"'),
    ({"maps": {"unused": {"a": "b"}}}, 'nothing uses the map "unused"'),
    ({"rule": {"variables": {"id": "id", "thing": "t", "Company": "c"}}}, 'did you mean "company"?'),
    ({"event": {"variables": {"id": "id", "thing": "t", "ruleid": "c"}}}, 'did you mean "rule_id"?'),
    ({"rule": {"variables": {"id": "id", "thing": "t", "unheard": "c"}}}, 'nothing uses the variable "unheard"'),
    ({"Facts": {}}, 'did you mean "facts"?'),
    ({"rule": {"variables": {"id": "a..b", "thing": "t"}}}, '"a..b" is no path'),
    ({"rule": {"variables": {"id": "header:", "thing": "t"}}}, "expected header:NAME"),
    ({"rule": {"variables": {"id": "path:zero", "thing": "t"}}}, "expected path:1"),
    ({"rule": {"variables": {"id": "[0].a", "thing": "t"}}}, "is no path"),
    ({"rules": [{"name": "{x}"}, {"name": "a", "counterpart": "b", "facts": ["thing"]}, {"name": "z.{y}"}]},
     '"{x}" above stands for all of these'),
    ({"events": [{"type": "b", "replaces": ["a", "a"], "facts": ["thing"]}]}, "stands here twice"),
    ({"events": [{"type": "b", "replace": ["a"], "facts": ["thing"]}]}, 'did you mean "replaces"?'),
    ({"answers": {"accepted_status": 302}}, "a status from 200 to 299"),
    ({"answers": {"other_bodies": "unrecognized"}}, '"refused" or "unrecognised"'),
    ({"rule": {"scheme": "acme", "variables": {"id": "id", "thing": "t"}}}, 'there is no scheme "acme"'),
    ({"schemes": {"acme": {"header": "X", "signed": "{t}"}}}, "{body}"),
    ({"schemes": {"acme": {"header": "X", "signed": "{t}.{body}"}}}, '"time" says where {t}'),
    ({"schemes": {"acme": {"header": "X", "signed": "{body}", "entry": "v1="}}}, "{code}"),
    ({"schemes": {"acme": {"header": "X", "signed": "{body}", "encoding": "base32"}}}, '"hex" or "base64"'),
    ({"schemes": {"stripe": {"header": "X", "signed": "{body}"}}}, "is built in"),
    ({"facts": {"thing": {"key": "thing/{thing}", "match": "Window"}}}, '"exact", "window"'),
    ({"examples": [{"old": {}, "twins": True}]}, 'an example has "old", "new" and "twins"'),
    ({"names": {"rules": "x"}}, 'did you mean "rule"?'),
]


@pytest.mark.parametrize("change,said", SILENT)
def test_check_finds_what_no_message_would_show(tmp_path, change, said):
    """check names each mistake with file, line and column and what would be right, and exits 2."""
    assert command(tmp_path, "check", own()).returncode == 0
    done = command(tmp_path, "check", own(**change))
    assert done.returncode == 2
    lines = done.stderr.decode().splitlines()
    assert any(said in line and re.match(r".*own\.json:\d+:\d+: ", line) for line in lines), lines


def test_test_prints_what_was_read(tmp_path):
    """test prints per example what was read of it and why it fails; without examples it does not pass."""
    done = command(tmp_path, "test", own())
    assert done.returncode == 1 and b"no \"examples\"" in done.stdout
    pair = {"old": {"old": "a", "t": "1"}, "new": {"new": "b", "t": "1"}}
    good = own(examples=[{**pair, "twins": True}, {"body": pair["old"], "type": "a"}])
    done = command(tmp_path, "test", good)
    assert done.returncode == 0 and b"thing/1" in done.stdout
    done = command(tmp_path, "test", own(examples=[{**pair, "twins": False, "why": "not so"}]))
    assert done.returncode == 1 and b"FAILED example 1" in done.stdout and b"they are twins" in done.stdout


def test_explain(tmp_path):
    """classify --explain says per shape why not, per variable which path gave it; exit 1 for what is unknown."""
    body = tmp_path / "body.json"
    body.write_bytes(encode({"id": "e", "object": "v2.core.event", "type": "v1.invoice.paid", "snapshot_event": "s"}))
    done = run("classify", "--explain", "--catalogue", "stripe", body)
    said = done.stdout.decode()
    assert done.returncode == 0 and "shape 1, event" in said and '{snapshot} = "s"' in said and "snapshot/s" in said
    body.write_bytes(encode({"type": "invoice.paid", "object": "other"}))
    done = run("classify", "--explain", "--catalogue", "stripe", body)
    said = done.stdout.decode()
    assert done.returncode == 1 and said.count("object") == 2 and "unrecognised" in said
    done = run("classify", "--explain", "--catalogue", "pagerduty", stdin=b'{"messages": []}')
    assert done.returncode == 1 and b"no message" in done.stdout


def test_guide_is_current():
    """The reference in deploy/catalogues.md is what `catalogue reference` prints."""
    reference = run("catalogue", "reference").stdout.decode()
    guide = (DEPLOY / "catalogues.md").read_text()
    assert guide.endswith(reference), "put what `hookshift catalogue reference` prints at its end"


@pytest.mark.parametrize("name", NAMES)
def test_sample_settings(tmp_path, name):
    """The settings under deploy/catalogues pass `check`, for each vendor."""
    flags = tmp_path / "flags.json"
    flags.write_text((DEPLOY / "flags.example.json").read_text())
    done = run("check", "--config", DEPLOY / "catalogues" / f"{name}.json", "--set", f"flags.file={flags}",
               "--set", f"store.url=sqlite:{tmp_path}/x.db")
    assert done.returncode == 0, done.stderr.decode()


# A vendor that nothing here has heard of, described with the words of the guide alone: the type stands in two members,
# both sides send HTTP Basic, and several old messages become one new one.
MERGING = {
    "format": 1,
    "about": "Acme: hooks, and the feed that replaces them",
    "names": {"rule": "hook", "event": "feed item"},
    "ids": ["id", "company"],
    "facts": {"account": {"key": "account/{company}", "match": "within"}},
    "shapes": [{"generation": "event", "type": "{meta.action}.{meta.entity}", "with": ["meta"]},
               {"generation": "rule", "type": "{hook_type}.{hook_code}"}],
    "rule": {"variables": {"id": "nr", "company": "account", "generated": "time"}},
    "event": {"variables": {"id": "id", "company": "subject.account", "generated": "meta.at"}},
    "rules": [{"name": "ACCOUNT.UPDATE", "counterpart": "synced.account", "facts": ["account"]},
              {"name": "ACCOUNT.REMOVED", "counterpart": "synced.account", "facts": ["account"]}],
    "events": [{"type": "synced.account", "replaces": ["ACCOUNT.UPDATE", "ACCOUNT.REMOVED"], "facts": ["account"]}],
    "examples": [
        {"old": {"hook_type": "ACCOUNT", "hook_code": "UPDATE", "nr": "1", "account": "a"},
         "new": {"meta": {"action": "synced", "entity": "account"}, "id": "f", "subject": {"account": "a"}}, "twins": True},
        {"old": {"hook_type": "ACCOUNT", "hook_code": "REMOVED", "nr": "1", "account": "a"},
         "new": {"meta": {"action": "synced", "entity": "account"}, "id": "f", "subject": {"account": "a"}}, "twins": True},
        {"old": {"hook_type": "ACCOUNT", "hook_code": "UPDATE", "nr": "1", "account": "a"},
         "new": {"meta": {"action": "synced", "entity": "account"}, "id": "f", "subject": {"account": "b"}},
         "twins": False}]}


def test_several_to_one(start, tmp_path, legacy, new):
    """A fact of `within`: one new message stands for every old one near in time, whatever their order."""
    path = tmp_path / "acme.json"
    path.write_text(json.dumps(MERGING))
    assert run("catalogue", "check", path).returncode == 0
    assert run("catalogue", "test", path).returncode == 0
    proxy = start(catalogue=str(path), verify__event_authorizations=["Basic bmV3"],
                  verify__rule_authorizations=["Basic b2xk"])

    def old(code, account):
        return proxy.send({"hook_type": "ACCOUNT", "hook_code": code, "nr": fresh(), "account": account},
                          Authorization="Basic b2xk")

    def feed(account):
        return proxy.send({"meta": {"action": "synced", "entity": "account"}, "id": fresh(),
                           "subject": {"account": account}}, Authorization="Basic bmV3")

    assert old("UPDATE", "x").outcome == "accepted"
    assert proxy.send({"hook_type": "ACCOUNT", "hook_code": "UPDATE"}, Authorization="Basic bmV3").status == 401
    assert feed("a").outcome == "accepted"
    assert [old(code, "a").outcome for code in ("UPDATE", "UPDATE", "REMOVED")] == ["suppressed"] * 3
    assert [old("UPDATE", "b").outcome for _ in range(2)] == ["accepted"] * 2
    assert feed("b").outcome == "suppressed"
    legacy.wait_for(3)
    new.wait_for(1)
    proxy.set_flags(legacy=False)
    parked = [old("UPDATE", "c").outcome for _ in range(2)]
    assert parked == ["parked"] * 2
    assert feed("c").outcome == "accepted"
    new.wait_for(2)
    wait_until(lambda: {message["state"] for message in proxy.messages(company="c")["messages"]} == {
        "suppressed", "delivered"}, "the one to be delivered, the others suppressed")
