"""The project's corpus of bodies, odd ones included, through the real program."""

import json
import pathlib

import pytest

from messages import fresh
from proxy import run
from waiting import wait_until

CORPUS = pathlib.Path(__file__).parent.parent / "corpus"
EXPECTED = json.loads((CORPUS / "expected.json").read_text())
PAIRS = [(pair["rule"], pair["event"]) for pair in EXPECTED["pairs"]]


def read(name):
    return (CORPUS / name).read_bytes()


@pytest.mark.parametrize("generation", ["rule", "event", "unknown"])
def test_delivered_as_received(start, legacy, new, generation):
    """Every body is taken, told apart as expected, and delivered byte for byte to its side."""
    proxy = start()
    bodies = {}
    for body in EXPECTED["bodies"]:
        if body["generation"] == generation:
            answer = proxy.send(read(body["file"]), fresh())
            assert answer.outcome == "accepted", body["file"]
            bodies[answer.id] = body
    consumer, other = (new, legacy) if generation == "event" else (legacy, new)
    for request in consumer.wait_for(len(bodies)):
        assert request.body == read(bodies[request.headers["hookshift-message-id"]]["file"])
    assert other.requests == []
    for message_id, body in bodies.items():
        message = proxy.message(message_id)
        assert (message["generation"], message.get("type")) == (generation, body["type"]), body["file"]


@pytest.mark.parametrize("rule, event", PAIRS, ids=[rule for rule, _ in PAIRS])
@pytest.mark.parametrize("rule_first", [True, False])
def test_pairs(start, rule, event, rule_first):
    """Each pair of the corpus is handled once, whoever comes first."""
    proxy = start(pairing__window="3650d", store__retention="3650d")
    first, second = (rule, event) if rule_first else (event, rule)
    assert proxy.send(read(first), fresh()).outcome == "accepted"
    assert proxy.send(read(second), fresh()).outcome in ("suppressed", "partial")


def test_invalid(start):
    """What is invalid is refused with 400, and nothing of it is kept."""
    proxy = start()
    for name in EXPECTED["invalid"]:
        assert proxy.send(read(name)).status == 400, name
    assert proxy.messages()["messages"] == []


def test_classify_agrees():
    """classify says of every body what the corpus expects."""
    done = run("classify", *(CORPUS / body["file"] for body in EXPECTED["bodies"]))
    assert done.returncode == 0
    for line, body in zip(done.stdout.splitlines(), EXPECTED["bodies"], strict=True):
        told = json.loads(line)
        assert told == {member: body[member] for member in told}, body["file"]


def test_all_at_once(start, legacy, new):
    """All bodies of all generations under webhook-ids of their own: each ends delivered or suppressed."""
    proxy = start()
    ids = [proxy.send(read(body["file"]), fresh()).id for body in EXPECTED["bodies"]]
    for message_id in ids:
        wait_until(lambda: proxy.state(message_id) in ("delivered", "suppressed"), message_id)
