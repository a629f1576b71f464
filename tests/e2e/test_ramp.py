"""The ramp: the new consumer gets more and more, as long as it is well."""

import json
import re
import subprocess
import threading
import time

import pytest

from messages import Push
from proxy import BINARY, environment, flag_file, run
from waiting import wait_until

TOKEN = "of-the-operator"


def arguments(proxy, *more, every="300ms"):
    return ["ramp", "--file", proxy.flag_path, "--every", every, "--admin", f"http://127.0.0.1:{proxy.admin_port}",
            "--token", TOKEN, *more]


def ramp(proxy, *more, **how):
    return run(*arguments(proxy, *more, **how))


def share(proxy):
    """What the flag file says: a percentage."""
    flag = json.loads(proxy.flag_path.read_text())["flags"]["new-consumer"]
    found = re.search(r'"fractional": \[[^\[]*\["on", (\d+)\]', json.dumps(flag))
    return int(found[1]) if found else 100 if flag["defaultVariant"] == "on" else 0


def expanding(make, **settings):
    return make(flags=flag_file(new=False), admin__token=TOKEN, **settings).start()


class Traffic:
    """Occurrences that both generations tell, until it is stopped."""

    def __init__(self, proxy):
        self.proxy, self.stop = proxy, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.wait(0.005):
            push = Push()
            for body in (push.event(), push.rule()):
                self.proxy.send(body)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def test_ramp_to_the_end(make):
    """Step by step to everybody; at the end there is no rule left that decides."""
    proxy = expanding(make)
    done = ramp(proxy, "--steps", "1,50,100")
    assert done.returncode == 0, done.stderr
    told = [int(each) for each in re.findall(r"new-consumer is at (\d+) % now", done.stdout.decode())]
    assert told == [1, 50, 100] and share(proxy) == 100
    assert run("flags", "eval", "--file", proxy.flag_path, "--flag", "new-consumer", "--context",
               '{"targetingKey": "any"}').stdout.startswith(b'{"value":true')
    assert b"already" in ramp(proxy, "--steps", "1,50,100").stdout


def test_ramp_steps_back(make, new, legacy):
    """A consumer that breaks at 25 %: one step back and exit 1; mended, it goes on; each occurrence is handled once."""
    proxy = expanding(make, retry__schedule="20ms,20ms")
    broken, mended = threading.Event(), threading.Event()

    def watch():
        wait_until(lambda: share(proxy) >= 25 or mended.is_set(), "25 %", deadline_s=60)
        new.otherwise = 500
        broken.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    with Traffic(proxy):
        done = ramp(proxy, "--steps", "5,25,100", every="1s")
        watcher.join()
        assert broken.is_set() and done.returncode == 1, done.stdout
        assert "back from 25 % to 5 %" in done.stdout.decode() and share(proxy) == 5
        assert b"failed" in done.stderr or b"died" in done.stderr or b"down" in done.stderr
        new.otherwise = 200
        wait_until(lambda: proxy.admin("/api/status").json["endpoints"]["new"]["up"], "new to be up again")
        done = ramp(proxy, "--steps", "5,25,100", every="600ms", *["--max-errors", "50%"])
        assert done.returncode == 0, (done.stdout, done.stderr)
    assert "new-consumer is at 5 %: watching" in done.stdout.decode() and share(proxy) == 100
    wait_until(lambda: all(each["messages"]["pending"] == 0 for each in
                           proxy.admin("/api/status").json["endpoints"].values()), "all deliveries")
    found = run("audit", "--json", "--admin", f"http://127.0.0.1:{proxy.admin_port}", "--token", TOKEN)
    sums = json.loads(found.stdout)
    assert sums["both"] == 0 and sums["nobody"] == 0 and sums["waiting"] == 0 and sums["once"] > 50


def test_ramp_goes_on_where_it_was(make):
    """Ended in the middle it leaves the share as it is; the next one watches that first."""
    proxy = expanding(make)
    process = subprocess.Popen([BINARY, *map(str, arguments(proxy, "--steps", "10,100", every="1h"))],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    try:
        wait_until(lambda: share(proxy) == 10, "the first step")
    finally:
        process.terminate()
        process.communicate()
    assert share(proxy) == 10
    done = ramp(proxy, "--steps", "10,100")
    assert done.returncode == 0 and b"new-consumer is at 10 %: watching" in done.stdout and share(proxy) == 100


def test_companies_stay(make):
    """Companies that have the new consumer already keep it."""
    proxy = expanding(make)
    assert run("flags", "set", "new-consumer", "on", "--company", "abc", "--file", proxy.flag_path).returncode == 0
    process = subprocess.Popen([BINARY, *map(str, arguments(proxy, "--steps", "1,2", every="1h"))], env=environment(),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_until(lambda: "fractional" in proxy.flag_path.read_text(), "the first step")
    finally:
        process.terminate()
        process.communicate()
    assert '"abc"' in proxy.flag_path.read_text()


def test_somebody_else_has_the_last_word(make):
    """Where the file is changed by hand meanwhile, the ramp ends and leaves it."""
    proxy = expanding(make)
    process = subprocess.Popen([BINARY, *map(str, arguments(proxy, "--steps", "10,100", every="5s"))],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    try:
        wait_until(lambda: share(proxy) == 10, "the first step")
        assert run("flags", "set", "new-consumer", "off", "--file", proxy.flag_path).returncode == 0
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 1 and b"somebody" in errors and share(proxy) == 0


def test_dry_run(make):
    """--dry-run tells the steps and changes nothing."""
    proxy = expanding(make)
    before = proxy.flag_path.read_bytes()
    done = ramp(proxy, "--dry-run", every="30m")
    assert done.returncode == 0 and proxy.flag_path.read_bytes() == before
    assert re.findall(r"set it to (\d+) %", done.stdout.decode()) == ["1", "5", "25", "50", "100"]


def test_nothing_is_changed(make, start):
    """A proxy that does not answer, a rule of somebody's own, a file that is broken: nothing is changed."""
    proxy = expanding(make)
    before = proxy.flag_path.read_bytes()
    done = run("ramp", "--file", proxy.flag_path, "--admin", "http://127.0.0.1:1")
    assert done.returncode == 1 and b"nothing was changed" in done.stderr and proxy.flag_path.read_bytes() == before
    flags = json.loads(before)
    flags["flags"]["new-consumer"]["targeting"] = {"if": [{"==": [{"var": "companyId"}, "a"]}, "on", "off"]}
    for text in (json.dumps(flags), "{", '{"flags": {}}{'):
        own = proxy.folder / "own.json"
        own.write_text(text)
        done = run(*arguments(proxy)[:2], own, *arguments(proxy)[3:])
        assert done.returncode == 2 and own.read_text() == text and done.stderr


@pytest.mark.parametrize("wrong", [["--steps", "5,1"], ["--steps", "0,5"], ["--steps", "101"], ["--steps", "a"],
                                   ["--steps", ""], ["--every", "soon"], ["--every", "0s"], ["--max-errors", "many"],
                                   ["--max-errors", "-1"], ["now"], ["--file"]])
def test_wrong_usage(make, wrong):
    """What cannot be meant exits 2."""
    done = run("ramp", "--file", "flags.json", *wrong)
    assert done.returncode == 2 and done.stderr and not done.stdout


def test_file_is_missing():
    """Without a file there is nothing to do."""
    assert run("ramp").returncode == 2
