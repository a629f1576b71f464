"""A disk that is full: a small file system in memory, which nobody but the program and this test fills."""

import time

import pytest

from faketime import Clock
from messages import company_created, fresh
from namespace import MountNamespace
from waiting import wait_until

DISK_MIB = 12
BODY = "x" * 20000


def bulky():
    body = company_created()
    body["payload"]["name"] = BODY
    return body


class Disk:
    """A proxy whose store lies on a disk of 12 MiB, and whose clock can be set."""

    def __init__(self, make, space):
        self.proxy = make(pairing__window="1s", pairing__park_for="50s", store__retention="1m",
                          store__body_retention="1m")
        self.clock = Clock(self.proxy)
        self.folder = self.proxy.folder / "disk"
        self.folder.mkdir()
        self.space = space
        space.run("mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", self.folder)
        self.proxy.settings["store.url"] = f"sqlite:{self.folder}/messages.db"
        self.proxy.wrapper = space.prefix

    def let_time_pass(self):
        """Beyond the retention of a minute, in steps that are no jumps of the clock."""
        for _ in range(2):
            self.clock.shift(self.clock.seconds + 45)
            before = self.proxy.admin("/api/status").json["now"]
            wait_until(lambda: self.proxy.admin("/api/status").json["now"] > before, "the clock to go on")
            wait_until(lambda: self.proxy.metric("hookshift_clock_ahead_seconds") == 0, "the clock to be believed")
            time.sleep(1.2)  # the store looks at the clock once a second: two steps in one look would be a jump

    def take_the_rest(self):
        """Something else fills the disk to its last byte."""
        self.space.run("sh", "-c", f"dd if=/dev/zero of={self.folder}/ballast bs=64k 2>/dev/null; "
                                   f"dd if=/dev/zero of={self.folder}/ballast2 bs=512 2>/dev/null; true")

    def give_back(self):
        self.space.run("rm", "-f", f"{self.folder}/ballast", f"{self.folder}/ballast2")


@pytest.fixture
def space(make):
    with MountNamespace() as space:
        yield space


def send_until_full(proxy, most=2000):
    """Messages until one is refused; how many were taken."""
    for count in range(most):
        answer = proxy.send(bulky(), fresh())
        if answer.status == 503:
            assert "retry-after" in answer.headers
            return count
        assert answer.status == 202
    raise AssertionError("the disk is not full")


def is_taken(proxy):
    return proxy.send(company_created(), fresh()).status == 202


def test_what_is_past_its_retention_makes_room(make, space, new):
    """Messages fill the disk; once they are past their retention they are removed though the disk is full, and messages
    are taken again without anybody's help, again and again. (fault 4.2)"""
    disk = Disk(make, space)
    proxy = disk.proxy.start()
    for _ in range(2):
        assert send_until_full(proxy) > 50
        assert proxy.admin("/readyz").status == 503
        assert proxy.admin("/healthz").status == 200
        assert not is_taken(proxy), "nothing is past its retention yet"
        disk.let_time_pass()
        wait_until(lambda: is_taken(proxy), "a message to be taken again", deadline_s=60, pause_s=0.2)
        wait_until(proxy.is_ready, "/readyz")
    assert "the disk is full" in proxy.text()
    proxy.wait_for_log("there is room for messages again")
    assert proxy.terminate() == 0


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_start_on_a_full_disk(make, space, how):
    """A start on a disk that is full to the last byte serves: 503, removing what is past its retention; then it takes
    messages again. (fault 4.2)"""
    disk = Disk(make, space)
    proxy = disk.proxy.start()
    send_until_full(proxy)
    disk.take_the_rest()
    if how == "killed":
        proxy.kill()
    else:
        assert proxy.terminate() == 0
    disk.take_the_rest()
    proxy.launch()
    wait_until(lambda: proxy._ports() or proxy.process.poll() is not None, "the ports in the log")
    assert proxy.process.poll() is None, proxy.text()
    assert proxy.send(bulky(), fresh()).status == 503
    assert proxy.admin("/healthz").status == 200
    assert proxy.admin("/readyz").status == 503
    disk.let_time_pass()
    wait_until(lambda: is_taken(proxy), "a message to be taken again", deadline_s=60, pause_s=0.2)
    assert proxy.terminate() == 0


def test_room_comes_back(make, space):
    """Somebody else fills the disk, and makes room again: 503 meanwhile, nothing that was taken is lost, and it goes on by
    itself. (fault 4.2)"""
    disk = Disk(make, space)
    proxy = disk.proxy.start()
    proxy.set_flags(legacy=True, new=False)
    parked = proxy.send(company_created(), fresh()).id
    disk.take_the_rest()
    send_until_full(proxy)
    wait_until(lambda: proxy.admin("/readyz").status == 503, "/readyz to say no")
    assert proxy.state(parked) == "parked"
    disk.give_back()
    wait_until(lambda: is_taken(proxy), "a message to be taken again", deadline_s=30, pause_s=0.1)
    wait_until(proxy.is_ready, "/readyz")
    proxy.set_flags(legacy=True, new=True)
    proxy.wait_for_state(parked, "delivered")
    assert proxy.terminate() == 0
