"""The log: whatever becomes of its reader, messages are answered."""

import os
import re
import signal
import subprocess
import threading
import time

from load import Load
from messages import Push, fresh
from proxy import BINARY, environment
from waiting import wait_until

QUEUE_BYTES = 4 * 1024 * 1024


class Reader:
    """The other end of standard error, that reads only when told to."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.turned_on = threading.Event()
        self.turned_on.set()
        proxy._read_log = self._read

    def _read(self, stream):
        for line in iter(lambda: self.turned_on.wait() and stream.readline(), b""):
            self.proxy.log.append(line.decode(errors="replace").rstrip("\n"))

    def stop(self):
        self.turned_on.clear()

    def go_on(self):
        self.turned_on.set()


def push_of(company):
    """An occurrence whose company is so long that its line in the log is."""
    push = Push()
    push.company = company
    return push


def fill_queue(proxy):
    """Sends messages until lines are dropped; the slowest answer, in seconds."""
    slowest_s = 0
    while proxy.metric("hookshift_log_dropped_total") == 0:
        for _ in range(50):
            began = time.monotonic()
            assert proxy.send(push_of(fresh() + "x" * 9000).event(), fresh()).status == 202
            slowest_s = max(slowest_s, time.monotonic() - began)
    return slowest_s


def test_nobody_reads(make):
    """Standard error is a pipe that nobody reads: messages are answered and delivered as ever, the admin port answers,
    the flag file is followed, dropped lines are counted, and SIGTERM ends the program within its time. (fault 4.1)"""
    proxy = make(limits__headers="16KiB")
    reader = Reader(proxy)
    proxy.start()
    reader.stop()
    slowest_s = fill_queue(proxy)
    load = Load(proxy)
    wait_until(lambda: len(load.events) > 200, "messages after the queue was full")
    load.stop()
    assert load.refused == 0
    assert max(slowest_s, load.slowest_s) < 5
    assert proxy.admin("/healthz").status == 200
    proxy.set_flags(legacy=True, new=False)
    began = time.monotonic()
    proxy.process.send_signal(signal.SIGTERM)
    assert proxy.process.wait(20) == 0
    assert time.monotonic() - began < 10
    reader.go_on()
    proxy.wait_for_exit()


def test_reader_comes_back(make):
    """Lines that were dropped are told by one line, where they would have stood; the rest is there, in order. (fault 4.1)"""
    proxy = make()
    reader = Reader(proxy)
    proxy.start()
    reader.stop()
    fill_queue(proxy)
    dropped = proxy.metric("hookshift_log_dropped_total")
    reader.go_on()
    notice = proxy.wait_for_log("log lines were dropped")
    assert "warn" in notice
    assert int(re.search(r"count=(\d+)", notice)[1]) >= dropped
    last = proxy.send(Push().event(), fresh()).id
    proxy.wait_for_log(f"message admitted.*{last}")
    assert proxy.metric("hookshift_log_dropped_total") == int(re.search(r"count=(\d+)", notice)[1])
    lines = list(proxy.log)
    assert sum(len(line) for line in lines[:lines.index(notice)]) > QUEUE_BYTES


def test_reader_goes_away(make):
    """Standard error is a pipe whose other end is closed: nothing but the lines is lost. (fault 4.1)"""
    proxy = make()
    reader = Reader(proxy)
    proxy.start()
    reader.stop()
    load = Load(proxy)
    proxy.process.stderr.raw.close()
    wait_until(lambda: proxy.metric("hookshift_log_dropped_total") > 100, "lines that nobody got")
    load.stop()
    assert load.refused == 0
    assert proxy.admin("/healthz").status == 200


def test_complaint_at_start_with_full_pipe(tmp_path):
    """A start that fails ends also where nobody reads why."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    try:
        while True:
            os.write(write_end, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(write_end, True)
    process = subprocess.Popen([BINARY, "serve", "--set", "flags.file=/does/not/exist.json", "--set",
                                "endpoints.legacy.url=http://127.0.0.1:1", "--set",
                                "endpoints.new.url=http://127.0.0.1:1"], stderr=write_end, env=environment())
    assert process.wait(20) == 2
    os.close(read_end)
    os.close(write_end)
