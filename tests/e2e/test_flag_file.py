"""The flag file and what surrounds it: files that are none, file systems that hang, mounts, time, SIGHUP."""

import json
import os
import signal
import time

import pytest

from hanging import hanging_folder
from messages import Push, fresh
from namespace import MountNamespace
from proxy import flag_file, nested, run
from waiting import wait_until

RULE_OF_TIME = """{"flags": {
  "legacy-consumer": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"},
  "new-consumer": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
                   "targeting": %s}}}"""


def targeted(rule):
    return RULE_OF_TIME % json.dumps(rule)


# --- files that are none

@pytest.mark.parametrize("kind", ["fifo", "folder", "device"])
@pytest.mark.parametrize("key", ["flags.file", "catalogue", "endpoints.new.ca", "listen.tls.cert", "settings",
                                 "variable"])
def test_what_is_no_file_is_refused_at_start(make, tmp_path, kind, key):
    """A pipe, a folder or a device in place of a file ends the start, and `check`, at once and by name. (fault 4.7)"""
    path = tmp_path / "none"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    proxy = make()
    if key == "variable":
        proxy.environment["HOOKSHIFT_ADMIN_TOKEN_FILE"] = str(path)
    elif key != "settings":
        proxy.settings[key] = str(path)
    if key == "listen.tls.cert":
        proxy.settings["listen.tls.key"] = str(path)
    proxy.write_settings()
    if key == "settings":
        proxy.settings_path = path
        proxy.write_settings = lambda: None
    assert proxy.launch().wait_for_exit() == 2
    assert {"fifo": "a pipe", "folder": "a folder", "device": "a device"}[kind] in proxy.text()
    proxy.process = None


def test_pipe_in_place_of_the_flag_file(start):
    """A pipe that takes the place of the flag file holds nothing up: messages are answered, the last good flags stay,
    the log says why, and a good file is taken up again. (fault 4.7)"""
    proxy = start()
    proxy.flag_path.unlink()
    os.mkfifo(proxy.flag_path)
    assert "a pipe" in proxy.wait_for_log("flag file refused")
    assert proxy.metric("hookshift_flags_last_reload_success") == 0
    proxy.process.send_signal(signal.SIGHUP)
    assert proxy.send(Push().event(), fresh()).outcome == "accepted"
    proxy.set_flags(legacy=True, new=False)
    assert proxy.metric("hookshift_flags_last_reload_success") == 1


def test_file_system_that_hangs(make):
    """A flag file on a file system that does not answer hangs one thread: messages, admin port and flags in force go on,
    the log says so, and SIGTERM is obeyed in time. (fault 4.7)"""
    proxy = make()
    proxy.environment["ASAN_OPTIONS"] = "exitcode=99:detect_leaks=0"  # the search for leaks would wait for the hung thread
    with hanging_folder(proxy.folder / "far", "flags.json", flag_file().encode()) as far:
        proxy.settings["flags.file"] = str(far.path / "flags.json")
        proxy.start()
        far.hang()
        proxy.process.send_signal(signal.SIGHUP)
        proxy.wait_for_log("its file system does not answer")
        assert proxy.metric("hookshift_flags_last_reload_success") == 0
        assert proxy.send(Push().event(), fresh()).outcome == "accepted"
        assert proxy.admin("/healthz").status == 200
        began = time.monotonic()
        assert proxy.terminate() == 0
        assert time.monotonic() - began < 10


# --- a file that is mounted alone

def test_flag_file_mounted_alone(make, tmp_path):
    """A flag file that is mounted alone, and renamed over where it comes from, is warned of: log, metric and /api/flags
    say that its folder must be mounted. (fault 4.7)"""
    source = tmp_path / "host.json"
    source.write_text(flag_file())
    proxy = make()
    with MountNamespace() as space:
        space.run("mount", "--bind", source, proxy.flag_path)
        proxy.wrapper = space.prefix
        proxy.start()
        assert "mounted alone" not in proxy.text()
        fresh_file = source.with_suffix(".new")
        fresh_file.write_text(flag_file(new=False))
        fresh_file.rename(source)
        line = proxy.wait_for_log("replaced outside of this container")
        assert "warn" in line and "mount its folder" in line
        assert proxy.metric("hookshift_flags_last_reload_success") == 0
        reload = proxy.admin("/api/flags").json["last_reload"]
        assert not reload["ok"] and "mount its folder" in reload["error"]
        assert proxy.metric("hookshift_flag_enabled", flag="new-consumer") == 1, "the old file is in force"
        assert proxy.terminate() == 0
    proxy.process = None


# --- time

@pytest.mark.parametrize("rule", [
    lambda at: {"if": [{">=": [{"var": "$flagd.timestamp"}, at]}, "on", "off"]},
    lambda at: {"if": [{"<": [{"var": "$flagd.timestamp"}, at]}, "off", "on"]},
    lambda at: {"if": [{">=": [{"+": [{"var": "$flagd.timestamp"}, 10]}, at + 10]}, "on"]},
], ids=["at least", "less", "calculated"])
def test_outcome_that_changes_with_time(make, new, rule):
    """A rule over $flagd.timestamp acts within a second of its time: parked messages are decided again, metric and log
    follow. (fault 4.4)"""
    at = int(time.time()) + 3
    proxy = make(flags=targeted(rule(at))).start()
    parked = proxy.send(Push().event(), fresh())
    assert parked.outcome == "parked"
    assert proxy.metric("hookshift_flag_enabled", flag="new-consumer") == 0
    proxy.wait_for_state(parked.id, "delivered")
    assert at <= time.time() < at + 2
    assert proxy.metric("hookshift_flag_enabled", flag="new-consumer") == 1
    line = proxy.wait_for_log("flag switched")
    assert "flag=new-consumer" in line and "to=on" in line and "$flagd.timestamp" in line
    assert proxy.send(Push().event(), fresh()).outcome == "accepted"


def test_outcome_that_changes_with_time_for_some(make):
    """Targeting that adds one company at a time of day acts for its parked messages, and for no others. (fault 4.4)"""
    at = int(time.time()) + 3
    some, others = Push(), Push()
    proxy = make(flags=targeted({"if": [{"and": [{"==": [{"var": "companyId"}, some.company]},
                                                 {">": [{"var": "$flagd.timestamp"}, at]}]}, "on", "off"]})).start()
    first, second = proxy.send(some.event(), fresh()), proxy.send(others.event(), fresh())
    assert first.outcome == second.outcome == "parked"
    proxy.wait_for_state(first.id, "delivered")
    assert proxy.state(second.id) == "parked"


# --- ids and buckets

def test_company_in_either_case(make):
    """A company id in upper case in the flag file, in lower case in the rule and mixed in the event: all mean one
    company. (fault 4.5)"""
    push = Push()
    rule = {"if": [{"in": [{"var": "companyId"}, [push.company.upper()]]}, "on", "off"]}
    proxy = make(flags=targeted(rule)).start()
    assert proxy.send(push.event(), fresh()).outcome == "accepted"
    mixed = Push()
    mixed.company = push.company.upper()
    assert proxy.send(mixed.event(), fresh()).outcome == "accepted"
    assert proxy.send(Push().event(), fresh()).outcome == "parked"


def test_no_company_no_bucket(make):
    """A message without a company falls into no bucket of a share, and gets the default variant. (fault 4.6)"""
    proxy = make(flags=targeted({"fractional": [["on", 100], ["off", 0]]})).start()
    assert proxy.send(Push().event(), fresh()).outcome == "accepted"
    without = Push()
    without.company = ""
    assert proxy.send(without.event(), fresh()).outcome == "parked"


# --- mistakes that nobody tells

def test_names_that_nothing_answers_to(make):
    """`check`, `flags show` and the log name a flag almost like ours, a variable that messages lack and a variant that
    the flag lacks, with line, column and the nearest right one. (fault 6.1)"""
    text = """{"flags": {
  "new-cosumer": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on"},
  "new-consumer": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
    "targeting": {"if": [{"==": [{"var": "company"}, "a"]},
      "onn", "off"]}}}}"""
    proxy = make(flags=text)
    proxy.write_settings()
    checked = run("check", "--config", proxy.settings_path).stderr.decode()
    shown = run("flags", "show", "--file", proxy.flag_path).stdout.decode()
    proxy.start()
    for output in (checked, shown, proxy.text()):
        for place, name in (("2:3", "new-consumer"), ("4:42", "companyId"), ("5:7", "on")):
            assert any(f"{proxy.flag_path}:{place}" in line and f'is it "{name}"?' in line
                       for line in output.splitlines()), f"{place} in\n{output}"


def test_evaluation_that_fails(make):
    """Evaluations that fail are logged, some of them, counted all, and shown by /api/flags. (fault 6.1)"""
    proxy = make(flags=targeted({"cat": ["o", "nn"]})).start()
    for _ in range(60):
        assert proxy.send(Push().event(), fresh()).outcome == "parked"
    line = proxy.wait_for_log("flag could not be evaluated")
    assert "error" in line and "flag=new-consumer" in line and "error=GENERAL" in line and "value=off" in line
    assert proxy.metric("hookshift_flag_evaluation_errors_total", flag="new-consumer") >= 60
    assert proxy.metric("hookshift_flag_evaluation_errors_total", flag="legacy-consumer") == 0
    shown = {flag["name"]: flag for flag in proxy.admin("/api/flags").json["flags"]}
    assert shown["new-consumer"]["evaluation_errors"]["count"] >= 60
    assert shown["new-consumer"]["evaluation_errors"]["last"] == "GENERAL"
    assert "evaluation_errors" not in shown["legacy-consumer"]
    assert sum("flag could not be evaluated" in line for line in proxy.log) <= 20
    assert "evaluations failed" in run("flags", "show", "--file", proxy.flag_path, "--admin",
                                       f"http://127.0.0.1:{proxy.admin_port}").stdout.decode()


def test_hangup_says_what_it_read(start):
    """SIGHUP says what was read, also where nothing changed; edited settings are named, without their values, as
    waiting for a restart; a mistake in them is told. (fault 6.4)"""
    proxy = start(log__level="info")
    proxy.process.send_signal(signal.SIGHUP)
    proxy.wait_for_log("flag file read, nothing changed")
    assert str(proxy.settings_path) in proxy.wait_for_log("settings read, nothing changed since the start")
    edited = {**proxy.settings, "retry.schedule": "1s", "admin.token": "quite-secret-token"}
    proxy.settings_path.write_text(json.dumps(nested(edited)))
    proxy.process.send_signal(signal.SIGHUP)
    line = proxy.wait_for_log("needs a restart.*retry.schedule")
    assert "warn" in line
    proxy.wait_for_log("needs a restart.*admin.token")
    assert "quite-secret-token" not in proxy.text()
    assert sum("needs a restart" in line for line in proxy.log) == 2
    proxy.settings_path.write_text('{"listn": 1}')
    proxy.process.send_signal(signal.SIGHUP)
    assert "listen" in proxy.wait_for_log("settings have a mistake")


def test_hangup_and_settings_from_elsewhere(make, tmp_path):
    """What a variable gives does not change with the file; a file that a variable names does. (fault 6.4)"""
    token = tmp_path / "token"
    token.write_text("first-token")
    proxy = make()
    proxy.environment = {"HOOKSHIFT_DRAIN_TIME": "500ms", "HOOKSHIFT_ADMIN_TOKEN_FILE": str(token)}
    proxy.settings["admin.token"] = None
    del proxy.settings["admin.token"]
    proxy.start()
    proxy.settings_path.write_text(json.dumps(nested({**proxy.settings, "drain_time": "9s"})))
    token.write_text("second-token")
    proxy.process.send_signal(signal.SIGHUP)
    proxy.wait_for_log("needs a restart.*admin.token")
    assert not any("needs a restart" in line and "drain_time" in line for line in proxy.log)
