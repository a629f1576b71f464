"""`hookshift flags`: looking at, switching and evaluating flags."""

import json
import os
import subprocess

import pytest

from messages import Push
from proxy import BINARY, environment, flag_file, run
from waiting import wait_until

RULE = {"if": [{"==": [{"var": "companyId"}, "a"]}, "on", None]}
TARGETED = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off", "targeting": RULE}
STATIC = {name: value for name, value in TARGETED.items() if name != "targeting"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "flags.json"


def evaluate(path, flag, *options):
    done = run("flags", "eval", "--file", path, "--flag", flag, *options)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_eval(path):
    """eval prints the outcome as one JSON object, absent members left out."""
    path.write_text(json.dumps({"flags": {"f": TARGETED}, "metadata": {"owner": "billing"}}))
    metadata = {"metadata": {"owner": "billing"}}
    assert evaluate(path, "f", "--context", '{"companyId": "a"}') == \
        {"value": True, "variant": "on", "reason": "TARGETING_MATCH"} | metadata
    assert evaluate(path, "f", "--type", "boolean") == {"value": False, "variant": "off", "reason": "DEFAULT"} | metadata
    assert evaluate(path, "f", "--type", "string", "--default", '"x"') == \
        {"value": "x", "reason": "ERROR", "errorCode": "TYPE_MISMATCH"} | metadata
    assert evaluate(path, "g") == {"reason": "ERROR", "errorCode": "FLAG_NOT_FOUND"} | metadata


@pytest.mark.parametrize("options", [["--type", "bool"], ["--context", "{"], ["--context", "[]"], ["--default", "on"], ["more"]])
def test_eval_wrong_usage(path, options):
    """What is no type, no object or no JSON is wrong usage."""
    path.write_text(flag_file())
    done = run("flags", "eval", "--file", path, "--flag", "f", *options)
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize("text", [None, "", '{"flags": {"f": {"state": "ON"}}}'])
def test_no_flag_file(path, text):
    """A file that is missing or refused: exit 2, and where it is wrong."""
    if text is not None:
        path.write_text(text)
    for arguments in (["eval", "--flag", "f"], ["show"]):
        done = run("flags", *arguments, "--file", path)
        assert done.returncode == 2
        assert str(path).encode() in done.stderr + done.stdout


def test_vectors(path):
    """A file of JsonLogic cases is run; those that fail are printed."""
    path.write_text(json.dumps(["a comment", [{"+": [1, 2]}, {}, 3], [{"var": "a"}, {"a": 1}, 1]]))
    done = run("flags", "eval", "--vectors", path)
    assert (done.returncode, done.stdout) == (0, b"2 passed, 0 failed\n")
    path.write_text(json.dumps([[{"+": [1, 2]}, {}, 4]]))
    done = run("flags", "eval", "--vectors", path)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == b"0 passed, 1 failed"


def test_show(path):
    """show lists flags and every problem with its place: exit 0 for warnings, 1 where a flag is broken."""
    path.write_text('{"flags": {\n"new-consumer": ' + json.dumps(TARGETED) + ',\n"odd": {"state": "DISABLED"}}}')
    done = run("flags", "show", "--file", path)
    assert done.returncode == 0
    assert f"{path}:3:8: warning: odd: the flag has no variants" in done.stdout.decode()
    path.write_text('{"flags": {\n"odd": {"state": "ENABLED", "variants": {"a": 1}, "targeting": {"huh": 1}}}}')
    done = run("flags", "show", "--json", "--file", path)
    assert done.returncode == 1
    shown = json.loads(done.stdout)
    assert (shown["flags"][0]["key"], shown["flags"][0]["broken"]) == ("odd", True)
    assert {"severity": "broken", "line": 2, "column": 64, "flag": "odd", "what": 'unknown operator "huh"'} in shown["problems"]


def test_set(path):
    """set changes the default and nothing else, and can be undone."""
    text = "// ours\n" + flag_file(legacy=True, new=False) + "\n"
    path.write_text(text)
    assert run("flags", "set", "legacy-consumer", "off", "--file", path).returncode == 0
    assert evaluate(path, "legacy-consumer")["value"] is False
    assert path.read_text() != text
    assert run("flags", "set", "legacy-consumer", "on", "--file", path).returncode == 0
    assert path.read_text() == text


def test_set_against_a_rule(path):
    """Where a rule decides before the default does, set refuses; --force changes the default and leaves the rule."""
    text = json.dumps({"flags": {"new-consumer": TARGETED}})
    path.write_text(text)
    done = run("flags", "set", "new-consumer", "on", "--file", path)
    assert done.returncode == 1
    assert b"targeting" in done.stderr
    assert path.read_text() == text
    assert run("flags", "set", "new-consumer", "on", "--force", "--file", path).returncode == 0
    assert json.loads(path.read_text()) == {"flags": {"new-consumer": TARGETED | {"defaultVariant": "on"}}}


def test_set_through_a_link(path, tmp_path):
    """A symbolic link stays one; the file it leads to is switched, with its permissions."""
    real = tmp_path / "real.json"
    real.write_text(flag_file(new=False))
    real.chmod(0o640)
    path.symlink_to("real.json")
    assert run("flags", "set", "new-consumer", "on", "--file", path).returncode == 0
    assert path.is_symlink() and evaluate(real, "new-consumer")["value"] is True
    assert os.stat(real).st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["flags.json", "real.json"]


def test_set_at_once(path):
    """Many at once lose no change."""
    path.write_text('{"flags": {}}')
    names = ["legacy-consumer", "new-consumer", "new-consumer-shadow"]
    running = [subprocess.Popen([BINARY, "flags", "set", name, "on", "--file", path], env=environment(),
                                stdout=subprocess.DEVNULL) for name in names * 5]
    assert [process.wait(60) for process in running] == [0] * len(running)
    assert {name: evaluate(path, name)["value"] for name in names} == dict.fromkeys(names, True)


@pytest.mark.parametrize("arguments", [["set", "legacy-consumer", "on"], ["set", "legacy-consumer", "--file", "x"],
                                       ["set", "other", "on", "--file", "x"], ["set", "legacy-consumer", "true", "--file", "x"],
                                       ["show"], ["eval", "--file", "x"], ["frobnicate"], []])
def test_wrong_usage(arguments):
    """Wrong usage exits 2 and says so."""
    done = run("flags", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"usage: hookshift flags" in done.stderr


def test_legacy_off_before_parity(start, path):
    """With --admin, show and check warn where legacy is off while the proxy there does not call parity ready."""
    proxy = start()
    admin = f"http://127.0.0.1:{proxy.admin_port}"
    path.write_text(flag_file(legacy=True))
    assert b"parity" not in run("flags", "show", "--file", path, "--admin", admin).stdout
    path.write_text(flag_file(legacy=False))
    done = run("flags", "show", "--file", path, "--admin", admin)
    assert done.returncode == 0
    assert b"warning: legacy-consumer: legacy is switched off though parity is no-data" in done.stdout
    done = run("check", "--config", proxy.settings_path, "--set", f"flags.file={path}", "--admin", admin)
    assert done.returncode == 0
    assert b"legacy is switched off though parity is no-data" in done.stderr
    done = run("flags", "show", "--file", path, "--admin", "http://127.0.0.1:1")
    assert done.returncode == 1
    assert b"parity is unknown" in done.stderr


def test_set_for_some(path):
    """(fault 1.6) A share and companies: the rule is written, told, replaced, and taken away by a switch for everybody."""
    path.write_text(flag_file(new=False))
    done = run("flags", "set", "new-consumer", "on", "--percent", "25", "--file", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"new-consumer is on for 25 % of all companies, off for all others, in {path}\n".encode()
    def is_on(company):
        return evaluate(path, "new-consumer", "--context", json.dumps({"targetingKey": company}))["value"]
    assert 5 <= sum(is_on(f"company {number}") for number in range(60)) <= 28
    assert run("flags", "set", "new-consumer", "on", "--company", "a", "--company", "b,c", "--file", path).returncode == 0
    for company, on in (("a", True), ("B", True), ("c", True), ("d", False)):
        context = json.dumps({"targetingKey": company, "companyId": company})
        assert evaluate(path, "new-consumer", "--context", context)["value"] is on
    done = run("flags", "set", "legacy-consumer", "off", "--company", "a", "d", "--file", path)
    assert done.returncode == 0 and b"both consumers may be off for one message" in done.stderr
    assert b'company "d"' in done.stderr
    assert b"nobody was asked" in done.stderr
    done = run("flags", "show", "--file", path)
    assert b"both consumers may be off for one message" in done.stdout
    assert run("flags", "set", "new-consumer", "on", "--file", path).returncode == 0
    assert evaluate(path, "new-consumer")["value"] is True
    assert b"both consumers may be off" not in run("flags", "show", "--file", path).stdout


@pytest.mark.parametrize("arguments", [["--percent", "101"], ["--percent", "x"], ["--percent", "-1"], ["--company", ","],
                                       ["more"], ["--if-ready"]])
def test_set_for_some_wrong_usage(path, arguments):
    """What is no share and no company is refused before anything is written."""
    path.write_text(flag_file(new=False))
    done = run("flags", "set", "new-consumer", "on", "--file", path, *arguments)
    assert done.returncode == 2 and path.read_text() == flag_file(new=False)


def test_targeting_by_data_type(path, make):
    """(fault 1.4) A rule that reads dataType is refused by every command and at start."""
    rule = {"if": [{"==": [{"var": "dataType"}, "invoices"]}, "on", "off"]}
    path.write_text(json.dumps({"flags": {"new-consumer": TARGETED | {"targeting": rule}}}, indent=1))
    for arguments in (["flags", "show"], ["flags", "set", "new-consumer", "on", "--force"]):
        done = run(*arguments, "--file", path)
        assert done.returncode != 0 and b"must not read dataType" in done.stdout + done.stderr
    proxy = make(flags=path.read_text())
    proxy.write_settings()
    done = run("check", "--config", proxy.settings_path)
    assert done.returncode == 2 and b"must not read dataType" in done.stderr
    assert b"flags.json:" in done.stderr


def test_set_asks_the_verdict(start):
    """(fault 1.6) --if-ready refuses with the reasons of the verdict and writes nothing; without it there is a warning."""
    proxy, push = start(pairing__window="2s"), Push()
    admin = f"http://127.0.0.1:{proxy.admin_port}"
    switch = ["flags", "set", "legacy-consumer", "off", "--file", proxy.flag_path]
    before = proxy.flag_path.read_text()
    proxy.send(push.rule())
    done = run(*switch, "--if-ready", "--admin", admin)
    assert done.returncode == 1 and done.stdout == b"" and proxy.flag_path.read_text() == before
    assert b"nothing was switched: parity is not-ready" in done.stderr
    assert b"1 alert is younger than the window, ask again at" in done.stderr
    assert run(*switch, "--if-ready", "--admin", "http://127.0.0.1:1").returncode == 1
    assert proxy.flag_path.read_text() == before
    proxy.send(push.event())
    wait_until(lambda: run("parity", "--admin", admin).returncode == 0, "parity to be ready")
    done = run(*switch, "--if-ready", "--admin", admin)
    assert done.returncode == 0 and b"warning" not in done.stderr, done.stderr
    assert evaluate(proxy.flag_path, "legacy-consumer")["value"] is False
    proxy.send(Push().rule())
    done = run(*switch, "--admin", admin)
    assert done.returncode == 0 and b"warning: legacy is switched off though parity is not-ready" in done.stderr
