"""The flag file as a steering wheel: ramping company by company, rewriting it in every way, shadow traffic."""

import collections
import json
import re
import threading

from consumer import HANG
from messages import Connection, Push, Read, fresh
from proxy import flag_file
from waiting import wait_until

COMPANIES = 24
SENDERS = 3


def definition(variants, default, **more):
    return {"state": "ENABLED", "variants": variants, "defaultVariant": default, **more}


def ramp_file(percent):
    """So many percent of the companies are on the new side, and all others on the old one."""
    def flag(on, off):
        return definition({"on": True, "off": False}, "off",
                          targeting={"fractional": [{"var": "companyId"}, [on, percent], [off, 100 - percent]]})

    return json.dumps({"flags": {"legacy-consumer": flag("off", "on"), "new-consumer": flag("on", "off")}})


class Sender(threading.Thread):
    """Tells occurrences of its companies by both generations, in either order, until it is stopped."""

    def __init__(self, proxy, chance, companies, done):
        super().__init__(daemon=True)
        self.proxy, self.chance, self.companies, self.done = proxy, chance, companies, done
        self.told = []  # (company, AlertId, id), in the order of telling
        self.answers = []

    def run(self):
        while not self.done.is_set():
            company = self.chance.choice(self.companies)
            occurrence = self.chance.choice((Push, lambda: Connection(company=company), lambda: Read(company=company)))()
            occurrence.company = company
            bodies = [occurrence.rule(), occurrence.event()]
            self.told.append((company, bodies[0]["AlertId"], bodies[1]["id"]))
            self.chance.shuffle(bodies)
            for body in bodies:
                self.answers.append(self.proxy.send(body))


def begin(proxy, chance):
    done = threading.Event()
    companies = [fresh() for _ in range(COMPANIES)]
    senders = [Sender(proxy, chance, companies[i::SENDERS], done) for i in range(SENDERS)]
    for sender in senders:
        sender.start()
    return senders, done


def end(senders, done):
    done.set()
    for sender in senders:
        sender.join(60)
        assert not sender.is_alive()
    assert {answer.status for sender in senders for answer in sender.answers} <= {200, 202}


def told(senders):
    return sum(len(sender.told) for sender in senders)


def wait_for_more(senders, count):
    enough = told(senders) + count
    wait_until(lambda: told(senders) >= enough, "more occurrences", deadline_s=60)


def test_ramp(start, chance, legacy, new):
    """From 0 to 100 % by company, under load: nothing is handled twice or lost, and no company goes back.
    (pairing 3.3)"""
    proxy = start(flags=ramp_file(0))
    senders, done = begin(proxy, chance)
    wait_for_more(senders, 40)
    for percent in range(10, 101, 10):
        proxy.write_flags(ramp_file(percent))
        wait_for_more(senders, 40)
    proxy.wait_for_log(r'rules changed.*after=.*\\"on\\",100\]')
    marks = [len(sender.told) for sender in senders]  # all that is told from here on, is told at 100 %
    wait_for_more(senders, 40)
    end(senders, done)
    wait_until(lambda: not any(proxy.messages(state=state)["messages"] for state in ("pending", "parked", "held")),
               "nothing to wait any more")

    by_legacy, by_new = set(legacy.keys()), set(new.keys())
    sides = collections.defaultdict(list)
    for sender in senders:
        for company, alert, event in sender.told:
            assert (alert in by_legacy) != (event in by_new), f"{alert}, {event}: by both or by none"
            sides[company].append(event in by_new)
    for company, handled_by_new in sides.items():
        assert handled_by_new == sorted(handled_by_new), f"{company} went back: {handled_by_new}"
    assert any(not all(by) for by in sides.values())
    last = [event in by_new for sender, mark in zip(senders, marks) for _, _, event in sender.told[mark:]]
    assert last and all(last)


def serial_file(serial, chance):
    """Both flags carry the same number in their variants; padding makes the length differ from file to file."""
    on = chance.random() < 0.5

    def flag(is_on):
        return definition({f"on-{serial}": True, f"off-{serial}": False}, f"{'on' if is_on else 'off'}-{serial}")

    padding = {"padding": definition({"x" * chance.randrange(1, 3000): "y"}, None)}
    return json.dumps({"flags": {"legacy-consumer": flag(on), **padding, "new-consumer": flag(not on)}})


class Rewriter:
    """Every way in which a file changes under a watcher."""

    def __init__(self, path, chance):
        self.path, self.chance = path, chance
        self.ways = [self.in_place, self.in_pieces, self.renamed, self.made_again, self.swapped_link]
        self.number = 0

    def in_place(self, text):
        self.path.write_text(text)

    def in_pieces(self, text):
        cut = self.chance.randrange(len(text))
        with self.path.open("w") as file:
            file.write(text[:cut])
            file.flush()
            file.write(text[cut:])

    def renamed(self, text):
        fresh_path = self.path.with_suffix(".fresh")
        fresh_path.write_text(text)
        fresh_path.rename(self.path)

    def made_again(self, text):
        self.path.unlink()
        self.path.write_text(text)

    def swapped_link(self, text):
        self.number += 1
        target = self.path.with_name(f"target-{self.number}.json")
        target.write_text(text)
        link = self.path.with_suffix(".link")
        link.symlink_to(target)
        link.rename(self.path)

    def rewrite(self, text):
        self.chance.choice(self.ways)(text)


def test_rewrites(start, chance, legacy, new):
    """A thousand rewrites in every way, under load: every decision comes from one whole file."""
    proxy = start(flags=serial_file(0, chance))
    proxy_messages = []
    rewriter = Rewriter(proxy.flag_path, chance)
    senders, done = begin(proxy, chance)
    for serial in range(1, 1001):
        rewriter.rewrite(serial_file(serial, chance))
        if serial % 50 == 0:
            wait_until(lambda: f"-{serial}\"" in proxy.admin("/api/flags").body.decode(), f"file {serial} in force")
            wait_for_more(senders, 2)
    end(senders, done)
    for sender in senders:
        proxy_messages += [answer.id for answer in sender.answers if answer.outcome != "duplicate"]
    serials = set()
    for message_id in proxy_messages:
        text = proxy.admin(f"/api/messages/{message_id}").body.decode()
        found = re.findall(r"(legacy|new)-consumer is (on|off) \(\2-(\d+), STATIC\)", text)
        by_flag = {flag: (state, int(serial)) for flag, state, serial in found}
        assert by_flag.keys() == {"legacy", "new"}, text
        assert by_flag["legacy"][1] == by_flag["new"][1], f"two files decided: {text}"
        assert by_flag["legacy"][0] != by_flag["new"][0], text
        serials.add(by_flag["legacy"][1])
    assert len(serials) >= 10, "too few files were ever in force"


SHADOW = {"new-consumer-shadow": definition({"on": True, "off": False}, "on")}


def test_shadow(start, store, legacy, new):
    """Shadow on, new off: events also go to new, once and marked; legacy stays in charge."""
    proxy, occurrence = start(store=store, flags=flag_file(new=False, **SHADOW)), Push()
    assert proxy.send(occurrence.rule()).outcome == "accepted"
    event = proxy.send(occurrence.event())
    assert event.outcome == "suppressed"
    lone = proxy.send(Push().event())
    assert lone.outcome == "parked"
    new.wait_for(2)
    assert {request.headers["hookshift-shadow"] for request in new.requests} == {"true"}
    assert {request.headers["hookshift-message-id"] for request in new.requests} == {event.id, lone.id}
    legacy.wait_for(1)
    wait_until(lambda: proxy.metric("hookshift_shadow_deliveries_total", result="delivered") == 2, "both to be counted")
    assert proxy.state(event.id) == "suppressed" and proxy.state(lone.id) == "parked"


def test_shadow_failures_change_nothing(start, new):
    """A shadow that fails is shown on its message, is not repeated, and says nothing of the endpoint."""
    proxy = start(flags=flag_file(new=False, **SHADOW))
    new.otherwise = 500
    ids = [proxy.send(Push().event()).id for _ in range(8)]
    wait_until(lambda: proxy.metric("hookshift_shadow_deliveries_total", result="failed") == 8, "all shadows to fail")
    wait_until(lambda: all("shadow: HTTP 500" in proxy.admin(f"/api/messages/{i}").body.decode() for i in ids),
               "the failures on their messages")
    assert len(new.requests) == 8
    assert {proxy.state(i) for i in ids} == {"parked"}
    assert proxy.metric("hookshift_endpoint_up", endpoint="new") == 1
    assert proxy.metric("hookshift_deliveries_total", endpoint="new") == 0


def test_no_shadow_where_new_is_on(start, new):
    """With new on, its events are delivered, and not shadowed."""
    proxy = start(flags=flag_file(**SHADOW))
    proxy.send(Push().event())
    assert "hookshift-shadow" not in new.wait_for(1)[0].headers
    assert proxy.metric("hookshift_shadow_deliveries_total") == 0


def test_shadow_under_way_at_the_end(start, new):
    """A shadow without an answer does not keep the program from ending."""
    proxy = start(flags=flag_file(new=False, **SHADOW))
    new.otherwise = HANG
    proxy.send(Push().event())
    new.wait_for(1)
    assert proxy.terminate() == 0
