"""Looks into a running hookshift: is it ready, what waits, how fast does that go."""

import time
import urllib.request


def is_ready(peer):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{peer.admin_port}/readyz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def start_until_ready(peer, folder, consumer_port):
    """Starts it; milliseconds until it is ready."""
    began = time.monotonic()
    process = peer.start(folder, consumer_port)
    while not is_ready(peer):
        if process.poll() is not None:
            raise RuntimeError("the proxy ended at start")
        time.sleep(0.001)
    return (time.monotonic() - began) * 1000


def waiting(peer):
    """Messages that are neither delivered nor otherwise done."""
    with urllib.request.urlopen(f"http://127.0.0.1:{peer.admin_port}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("hookshift_messages_in_state{")
               and any(f'state="{state}"' in line for state in ("pending", "held", "parked")))


def store_mib(folder):
    return sum(file.stat().st_size for file in folder.glob("messages.db*")) / 2**20
