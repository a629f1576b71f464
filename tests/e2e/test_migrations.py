"""Whole migrations of other vendors, played over real sockets: each occurrence is handled once, and parity is ready."""

import collections
import itertools
import time

import stripe_library
from messages import encode
from proxy import run
from schemes import pagerduty, pagerduty_accepts, stripe, stripe_accepts
from vendors import BASIC, PAIRS, Change, Transition
from waiting import wait_until

V3_KEY, NEW_KEY = "secret of the subscription", "secret of the new consumer"
SNAPSHOT_KEY, THIN_KEY = "whsec_of the snapshot destination", "whsec_of the thin one"
LIFE = ["trigger", "acknowledge", "annotate", "escalate", "delegate", "assign", "unacknowledge", "resolve"]


class Vendor:
    """Sends both generations as the vendor does, and counts what was answered."""

    def __init__(self, proxy):
        self.proxy = proxy

    def post(self, body, headers):
        answer = self.proxy.request("POST", "/hooks", body, {"Content-Type": "application/json", **headers})
        assert answer.status in (200, 202), answer
        return answer


class PagerDuty(Vendor):
    def v2(self, *told, extension="PHOOK01"):
        """One body with all of them."""
        messages = [happened.message(extension) for happened in told]
        return self.post(encode({"messages": messages}), {"Authorization": BASIC})

    def v3(self, happened, body=None):
        body = body or encode(happened.v3())
        return self.post(body, {**pagerduty(["an old secret", V3_KEY], body), "X-Webhook-Id": "PSUB01"})


def incident_of(request):
    content = request.json
    if "messages" in content:
        message = content["messages"][0]
        return message["incident"]["id"], "incident." + PAIRS[message["event"].removeprefix("incident.")]
    data = content["event"]["data"]
    return data.get("incident", data)["id"], content["event"]["event_type"]


def ready(proxy):
    return run("parity", "--admin", f"http://127.0.0.1:{proxy.admin_port}", "--since", "1h")


def test_pagerduty(start, legacy, new):
    """Whole incidents in both orders, two v2 extensions, two messages in one body, signed v3 and Basic v2, and repeats
    an hour late: each is handled once, what goes to the new consumer is signed for it, and parity is ready."""
    proxy = start(catalogue="pagerduty", verify__event_secrets=[V3_KEY], verify__rule_authorizations=[BASIC],
                  endpoints__new__secrets=[NEW_KEY], pairing__window="1s")
    vendor = PagerDuty(proxy)
    happened = []
    for number, kind in itertools.product(range(4), LIFE):
        one = Transition(f"P{number}", kind, time.time() - 3700 + 100 * LIFE.index(kind))
        happened.append(one)
        # An hour late: what is told says when it happened, not the arrival.
        order = [lambda: vendor.v2(one), lambda: vendor.v3(one)]
        for send in order if number % 2 == 0 else reversed(order):
            send()
    both = [Transition("P8", kind, time.time() - 1800) for kind in ("trigger", "acknowledge")]
    vendor.v2(*both)
    for one in both:
        vendor.v3(one)
    happened += both
    # Two extensions tell the same, each to be handled by legacy or, together, by the one event.
    twice = Transition("P9", "trigger", time.time() - 900)
    vendor.v3(twice)
    assert vendor.v2(twice, extension="PHOOK01").outcome == "suppressed"
    assert vendor.v2(twice, extension="PHOOK02").outcome == "suppressed"
    happened.append(twice)
    wait_until(lambda: len(legacy.requests) + len(new.requests) >= len(happened), "all to be delivered")
    # The vendor repeats all of it: nothing is handled again.
    for one in happened:
        assert vendor.v3(one).status == 200
    told = collections.Counter()
    for request in [*legacy.requests, *new.requests]:
        told[incident_of(request)] += 1
    assert len(told) == len(happened) and set(told.values()) == {1}
    assert new.requests and legacy.requests
    for request in new.requests:
        assert pagerduty_accepts(NEW_KEY, request) and not pagerduty_accepts(V3_KEY, request)
    done = wait_until(lambda: (done := ready(proxy)).returncode == 0 and done, "parity to be ready")
    assert done.returncode == 0


def test_pagerduty_cutover(start, legacy, new):
    """With legacy off, v3 alone tells; v2 that comes all the same waits for it and is never lost."""
    proxy = start(catalogue="pagerduty", verify__event_secrets=[V3_KEY], verify__rule_authorizations=[BASIC])
    vendor = PagerDuty(proxy)
    proxy.set_flags(legacy=False)
    one = Transition("P1", "trigger")
    parked = vendor.v2(one)
    assert parked.outcome == "parked"
    assert vendor.v3(one).outcome == "accepted"
    new.wait_for()
    proxy.wait_for_state(parked.id, "suppressed")
    assert not legacy.requests


def test_stripe(start, legacy, new):
    """Two hundred types, of which the catalogue lists none, in both orders and signed both ways: each is handled once,
    and what is delivered carries a signature that Stripe's own rule accepts."""
    proxy = start(catalogue="stripe", verify__rule_secrets=[SNAPSHOT_KEY], verify__event_secrets=[THIN_KEY],
                  endpoints__legacy__secrets=["whsec_old consumer"], endpoints__new__secrets=["whsec_new consumer"],
                  pairing__window="1s")
    vendor = Vendor(proxy)

    def send(body, key):
        data = encode(body)
        return vendor.post(data, stripe([key], data))

    changes = [Change(f"thing{number}.{what}") for number in range(50)
               for what in ("created", "updated", "deleted", "sub.thing.paid")]
    for number, change in enumerate(changes):
        order = [(change.snapshot(), SNAPSHOT_KEY), (change.thin(), THIN_KEY)]
        first, second = order if number % 2 == 0 else reversed(order)
        assert send(*first).outcome == "accepted"
        assert send(*second).outcome == "suppressed"
    wait_until(lambda: len(legacy.requests) + len(new.requests) >= len(changes), "all to be delivered")
    assert [send(change.snapshot(), SNAPSHOT_KEY).status for change in changes[:20]] == [200] * 20
    told = collections.Counter(request.json.get("snapshot_event") or request.json["id"]
                               for request in [*legacy.requests, *new.requests])
    assert told == {change.id: 1 for change in changes}
    assert all(stripe_accepts("whsec_old consumer", request) for request in legacy.requests)
    assert all(stripe_accepts("whsec_new consumer", request) for request in new.requests)
    wait_until(lambda: ready(proxy).returncode == 0, "parity to be ready")


def test_stripe_by_its_own_library(start, legacy, new):
    """What Stripe's own library signs is accepted, and it accepts what is delivered, of both kinds of events; with
    another secret neither side does."""
    proxy = start(catalogue="stripe", verify__rule_secrets=[SNAPSHOT_KEY], verify__event_secrets=[THIN_KEY],
                  endpoints__legacy__secrets=["whsec_old consumer"], endpoints__new__secrets=["whsec_new consumer"])
    for change, body, key in ((one := Change("invoice.paid"), one.snapshot(), SNAPSHOT_KEY),
                              (two := Change("invoice.paid"), two.thin(), THIN_KEY)):
        data = encode(body)
        wrong = {"Content-Type": "application/json", **stripe_library.sign(data, key + "x")}
        assert proxy.request("POST", "/", data, wrong).status == 401, change
        assert Vendor(proxy).post(data, stripe_library.sign(data, key)).outcome == "accepted"
    for consumer, secret, wanted in ((legacy, "whsec_old consumer", one.id), (new, "whsec_new consumer", two.thin_id)):
        request = consumer.wait_for()[0]
        assert stripe_library.accepts(request, secret) == wanted
        assert stripe_library.accepts(request, secret + "x") is None
