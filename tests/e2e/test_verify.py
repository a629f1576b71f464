"""Verification: who may send, by signature or by a fixed Authorization."""

import time

import pytest

from messages import Push, encode, fresh
from signatures import SECRET, is_signed, signed

OTHER = "whsec_b3RoZXIgc2VjcmV0"


def send_signed(proxy, body, secret=SECRET, family="webhook", timestamp=None, claimed=None, webhook_id=None):
    """Signed under one family's header names; `claimed`: the body that was signed, where it is another one."""
    data = encode(body)
    headers = signed(secret, webhook_id or fresh(), claimed if claimed is not None else data, timestamp)
    named = {name.replace("webhook", family).replace("-", "_"): value for name, value in headers.items()}
    return proxy.send(data, **named)


@pytest.fixture
def proxy(start):
    return start(verify__event_secrets=[OTHER, SECRET])


@pytest.mark.parametrize("family", ["webhook", "svix"])
@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_signed(proxy, family, secret):
    """Any of the secrets may have signed, in either family of headers."""
    assert send_signed(proxy, Push().event(), secret, family).status == 202


def test_refused(proxy, new):
    """A signature that is missing, wrong, of another body or by another secret: 401, all with the same answer."""
    event = Push().event()
    answers = [proxy.send(event), send_signed(proxy, event, "whsec_bm90IG91cnM="), send_signed(proxy, event, claimed=b"{}"),
               send_signed(proxy, event, timestamp=time.time() - 600), send_signed(proxy, event, timestamp=time.time() + 600),
               proxy.send(event, fresh(), webhook_signature="v1,AAAA", webhook_timestamp=str(int(time.time())))]
    assert [answer.status for answer in answers] == [401] * len(answers)
    assert len({answer.body for answer in answers}) == 1
    assert {answer.outcome for answer in answers} == {"rejected"}
    assert proxy.messages()["messages"] == []


def test_tolerance(start):
    """verify.tolerance is how old a signature may be."""
    proxy = start(verify__event_secrets=[SECRET], verify__tolerance="1h")
    assert send_signed(proxy, Push().event(), timestamp=time.time() - 3000).status == 202
    assert send_signed(proxy, Push().event(), timestamp=time.time() - 4000).status == 401


def test_families_are_not_mixed(proxy):
    """Headers of one family do not complete those of the other."""
    event, webhook_id = encode(Push().event()), fresh()
    headers = signed(SECRET, webhook_id, event)
    answer = proxy.send(event, webhook_id, svix_timestamp=headers["webhook-timestamp"],
                        svix_signature=headers["webhook-signature"])
    assert answer.status == 401


def test_generations_are_verified_apart(proxy, legacy):
    """Secrets of events ask nothing of rules."""
    assert proxy.send(Push().rule()).status == 202
    legacy.wait_for()


def test_unknown_shapes_are_verified(proxy):
    """A body of no known shape is no way around verification."""
    assert proxy.send({"hello": "world"}).status == 401
    assert send_signed(proxy, {"hello": "world"}).status == 202


def test_rules_by_authorization(start):
    """A rule passes with one of the exact Authorization values, or with a signature."""
    proxy = start(verify__rule_authorizations=["Basic b25l", "Bearer two"], verify__rule_secrets=[SECRET])
    assert proxy.send(Push().rule(), Authorization="Bearer two").status == 202
    assert send_signed(proxy, Push().rule()).status == 202
    for wrong in ("Bearer twoo", "bearer two", "Basic", ""):
        assert proxy.send(Push().rule(), Authorization=wrong).status == 401
    assert proxy.send(Push().rule()).status == 401
    assert proxy.send(Push().event()).status == 202


def test_signed_by_the_endpoint(start, legacy):
    """With a secret of the endpoint every delivery is signed anew, under the same webhook-id, each attempt by itself."""
    legacy.script = [500]
    proxy = start(endpoints__legacy__secrets=[SECRET, OTHER])
    webhook_id = fresh()
    send_signed(proxy, Push().rule(), "whsec_c2VuZGVy", webhook_id=webhook_id)
    for request in legacy.wait_for(2):
        assert request.headers["webhook-id"] == webhook_id
        assert is_signed(request, SECRET)
        assert len([name for name, _ in request.header_list if name.lower().endswith("-signature")]) == 1


def test_signed_without_a_webhook_id(start, legacy):
    """A message that came without a webhook-id is signed under one all the same, which stays the same at each attempt."""
    legacy.script = [500]
    proxy = start(endpoints__legacy__secrets=[SECRET])
    proxy.send(Push().rule())
    requests = legacy.wait_for(2)
    assert all(is_signed(request, SECRET) for request in requests)
    assert len({request.headers["webhook-id"] for request in requests}) == 1


def test_signature_passes_untouched(start, new):
    """Without a secret of the endpoint the sender's own signature is delivered, valid for the body as received."""
    proxy = start(verify__event_secrets=[SECRET])
    send_signed(proxy, Push().event())
    assert is_signed(new.wait_for()[0], SECRET)
