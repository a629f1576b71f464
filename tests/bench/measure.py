"""What a group of processes has used, and loads put on it."""

import contextlib
import http.client
import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAMS = ROOT / ".build/release"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

CORES = sorted(os.sched_getaffinity(0))
PROXY_CORES = {CORES[-1]}
OTHER_CORES = set(CORES[:-1]) or PROXY_CORES


def build(*targets):
    """Of the preset "release"; ends the program where that fails."""
    done = subprocess.run([ROOT / "tests/build", "release", *targets], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stdout[-3000:])


def pinned(command, cores, **more):
    """Starts a program on some cores only; its threads and children stay there."""
    return subprocess.Popen([str(part) for part in command], preexec_fn=lambda: os.sched_setaffinity(0, cores), **more)


def family(pid):
    """A process and all that it has started."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def cpu_us(pid):
    """Microseconds on a core, user and system, of all threads of a family; from the scheduler, exact to the ns.

    Threads that have ended are not in it: none of the programs measured here ends threads under load."""
    total = 0
    for member in family(pid):
        for task in pathlib.Path(f"/proc/{member}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1000


def memory_mib(pid, field="VmHWM"):
    """Resident memory of a family: the highest so far (VmHWM) or now (VmRSS)."""
    total = 0
    for member in family(pid):
        for line in pathlib.Path(f"/proc/{member}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                total += int(line.split()[1])
    return total / 1024


def thread_cpu_us(pid):
    """By thread name."""
    return {(task / "comm").read_text().strip(): int((task / "schedstat").read_text().split()[0]) / 1000
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}


class Consumer:
    """The consumer behind every proxy, and its count of messages."""

    def __init__(self, port=0):
        self.process = pinned([PROGRAMS / "tests/bench/bench_consumer", f"127.0.0.1:{port}"], OTHER_CORES,
                              stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def count(self):
        self.connection.request("GET", "/count")
        return int(self.connection.getresponse().read())

    def wait_until_quiet(self, quiet_s=0.3, within_s=600):
        """Waits until nothing has arrived for a while; the time of the last arrival, as time.monotonic()."""
        count, last = self.count(), time.monotonic()
        deadline = last + within_s
        while time.monotonic() - last < quiet_s:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the consumer still gets messages after {within_s} seconds")
            time.sleep(0.02)
            now = self.count()
            if now != count:
                count, last = now, time.monotonic()
        return last

    def stop(self):
        self.connection.close()
        self.process.terminate()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def load(port, **options):
    """Runs the load generator and returns what it reports."""
    command = [PROGRAMS / "tests/bench/bench_load", "--connect", f"127.0.0.1:{port}", "--corpus", ROOT / "tests/corpus",
               "--secret", SECRET]
    for name, value in options.items():
        if value is True:
            command.append("--" + name.replace("_", "-"))
        elif value is not None and value is not False:
            command += ["--" + name.replace("_", "-"), value]
    with pinned(command, OTHER_CORES, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        out, error = process.communicate(timeout=4000)
    if not out:
        raise RuntimeError(error.strip())
    return json.loads(out)


def sync_times_us(folder, prealloc, block_len, count=100):
    """How long each of some syncs takes: writing a block and having it on disk, into room that is there already, or
    growing the file."""
    path, block, times = folder / "sync-probe", os.urandom(block_len), []
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if prealloc:
            os.pwrite(fd, bytes(block_len * count), 0)
            os.fsync(fd)
        for number in range(count):
            began = time.perf_counter()
            os.pwrite(fd, block, number * block_len)
            os.fdatasync(fd)
            times.append((time.perf_counter() - began) * 1e6)
    finally:
        os.close(fd)
        path.unlink()
    return times


@contextlib.contextmanager
def running(peer, folder, consumer_port):
    """A proxy in a folder of its own, from its start to its end."""
    folder.mkdir(parents=True)
    try:
        yield peer.start(folder, consumer_port)
    finally:
        peer.stop()
