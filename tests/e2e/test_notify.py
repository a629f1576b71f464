"""What a service manager hears: the protocol of sd_notify(3), over a socket of the test's own."""

import contextlib
import ctypes
import os
import pathlib
import signal
import socket

import pytest

from consumer import HANG
from messages import Push
from proxy import flag_file
from waiting import wait_until

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WAIT_ALL = 0x40000000  # __WALL: also for threads that are no processes


class Manager:
    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1))
        self.variables = {"NOTIFY_SOCKET": address}
        self.heard = []

    def listen(self, timeout_s=0.0):
        """Takes in what has come, waiting for the first for at most that long; the messages of this time."""
        before = len(self.heard)
        while True:
            self.socket.settimeout(timeout_s or 0.001)
            try:
                text = self.socket.recv(4096).decode()
            except (BlockingIOError, TimeoutError):
                return self.heard[before:]
            self.heard.append(dict(line.split("=", 1) for line in text.splitlines()))
            timeout_s = 0.0

    def wait_for(self, word):
        """The first message with that word that was not waited for yet; those before it are gone."""
        def found():
            self.listen()
            while self.heard:
                message = self.heard.pop(0)
                if word in message:
                    return message
            return None

        return wait_until(found, word)


@pytest.fixture(params=["file", "abstract"])
def manager(request, tmp_path, monkeypatch):
    name = str(tmp_path / "notify") if request.param == "file" else f"@hookshift-{os.getpid()}"
    made = Manager(name)
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    yield made
    made.socket.close()


def test_ready_and_stopping(start, manager):
    """READY comes when /readyz says yes, with a status for people; STOPPING when the end is asked for."""
    proxy = start()
    ready = manager.wait_for("READY")
    assert proxy.is_ready()
    assert f"127.0.0.1:{proxy.port}" in ready["STATUS"]
    assert not any("STOPPING" in message for message in manager.heard)
    assert proxy.terminate() == 0
    manager.wait_for("STOPPING")
    assert not any("READY" in message for message in manager.heard)


def test_never_ready(make, manager):
    """Who cannot start does not say READY."""
    proxy = make(flags="not a flag file")
    assert proxy.launch().wait_for_exit() == 2
    assert manager.listen() == []
    proxy.process = None


def test_reloading(start, manager):
    """SIGHUP: RELOADING with the time, then READY again."""
    proxy = start()
    manager.wait_for("READY")
    proxy.process.send_signal(signal.SIGHUP)
    assert int(manager.wait_for("RELOADING")["MONOTONIC_USEC"]) > 0
    manager.wait_for("READY")


def test_nobody_listens(start, monkeypatch, tmp_path):
    """A manager that is gone, or a name that is none, keeps nobody from working."""
    for name in (str(tmp_path / "nobody"), "relative", "/" + "x" * 200, ""):
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        assert start().send(Push().rule()).status == 202


@contextlib.contextmanager
def stopped(thread):
    """Holds one thread of another process, as a call that does not return would."""
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    ptrace.restype = ctypes.c_long
    if ptrace(PTRACE_SEIZE, thread, None, None) != 0:
        pytest.skip(f"may not hold a thread: {os.strerror(ctypes.get_errno())}")
    assert ptrace(PTRACE_INTERRUPT, thread, None, None) == 0
    os.waitpid(thread, WAIT_ALL)
    yield
    assert ptrace(PTRACE_DETACH, thread, None, None) == 0


@pytest.mark.parametrize("thread", ["worker", "store"])
@pytest.mark.parametrize("manager", ["file"], indirect=True)
def test_watchdog(start, manager, monkeypatch, thread):
    """WATCHDOG comes, and /healthz says yes, while the loops and the store's thread turn, not while one of them hangs, and
    again when it no longer does. (fault 2.9)"""
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    proxy = start()
    for _ in range(3):
        manager.wait_for("WATCHDOG")
    tasks = pathlib.Path(f"/proc/{proxy.process.pid}/task").iterdir()
    held = next(int(task.name) for task in tasks if (task / "comm").read_text().startswith(thread))
    with stopped(held):
        wait_until(lambda: proxy.admin("/healthz").status == 503, "/healthz to say no", deadline_s=40)
        manager.listen()
        assert manager.listen(1.0) == []
    manager.heard.clear()
    manager.wait_for("WATCHDOG")
    assert proxy.admin("/healthz").status == 200


def test_watchdog_of_another_process(start, manager, monkeypatch):
    """WATCHDOG_PID of somebody else, or no time: nobody is told."""
    monkeypatch.setenv("WATCHDOG_USEC", "1000")
    monkeypatch.setenv("WATCHDOG_PID", "1")
    start()
    manager.wait_for("READY")
    assert not any("WATCHDOG" in message for message in manager.listen(0.2))


def test_no_ready_after_the_end_was_asked_for(start, legacy, manager):
    """A reload while it stops is done, and told to nobody: STOPPING is the last word."""
    legacy.script = [HANG]
    proxy = start(drain_time="2s")
    proxy.send(Push().rule())
    legacy.wait_for()
    proxy.process.send_signal(signal.SIGTERM)
    manager.wait_for("STOPPING")
    proxy.write_flags(flag_file(new=False))
    proxy.process.send_signal(signal.SIGHUP)
    proxy.wait_for_log("flag switched")
    assert manager.listen() == []
