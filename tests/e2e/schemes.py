"""How vendors sign, written from their documents: the other half of what the proxy does."""

import hashlib
import hmac
import time


def code(key, text, digest=hashlib.sha256):
    return hmac.new(key.encode(), text, digest).hexdigest()


def pagerduty(keys, body):
    """https://developer.pagerduty.com/docs/verifying-signatures: HMAC-SHA256 of the body, the key as text."""
    return {"X-PagerDuty-Signature": ",".join(f"v1={code(key, body)}" for key in keys)}


def pagerduty_accepts(key, request):
    """A subscriber's check as the document describes it: one of the signatures is the expected one."""
    given = request.headers.get("x-pagerduty-signature", "").split(",")
    return f"v1={code(key, request.body)}" in given


def stripe(keys, body, timestamp=None):
    timestamp = int(timestamp if timestamp is not None else time.time())
    text = f"{timestamp}.".encode() + body
    return {"Stripe-Signature": ",".join([f"t={timestamp}", *(f"v1={code(key, text)}" for key in keys)])}


def stripe_accepts(key, request, tolerance_s=300):
    pairs = [entry.split("=", 1) for entry in request.headers.get("stripe-signature", "").split(",")]
    timestamp = next(int(value) for name, value in pairs if name == "t")
    right = code(key, f"{timestamp}.".encode() + request.body)
    return abs(time.time() - timestamp) <= tolerance_s and ["v1", right] in pairs


def github(keys, body):
    return {"X-Hub-Signature-256": f"sha256={code(keys[0], body)}"}


def github_accepts(key, request):
    return request.headers.get("x-hub-signature-256") == f"sha256={code(key, request.body)}"


SIGN = {"pagerduty": pagerduty, "stripe": stripe, "github": github}
ACCEPTS = {"pagerduty": pagerduty_accepts, "stripe": stripe_accepts, "github": github_accepts}
