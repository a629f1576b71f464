"""Standard Webhooks 1.0, written from its text: the other half of what the proxy does."""

import base64
import hashlib
import hmac
import time

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes....").decode()


def signature(secret, message_id, timestamp, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def signed(secret, message_id, body, timestamp=None):
    """The three headers for a body."""
    timestamp = int(timestamp if timestamp is not None else time.time())
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(secret, message_id, timestamp, body)}


def is_signed(request, secret):
    """Does a request carry a fresh and valid signature of its body?"""
    timestamp = int(request.headers["webhook-timestamp"])
    expected = signature(secret, request.headers["webhook-id"], timestamp, request.body)
    return abs(time.time() - timestamp) < 60 and expected in request.headers["webhook-signature"].split(" ")
