"""The store's file: copied while it is in use, checked, and rescued."""

import contextlib
import ctypes
import json
import os
import random
import shutil
import sqlite3
import threading

import pytest

from messages import Push, Read
from proxy import run
from waiting import wait_until

TOKEN = "of-the-operator"


def backup(proxy, target, *more):
    return run("store", "backup", target, "--admin", f"http://127.0.0.1:{proxy.admin_port}", "--token", TOKEN, *more)


def restored(make, path, **settings):
    """A proxy on a copy of the store."""
    proxy = make(admin__token=TOKEN, **settings)
    shutil.copy(path, proxy.store_path)
    return proxy.start()


def settled(proxy):
    return all(each["messages"]["pending"] == 0 for each in proxy.admin("/api/status").json["endpoints"].values())


# --- backup

def test_backup_under_load(make, tmp_path):
    """A copy made while messages come in holds all that was answered before it began, twins and bodies included."""
    proxy = make(admin__token=TOKEN).start()
    before, stop = [], threading.Event()

    def load():
        while not stop.is_set():
            push = Push()
            proxy.send(push.rule())
            proxy.send(push.event())

    for _ in range(400):
        push = Push()
        before += [proxy.send(push.rule()).id, proxy.send(push.event()).id]
    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        copy = tmp_path / "copy.db"
        done = backup(proxy, copy, "--json")
        assert done.returncode == 0, done.stderr
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert json.loads(done.stdout)["bytes"] == copy.stat().st_size
    assert copy.stat().st_mode & 0o777 == 0o600 and not list(tmp_path.glob("*.partial"))
    assert run("store", "check", copy).returncode == 0
    again = restored(make, copy)
    wait_until(lambda: settled(again), "what was pending in the copy")
    for each in random.sample(before, 50):
        message = again.message(each)
        assert message["state"] in ("delivered", "suppressed") and "body" in message and message["twins"]
    found = again.admin("/api/audit?limit=5000").json
    assert set(before) <= {each["id"] for entry in found["occurrences"] for each in entry["messages"]}


def test_backup_replaces_nothing_unasked(start, tmp_path):
    """An existing file, the store itself, a folder, a place that is none: a clear answer, and nothing is changed."""
    proxy = start(admin__token=TOKEN)
    proxy.send(Push().rule())
    taken = tmp_path / "taken"
    taken.write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(proxy.store_path)
    for target, more, words in ((taken, [], "exists"), (proxy.store_path, ["--force"], "store itself"),
                                (link, ["--force"], "store itself"), (f"{proxy.store_path}-wal", ["--force"], "store itself"),
                                (tmp_path, ["--force"], "not a file"), (tmp_path / "no" / "where", [], "No such file"),
                                ("/proc/copy", [], "copy")):
        done = backup(proxy, target, *more)
        assert done.returncode == 1 and words in done.stderr.decode(), (target, done.stderr)
    assert taken.read_text() == "mine"
    assert backup(proxy, taken, "--force").returncode == 0
    assert run("store", "check", taken).returncode == 0
    assert proxy.send(Push().rule()).status == 202


@contextlib.contextmanager
def small_disk(path, size):
    """A file system of so many bytes."""
    libc = ctypes.CDLL(None, use_errno=True)
    path.mkdir()
    if libc.mount(b"small", str(path).encode(), b"tmpfs", 0, f"size={size}".encode()) != 0:
        raise OSError(ctypes.get_errno(), "mounting a small file system, which this test needs")
    try:
        yield path
    finally:
        libc.umount2(str(path).encode(), 2)


def test_backup_onto_a_full_disk(start, tmp_path):
    """A full disk is named, leaves nothing behind, and the store goes on; salvage likewise."""
    proxy = start(admin__token=TOKEN)
    for _ in range(50):
        proxy.send(Push().rule())
    with small_disk(tmp_path / "small", 65536) as disk:
        done = backup(proxy, disk / "copy.db")
        assert done.returncode == 1 and b"disk full" in done.stderr and b"copy.db" in done.stderr
        assert not list(disk.iterdir())
        assert proxy.send(Push().rule()).status == 202
        proxy.terminate()
        done = run("store", "salvage", proxy.store_path, disk / "new.db")
        assert done.returncode == 1 and not list(disk.iterdir())


def test_backup_needs_a_token_and_a_file(start):
    """Without the token nothing is written; a store in memory has no file."""
    proxy = start(admin__token=TOKEN)
    target = proxy.folder / "copy.db"
    done = run("store", "backup", target, "--admin", f"http://127.0.0.1:{proxy.admin_port}")
    assert done.returncode == 1 and not target.exists()
    memory = start(store="memory", admin__token=TOKEN)
    done = backup(memory, target)
    assert done.returncode == 1 and b"in memory" in done.stderr and not target.exists()
    for path in ("", "copy.db", "/tmp/%00", "/tmp/"):
        assert proxy.admin(f"/api/store/backup?path={path}", "POST").status == 400


# --- check

def test_check(start, tmp_path):
    """A good store is good; one in use is not touched; what is none is named."""
    proxy = start(admin__token=TOKEN)
    for _ in range(20):
        push = Push()
        proxy.send(push.rule())
        proxy.send(push.event())
    wait_until(lambda: settled(proxy), "all deliveries")
    done = run("store", "check", proxy.store_path)
    assert done.returncode == 1 and b"in use" in done.stderr and b"backup" in done.stderr
    proxy.terminate()
    done = run("store", "check", "--config", proxy.settings_path, "--json")
    assert done.returncode == 0 and json.loads(done.stdout) == {"good": True, "messages": 40, "damaged": 0, "problems": 0}
    assert run("store", "check", f"sqlite:{proxy.store_path}").returncode == 0
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE t (a)")
    (tmp_path / "text").write_text("no database at all" * 1000)
    for path, words in ((other, "another program"), (tmp_path / "text", "damaged"), (tmp_path / "nothing", "no file")):
        done = run("store", "check", path)
        assert done.returncode == 1 and words in done.stderr.decode(), done.stderr
    assert not (tmp_path / "nothing").exists()


def pages_of(path, table):
    """Page numbers of a table's leaves, or of its inner pages."""
    with open(path, "rb") as file:
        data = file.read()
    return [number for number in range(1, len(data) // 4096) if data[number * 4096] == table]


def overwrite(path, pages, chance):
    with open(path, "r+b") as file:
        for page in pages:
            file.seek(page * 4096)
            file.write(chance.randbytes(4096))


def filled(make, count=600):
    """A stopped proxy with that many pairs in its store; their ids."""
    proxy = make(admin__token=TOKEN).start()
    ids = []
    for number in range(count):
        if number % 3 == 0:
            read = Read(data_types=["invoices", "bills"])
            ids += [proxy.send(read.rule()).id, proxy.send(read.event()).id]
        else:
            push = Push()
            ids += [proxy.send(push.rule()).id, proxy.send(push.event()).id]
    wait_until(lambda: settled(proxy), "all deliveries")
    proxy.terminate()
    return proxy, ids


def test_salvage_of_a_good_store(make, tmp_path):
    """Of a store that is whole everything is saved: messages, bodies, twins and steps; the old one stays as it was."""
    proxy, ids = filled(make, 100)
    before = proxy.store_path.read_bytes()
    new = tmp_path / "new.db"
    done = run("store", "salvage", proxy.store_path, new, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["messages"] == len(ids) and told["without_body"] == 0 and told["twins"] >= 100 and told["steps"] >= 100
    assert proxy.store_path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("new")) == ["new.db"]
    assert run("store", "check", new).returncode == 0
    proxy.start()
    old = {each: proxy.message(each) for each in ids}
    saved = restored(make, new)
    for each in ids:
        message = saved.message(each)
        for member in ("state", "type", "body", "headers", "twins", "attempts", "items", "identity"):
            assert message.get(member) == old[each].get(member), member
    assert saved.send(json.loads(old[ids[0]]["body"])).outcome in ("duplicate", "accepted", "suppressed")


@pytest.mark.parametrize("kinds", [(0x0D, 0x0D), (0x05, 0x0D), (0x05, 0x0A), ("head", 0x0D)])
def test_salvage_of_a_damaged_store(make, tmp_path, chance, kinds):
    """Two pages overwritten, leaves or what leads to them: every message whose own page is whole is saved."""
    proxy, ids = filled(make, 400)
    damaged = tmp_path / "damaged.db"
    shutil.copy(proxy.store_path, damaged)
    pages = {0 if kind == "head" else chance.choice(pages_of(damaged, kind)) for kind in kinds}
    overwrite(damaged, pages, chance)
    assert run("store", "check", damaged).returncode == 1
    new = tmp_path / "new.db"
    done = run("store", "salvage", damaged, new, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["messages"] >= len(ids) - 2 * 12  # a page holds no more of them than that
    assert run("store", "check", new).returncode == 0
    saved = restored(make, new)
    wait_until(lambda: settled(saved), "what is open")
    found = sum(saved.admin(f"/api/messages/{each}").status == 200 for each in ids)
    assert found == told["messages"]


def test_salvage_takes_the_log_too(make, tmp_path):
    """What is in the log of a store whose process was killed is saved as well; the names must be free and the store too."""
    proxy = make(admin__token=TOKEN).start()
    ids = [proxy.send(Push().rule()).id for _ in range(30)]
    new = tmp_path / "new.db"
    done = run("store", "salvage", proxy.store_path, new)
    assert done.returncode == 1 and b"in use" in done.stderr and not new.exists()
    proxy.kill()
    assert os.stat(f"{proxy.store_path}-wal").st_size > 0
    assert json.loads(run("store", "salvage", proxy.store_path, new, "--json").stdout)["messages"] == len(ids)
    for arguments, words in (([proxy.store_path, new], "exists"), ([tmp_path / "gone", tmp_path / "b"], "gone")):
        done = run("store", "salvage", *arguments)
        assert done.returncode == 1 and words in done.stderr.decode()


@pytest.mark.parametrize("arguments", [[], ["copy"], ["backup"], ["check", "a", "b"], ["salvage", "a"],
                                       ["check", "--force"]])
def test_wrong_usage(arguments):
    """What cannot be meant exits 2."""
    done = run("store", *arguments)
    assert done.returncode == 2 and done.stderr and not done.stdout
