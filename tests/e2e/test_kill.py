"""SIGKILL at random instants under load: nothing that was answered 2xx is lost, and nothing is done twice without need.

Every life of the process marks its deliveries with a header of its own, so what a repetition has to be explained by
is seen and not guessed: a message may be delivered again by a later life only, and only as many of them as could be
in flight at one kill."""

import collections
import http.client
import os
import threading

import pytest

from consumer import Reply
from messages import Connection, Push, Read, encode, fresh
from waiting import wait_until

KILLS = int(os.environ.get("HOOKSHIFT_KILLS", "50"))
CONCURRENCY = 8
SENDERS = 4


class Sender(threading.Thread):
    """Sends both sides of one occurrence after the other, each again under its webhook-id until it is answered 2xx."""

    def __init__(self, proxy, chance, done):
        super().__init__(daemon=True)
        self.proxy, self.chance, self.done = proxy, chance, done
        self.occurrences = []  # pairs of ids, both answered 2xx

    def run(self):
        while not self.done.is_set():
            occurrence = self.chance.choice((Push, Connection, Read))()
            bodies = [occurrence.rule(), occurrence.event()]
            self.occurrences.append((bodies[0]["AlertId"], bodies[1]["id"]))
            self.chance.shuffle(bodies)
            for body in bodies:
                self.insist(encode(body), fresh())

    def insist(self, body, webhook_id):
        wait_until(lambda: self.is_taken(body, webhook_id), "an answer of 2xx", deadline_s=120)

    def is_taken(self, body, webhook_id):
        try:
            return self.proxy.port and self.proxy.send(body, webhook_id).status in (200, 202)
        except (OSError, http.client.HTTPException):
            return False  # killed meanwhile


def lives_of(consumer):
    """By message: the life of each of its successful deliveries."""
    lives = collections.defaultdict(list)
    for request in consumer.accepted():
        lives[request.key].append(int(request.headers["x-life"]))
    return lives


def has(consumer, key):
    return any(request.key == key for request in reversed(consumer.accepted()))


@pytest.mark.parametrize("acknowledge, kills", [("stored", KILLS), ("delivered", KILLS // 3)])
def test_kill(make, chance, legacy, new, acknowledge, kills):
    """Killed at random instants under load and restarted on the same store, 50 times (a third of it where senders wait
    for the delivery). (pairing 7.6)"""
    def moody(request):
        """Some failures, some slowness: at any instant there is something in every state."""
        return Reply(500 if chance.random() < 0.05 else 200, delay_s=chance.random() * 0.02)

    legacy.otherwise = new.otherwise = moody
    proxy = make(retry__schedule=",".join(["50ms"] * 1000), acknowledge=acknowledge,
                 endpoints__legacy__concurrency=CONCURRENCY, endpoints__new__concurrency=CONCURRENCY)

    def begin(life):
        for endpoint in ("legacy", "new"):
            proxy.settings[f"endpoints.{endpoint}.headers"] = {"X-Life": str(life)}
        proxy.start()

    begin(0)
    done = threading.Event()
    senders = [Sender(proxy, chance, done) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    for life in range(1, kills + 1):
        arrived = len(legacy.requests) + len(new.requests)
        enough = arrived + chance.randrange(5, 60)
        wait_until(lambda: len(legacy.requests) + len(new.requests) >= enough, "some load", deadline_s=60)
        proxy.kill()
        begin(life)
    done.set()
    for sender in senders:
        sender.join(120)
        assert not sender.is_alive()

    occurrences = [pair for sender in senders for pair in sender.occurrences]
    for rule, event in occurrences:
        wait_until(lambda: has(legacy, rule) or has(new, event), f"{rule} or {event} to be delivered", deadline_s=60)
    rules, events = lives_of(legacy), lives_of(new)
    doubly = [(rule, event) for rule, event in occurrences if rule in rules and event in events]
    assert not doubly, f"handled by both: {doubly}"

    for by_message in (rules, events):
        assert all(len(lives) == len(set(lives)) for lives in by_message.values()), "delivered twice in one life"
        repeated = collections.Counter(life for lives in by_message.values() for life in sorted(lives)[:-1])
        assert all(count <= CONCURRENCY for count in repeated.values()), f"more than were in flight: {repeated}"
    print(f"{len(occurrences)} occurrences, {kills} kills, "
          f"{sum(len(lives) - 1 for by in (rules, events) for lives in by.values())} deliveries repeated")
