"""SIGKILL at random instants under load: nothing that was answered 2xx is lost, and nothing is done twice without need.

Every life of the process marks its deliveries with a header of its own, so what a repetition has to be explained by
is seen and not guessed: a message may be delivered again by a later life only, and only as many of them as could be
in flight at one kill. Where flags are flipped meanwhile, the later life may find such a message's consumer switched
off, and give the occurrence to the other one: that counts as a repetition as well.

HOOKSHIFT_KILLS=600 pytest -s test_kill.py -k flipping kills 200 times and prints what came of it."""

import collections
import http.client
import os
import threading

import pytest

from consumer import Reply
from messages import Connection, Push, Read, encode, fresh
from proxy import flag_file
from waiting import wait_until

KILLS = int(os.environ.get("HOOKSHIFT_KILLS", "66"))  # in all
CONCURRENCY = 8
SENDERS = 4


class Sender(threading.Thread):
    """Sends both sides of one occurrence after the other, each again under its webhook-id until it is answered 2xx."""

    def __init__(self, proxy, chance, done):
        super().__init__(daemon=True)
        self.proxy, self.chance, self.done = proxy, chance, done
        self.occurrences = []  # pairs of ids, both answered 2xx
        self.sent = 0  # requests

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
        self.sent += 1
        try:
            return self.proxy.port and self.proxy.send(body, webhook_id).status in (200, 202)
        except (OSError, http.client.HTTPException):
            return False  # killed meanwhile


class Flipper(threading.Thread):
    """Switches consumers on and off, each for itself, and both on in the end."""

    def __init__(self, proxy, chance, done):
        super().__init__(daemon=True)
        self.proxy, self.chance, self.done = proxy, chance, done
        self.flips = 0

    def run(self):
        while not self.done.wait(self.chance.uniform(0.02, 0.2)):
            self.write(self.chance.random() < 0.6, self.chance.random() < 0.6)
            self.flips += 1
        self.write(True, True)

    def write(self, legacy, new):
        beside = self.proxy.flag_path.with_suffix(".next")
        beside.write_text(flag_file(legacy, new))
        os.replace(beside, self.proxy.flag_path)


def lives_of(consumer):
    """By message: the life of each of its successful deliveries, in order."""
    lives = collections.defaultdict(list)
    for request in consumer.accepted():
        lives[request.key].append(int(request.headers["x-life"]))
    return {key: sorted(each) for key, each in lives.items()}


def moody(chance):
    """Some failures, some slowness: at any instant there is something in every state."""
    return lambda request: Reply(500 if chance.random() < 0.05 else 200, delay_s=chance.random() * 0.02)


def live_and_die(proxy, consumers, chance, kills):
    """Lives of the proxy, each killed after some deliveries; one more is left running."""
    def arrived():
        return sum(len(consumer.requests) for consumer in consumers)

    for life in range(kills + 1):
        for endpoint in ("legacy", "new"):
            proxy.settings[f"endpoints.{endpoint}.headers"] = {"X-Life": str(life)}
        proxy.start()
        if life < kills:
            enough = arrived() + chance.randrange(5, 60)
            wait_until(lambda: arrived() >= enough, "some load", deadline_s=60)
            proxy.kill()


def unexplained(rules, events, doubly):
    """By life and consumer: deliveries of it that had to be made again, which none of its own may be."""
    again = collections.Counter()
    for endpoint, by_message in (("legacy", rules), ("new", events)):
        for lives in by_message.values():
            assert len(lives) == len(set(lives)), "delivered twice in one life"
            again.update((life, endpoint) for life in lives[:-1])
    for rule, event in doubly:
        assert rules[rule][-1] != events[event][-1], f"handled by both in one life: {rule}, {event}"
        first = min((rules[rule][-1], "legacy"), (events[event][-1], "new"))
        again[first] += 1
    return {where: count for where, count in again.items() if count > CONCURRENCY}


@pytest.mark.parametrize("acknowledge, kills, flips", [
    pytest.param("stored", KILLS // 2, False, id="stored"),
    pytest.param("delivered", KILLS // 6, False, id="delivered"),
    pytest.param("stored", KILLS // 4, True, id="stored-flipping"),
    pytest.param("delivered", KILLS // 12, True, id="delivered-flipping")])
def test_kill(make, chance, legacy, new, acknowledge, kills, flips):
    """Killed at random instants under load and restarted on the same store, 65 times: where senders are answered at
    once and where they wait for the delivery, with flags that stay and with flags that are flipped. (pairing 7.7)"""
    legacy.otherwise = new.otherwise = moody(chance)
    proxy = make(retry__schedule=",".join(["50ms"] * 1000), acknowledge=acknowledge,
                 endpoints__legacy__concurrency=CONCURRENCY, endpoints__new__concurrency=CONCURRENCY)
    done = threading.Event()
    senders = [Sender(proxy, chance, done) for _ in range(SENDERS)]
    flipper = Flipper(proxy, chance, done)
    for thread in [*senders, *([flipper] if flips else [])]:
        thread.start()
    live_and_die(proxy, (legacy, new), chance, kills)
    done.set()
    for thread in [*senders, *([flipper] if flips else [])]:
        thread.join(120)
        assert not thread.is_alive()

    occurrences = [pair for sender in senders for pair in sender.occurrences]

    def missing():
        rules, events = lives_of(legacy), lives_of(new)
        return [pair for pair in occurrences if pair[0] not in rules and pair[1] not in events]

    wait_until(lambda: not missing(), "every occurrence to be delivered", deadline_s=120)
    rules, events = lives_of(legacy), lives_of(new)
    doubly = [(rule, event) for rule, event in occurrences if rule in rules and event in events]
    print(f"acknowledge={acknowledge}: {kills} kills, {flipper.flips} flips; {sum(sender.sent for sender in senders)} "
          f"requests, {2 * len(occurrences)} messages acknowledged, {len(occurrences)} occurrences, "
          f"{sum(len(lives) for by in (rules, events) for lives in by.values())} delivered, lost {len(missing())}, "
          f"doubled {len(doubly)}, "
          f"delivered again {sum(len(lives) - 1 for by in (rules, events) for lives in by.values())}")
    assert flips or not doubly, f"handled by both: {doubly}"
    assert not unexplained(rules, events, doubly), "more than were in flight"
