"""The migration at a glance, and what the program says of itself: help, completion, the schema of its settings."""

import json
import os
import re
import shutil
import subprocess

import pytest

from messages import Push, Read
from proxy import BINARY, environment, flag_file, nested, run
from test_find import in_terminal
from waiting import wait_until

TOKEN = "of-the-operator"


def where(proxy):
    return ["--admin", f"http://127.0.0.1:{proxy.admin_port}", "--token", TOKEN]


def commands():
    text = run("help").stdout.decode()
    return re.findall(r"^  (\w+) ", text, re.MULTILINE)


# --- status

@pytest.mark.parametrize("legacy_on, new_on, stage", [(True, False, "expand"), (True, True, "both"),
                                                      (False, True, "contract"), (False, False, "neither")])
def test_stage(make, legacy_on, new_on, stage):
    """The stage follows from the flags."""
    proxy = make(flags=flag_file(legacy=legacy_on, new=new_on), admin__token=TOKEN).start()
    done = run("status", "--json", *where(proxy))
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["stage"] == stage
    assert [flag["on"] for flag in told["flags"]][:2] == [legacy_on, new_on]
    assert told["verdict"] in ("no-data", "not-ready", "ready") and isinstance(told["reasons"], list)
    assert stage in run("status", *where(proxy)).stdout.decode().lower()


def test_targeting_is_both(make):
    """Where rules decide message by message, the stage is both, in part."""
    flags = json.loads(flag_file(new=False))
    flags["flags"]["new-consumer"]["targeting"] = {"if": [{"==": [{"var": "companyId"}, "a"]}, "on", "off"]}
    proxy = make(flags=json.dumps(flags), admin__token=TOKEN).start()
    text = run("status", *where(proxy)).stdout.decode()
    assert "both, in part" in text and "by rules" in text


def test_status_tells_what_there_is(make, store, legacy):
    """Verdict with reasons, flow, backlog with age, consumers, store and disk."""
    proxy = make(store=store, admin__token=TOKEN, retry__schedule="1h").start()
    legacy.otherwise = 500
    for _ in range(3):
        proxy.send(Push().rule())
    proxy.send(Push().event())
    wait_until(lambda: json.loads(run("status", "--json", *where(proxy)).stdout)["flow"]["legacy_failed"] == 3,
               "the failed attempts")
    told = json.loads(run("status", "--json", *where(proxy)).stdout)
    assert told["flow"]["rules"] == 3 and told["flow"]["events"] == 1 and told["flow"]["new_delivered"] == 1
    assert told["endpoints"]["legacy"]["messages"]["pending"] == 3
    text = run("status", *where(proxy)).stdout.decode()
    assert "pending 3 (oldest" in text and "\x1b" not in text
    if store == "sqlite":
        size = told["store"]["file_bytes"] + told["store"]["log_bytes"]
        assert size >= proxy.store_path.stat().st_size
        disk = shutil.disk_usage(proxy.folder)
        assert told["store"]["disk_bytes"] == disk.total
        assert proxy.metric("hookshift_store_bytes") > 0
        assert proxy.metric("hookshift_store_disk_bytes") == disk.total
        assert str(proxy.store_path) in text
    else:
        assert "in memory" in text and "file_bytes" not in told["store"]


def test_each_host_of_a_consumer(start, new):
    """Where types go to several hosts, each is told with its own health."""
    proxy = start(admin__token=TOKEN, endpoints__new__routes={"read.completed": "http://127.0.0.1:1/reads"},
                  retry__schedule="1h")
    for _ in range(12):
        proxy.send(Read().event())
    wait_until(lambda: any(not each["up"] for each in
                           proxy.admin("/api/status").json["endpoints"]["new"].get("origins", [])), "a host to be down")
    lines = [line for line in run("status", *where(proxy)).stdout.decode().splitlines() if "of it" in line]
    assert any("http://127.0.0.1:1 " in line and "DOWN" in line for line in lines), lines
    assert any(new.url.rstrip("/") in line and " up " in line for line in lines), lines


@pytest.mark.parametrize("columns", [40, 80])
def test_status_fits(start, columns):
    """Nothing is wider than the terminal."""
    proxy = start(admin__token=TOKEN)
    proxy.send(Read().rule())
    text = in_terminal(columns, "status", *where(proxy))
    assert max(map(len, text.splitlines())) <= columns, text
    piped = run("status", *where(proxy)).stdout.decode()
    assert max(map(len, piped.splitlines())) > 0 and "…" not in piped


def test_watch(start):
    """--watch tells again and again, also of a proxy that does not answer for a while."""
    proxy = start(admin__token=TOKEN)
    process = subprocess.Popen([BINARY, "status", "--watch", *where(proxy)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=environment(), text=True)
    try:
        assert next(line for line in process.stdout if line.startswith("Stage"))
        proxy.settings["admin.listen"] = f"127.0.0.1:{proxy.admin_port}"
        proxy.kill()
        assert next(line for line in process.stdout if "no answer" in line)
        proxy.start()
        assert next(line for line in process.stdout if line.startswith("Stage"))
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def test_status_of_nobody():
    """A proxy that is not there is a failure."""
    done = run("status", "--admin", "http://127.0.0.1:1")
    assert done.returncode == 1 and b"http://127.0.0.1:1" in done.stderr


# --- help

@pytest.mark.parametrize("command", ["", *commands()])
def test_help_fits(command):
    """Help is at most 80 columns wide, and names each option that completion offers."""
    text = run("help", *([command] if command else [])).stdout.decode()
    assert max(map(len, text.splitlines())) <= 80, text


# --- completion

def complete(*words):
    """What bash would offer for the last word."""
    script = 'source <("$0" completion bash); COMP_WORDS=(hookshift "$@"); COMP_CWORD=$#; _hookshift; echo "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script, BINARY, *words], capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.split()


def test_completion_in_bash(tmp_path):
    """Commands, subcommands, options, their values, settings and files."""
    assert set(complete("")) == set(commands())
    assert complete("par") == ["parity"]
    assert complete("messages", "re") == ["replay"]
    assert complete("messages", "--unp") == ["--unpaired"]
    assert complete("messages", "--format", "") == ["table", "jsonl", "csv"]
    assert complete("messages", "--generation", "e") == ["event"]
    assert complete("completion", "") and {"bash", "zsh", "fish"} <= set(complete("completion", ""))
    assert complete("settings", "pairing.w") == ["pairing.window"]
    assert "pairing.window=" in complete("serve", "--set", "pairing.")
    assert complete("help", "aud") == ["audit"]
    (tmp_path / "settings.json").touch()
    assert complete("serve", "--config", f"{tmp_path}/set") == [f"{tmp_path}/settings.json"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_elsewhere(shell):
    """The other shells get the same words; where the shell is here, it can read them."""
    text = run("completion", shell).stdout.decode()
    for word in ("messages", "jsonl", "pairing.window", "replay"):
        assert word in text
    assert "unpaired" in text
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=text.encode(), check=True)


@pytest.mark.parametrize("arguments", [[], ["csh"], ["bash", "zsh"]])
def test_completion_of_no_shell(arguments):
    """Another shell is wrong usage."""
    done = run("completion", *arguments)
    assert done.returncode == 2 and not done.stdout


# --- settings

def test_settings_of_a_key():
    """One setting, or those below a name; a mistake gets the nearest name."""
    assert [each["name"] for each in json.loads(run("settings", "pairing.window", "--json").stdout)] == ["pairing.window"]
    below = [each["name"] for each in json.loads(run("settings", "endpoints.new", "--json").stdout)]
    assert "endpoints.new.url" in below and all(name.startswith("endpoints.new.") for name in below)
    done = run("settings", "pairing.windo")
    assert done.returncode == 2 and b'did you mean "pairing.window"' in done.stderr
    assert run("settings", "a", "b").returncode == run("settings", "--schema", "--json").returncode == 2


def fits(schema, value, root):
    """JSON Schema, as far as the program uses it."""
    if "$ref" in schema:
        return fits(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, root)
    types = {"string": str, "object": dict, "array": list, "boolean": bool, "integer": int}
    return all([
        "anyOf" not in schema or any(fits(each, value, root) for each in schema["anyOf"]),
        "type" not in schema or isinstance(value, types[schema["type"]]),
        "enum" not in schema or value in schema["enum"],
        "const" not in schema or value == schema["const"],
        "minimum" not in schema or not isinstance(value, int) or schema["minimum"] <= value <= schema["maximum"],
        "pattern" not in schema or not isinstance(value, str) or re.search(schema["pattern"], value) is not None,
        "items" not in schema or not isinstance(value, list) or all(fits(schema["items"], each, root) for each in value),
        not isinstance(value, dict) or all(
            fits(schema["properties"][name], each, root) if name in schema.get("properties", {})
            else schema.get("additionalProperties", True) is not False
            and (schema.get("additionalProperties", True) is True
                 or fits(schema["additionalProperties"], each, root)) for name, each in value.items()),
    ])


def test_schema_of_the_settings():
    """The schema takes what the program takes, and refuses what it refuses."""
    schema = json.loads(run("settings", "--schema").stdout)
    good = {"listen": "127.0.0.1:1", "admin.listen": "127.0.0.1:2", "workers": 2, "retry.schedule": ["20ms", "1h"],
            "endpoints.legacy.url": "http://a", "endpoints.new.headers": {"X-A": "b"}, "limits.body": "1MiB",
            "assign": {"SyncStarted": "new"}, "pairing.hold": "0", "store.sync": "normal", "parity.ignore": "a,b"}
    assert fits(schema, good, schema) and fits(schema, nested(good), schema)
    assert fits(schema, {"listen": {"address": "127.0.0.1:1", "tls": {"cert": "a"}}}, schema)
    for wrong in ({"worker": 1}, {"workers": "many"}, {"workers": -1}, {"pairing": {"windw": "1s"}}, {"store.sync": "no"},
                  {"pairing": {"window": "10 minutes"}}, {"assign": {"SyncStarted": "old"}}, {"limits": {"body": "1MB"}}):
        assert not fits(schema, wrong, schema), wrong
    with open(os.path.join(os.path.dirname(__file__), "../../deploy/settings.example.json"), encoding="utf-8") as file:
        text = re.sub(r"(?m)(^|\s)//.*$", "", re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL))
    assert fits(schema, json.loads(text), schema)
    names = {each["name"] for each in json.loads(run("settings", "--json").stdout)}
    assert set(schema["$defs"]) == names
