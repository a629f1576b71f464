"""A network of one's own: run as `unshare --user --map-root-user --net --mount python3 addresses.py TRIAL FOLDER`.

A trial may write /etc/hosts, which is a file of its own here, and use all of 127.0.0.0/8."""

import pathlib
import socket
import subprocess
import sys

from consumer import Consumer
from messages import Push
from proxy import Proxy
from waiting import wait_until

NAME = "consumer.test"


def set_hosts(folder, *addresses):
    lines = ["127.0.0.1 localhost"] + [f"{address} {NAME}" for address in addresses]
    (folder / "hosts").write_text("\n".join(lines) + "\n")  # in place: the mount is of this file


def silent(address, port):
    """Swallows SYN: its queue is full. What is returned keeps it so."""
    listener = socket.socket()
    listener.bind((address, port))
    listener.listen(0)
    kept = [listener]
    for _ in range(4):
        kept.append(socket.socket())
        kept[-1].setblocking(False)
        kept[-1].connect_ex((address, port))
    return kept


def several_addresses(folder):
    """Two of three addresses do not answer: no attempt fails all the same, whatever the order."""
    consumer = Consumer(address="127.0.0.4")
    kept = silent("127.0.0.2", consumer.port), silent("127.0.0.3", consumer.port)
    set_hosts(folder, "127.0.0.2", "127.0.0.3", "127.0.0.4")
    proxy = Proxy(folder, f"http://{NAME}:{consumer.port}", "http://127.0.0.1:9",
                  endpoints__legacy__connect_timeout="2s", endpoints__legacy__connection_age="1ms").start()
    for _ in range(10):
        answer = proxy.send(Push().rule())
        story = proxy.wait_for_state(answer.id, "delivered")
        assert len(story["attempts"]) == 1, story
    proxy.finish()
    del kept


def moved_name(folder):
    """A name that moves is followed under steady traffic."""
    before = Consumer(address="127.0.0.2")
    after = Consumer(address="127.0.0.3", port=before.port)
    set_hosts(folder, "127.0.0.2")
    proxy = Proxy(folder, f"http://{NAME}:{before.port}", "http://127.0.0.1:9",
                  endpoints__legacy__connection_age="500ms").start()

    def send():
        proxy.wait_for_state(proxy.send(Push().rule()).id, "delivered")
        return after.requests

    for _ in range(10):
        send()
    assert before.requests and not after.requests
    set_hosts(folder, "127.0.0.3")
    wait_until(send, "a request at the new address")
    proxy.finish()


if __name__ == "__main__":
    place = pathlib.Path(sys.argv[2])
    set_hosts(place)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "--bind", place / "hosts", "/etc/hosts"], check=True)
    {"several_addresses": several_addresses, "moved_name": moved_name}[sys.argv[1]](place)
