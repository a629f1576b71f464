"""The command line: what each command prints, and its exit status."""

import http.client
import json
import re
import signal
import subprocess

import pytest

from messages import REPLACED, Read, encode, event, fresh
from proxy import BINARY, environment, run
from signatures import SECRET, signature, signed


def test_version():
    """version prints one line and exits 0."""
    done = run("version")
    assert (done.returncode, done.stderr) == (0, b"")
    assert re.fullmatch(rb"hookshift \d+\.\d+\.\d+\n", done.stdout)


def test_json_for_programs(tmp_path):
    """What a command prints for people it prints for programs with --json; what is JSON anyway stays as it is."""
    version = json.loads(run("version", "--json").stdout)["version"]
    assert run("version").stdout == f"hookshift {version}\n".encode()
    flags, body = tmp_path / "flags.json", tmp_path / "body.json"
    body.write_bytes(encode(Read().event()))
    assert run("classify", "--json", body).stdout == run("classify", body).stdout
    flags.write_text('{"flags": {"f": {"state": "ENABLED", "variants": {"a": 1}, "defaultVariant": "a"}}}')
    asked = ["flags", "eval", "--file", flags, "--flag", "f"]
    assert run(*asked, "--json").stdout == run(*asked).stdout

    good = ["--set", f"flags.file={flags}", "--set", "endpoints.legacy.url=http://a", "--set", "endpoints.new.url=http://b"]
    done = run("check", "--json", *good)
    assert done.returncode == 0 and json.loads(done.stdout)["good"] is True
    done = run("check", "--json", *good, "--set", "worker=1", "--set", 'assign={"Data sync completed": "new"}')
    report = json.loads(done.stdout)
    assert (done.returncode, report["good"], done.stderr) == (2, False, b"")
    assert '"workers"' in report["problems"][0] and "DataSyncCompleted" in report["problems"][1]


@pytest.mark.parametrize("arguments", [["frobnicate"], ["version", "--nonsense"], ["sink", "--status", "17"], ["sign"],
                                       ["serve", "--set", "no-equals-sign"], ["serve", "--config"]])
def test_wrong_usage(arguments):
    """Wrong usage exits 2 and says so on standard error."""
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr and not done.stdout


@pytest.mark.parametrize("command", ["", "classify", "sink", "sign", "verify", "serve", "check", "settings"])
def test_help(command):
    """help tells what there is, and what a command does; --help of a command is the same."""
    done = run("help", *([command] if command else []))
    assert done.returncode == 0
    assert b"usage: hookshift" in done.stdout
    if command:
        assert run(command, "--help").stdout == done.stdout


# --- classify

def classify(*bodies):
    done = run("classify", "-", stdin=bodies[0]) if len(bodies) == 1 else run("classify", *bodies)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", REPLACED)
def test_classify_pairs(name):
    """A rule and its event share a fact. (pairing 1.6)"""
    occurrence = REPLACED[name]()
    _, [rule] = classify(encode(occurrence.rule()))
    _, [event_] = classify(encode(occurrence.event()))
    assert (rule["generation"], event_["generation"]) == ("rule", "event")
    assert rule["type"] == name.split(" ")[0]
    assert set(rule["items"][0]) & set(event_["items"][0])


def test_classify_items():
    """A read.completed has an item for each data type; everything else has one. (pairing 1.8)"""
    _, [many] = classify(encode(Read(data_types=["invoices", "bills", "payments"]).event()))
    assert len(many["items"]) == 3
    _, [unknown] = classify(b'{"hello": "world"}')
    assert unknown["generation"] == "unknown"
    _, [open_set] = classify(encode(event("entirely.new", {})))
    assert (open_set["generation"], open_set["type"]) == ("event", "entirely.new")


def test_classify_files(tmp_path):
    """One line for each file, in order; what is not JSON is told on standard error and makes the exit status 1."""
    for name, body in (("a", Read().event()), ("b", Read().rule())):
        (tmp_path / name).write_bytes(encode(body))
    done, lines = classify(tmp_path / "a", tmp_path / "b")
    assert done.returncode == 0
    assert [line["generation"] for line in lines] == ["event", "rule"]
    (tmp_path / "c").write_bytes(b"{")
    done, lines = classify(tmp_path / "c", tmp_path / "b")
    assert done.returncode == 1
    assert str(tmp_path / "c") in done.stderr.decode()


# --- sign and verify

def test_sign():
    """sign prints the three headers of Standard Webhooks for a body."""
    body = b'{"a": 1}'
    done = run("sign", "--secret", SECRET, "--id", "msg_1", "--timestamp", "1700000000", stdin=body)
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert lines == ["webhook-id: msg_1", "webhook-timestamp: 1700000000",
                     f"webhook-signature: {signature(SECRET, 'msg_1', 1700000000, body)}"]


def test_verify():
    """verify says ok to a good signature and exits 1 for any other."""
    body = b'{"a": 1}'
    headers = []
    for name, value in signed(SECRET, "msg_1", body).items():
        headers += ["--header", f"{name}: {value}"]
    assert run("verify", "--secret", SECRET, *headers, stdin=body).returncode == 0
    assert run("verify", "--secret", SECRET, *headers, stdin=body + b" ").returncode == 1
    assert run("verify", "--secret", SECRET, *headers[:2], stdin=body).returncode == 1


# --- sink

class Sink:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([BINARY, "sink", "--listen", "127.0.0.1:0", *arguments], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment())
        self.port = int(re.search(rb":(\d+)\s*$", self.process.stderr.readline())[1])

    def post(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", "/in", body, {"webhook-id": "msg_1"})
        status = connection.getresponse().status
        connection.close()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, err
        self.lines = [json.loads(line) for line in out.splitlines()]


def test_sink():
    """sink answers and prints what it receives, one JSON line each."""
    bodies = [Read().rule(), Read().event(), {"id": fresh()}]
    with Sink() as sink:
        assert [sink.post(encode(body)) for body in bodies] == [200] * 3
    assert len(sink.lines) == 3
    for line, body in zip(sink.lines, bodies):
        text = json.dumps(line)
        assert "msg_1" in text and (body.get("AlertId") or body["id"]) in text


def test_sink_answers_as_told():
    """--status is what it answers, after the first --fail-first."""
    with Sink("--status", "204", "--fail-first", "2") as sink:
        assert [sink.post(b"{}") for _ in range(4)] == [503, 503, 204, 204]
