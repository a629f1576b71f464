"""Looks whether a peer does what its row says, before its speed is believed.

A consumer in Python writes down what arrives; every peer that is called full is sent what it must refuse, what it must
not deliver twice, and what it must bring to this and to that endpoint.
"""

import base64
import hashlib
import hmac
import http.client
import http.server
import json
import threading
import time
import uuid

from measure import SECRET


class Recorder:
    """A consumer that remembers (path, webhook-id, body) of what it has taken; fails when it is told to."""

    def __init__(self):
        self.taken, self.to_fail = [], 0
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = recorder.note(self.path, self.headers["webhook-id"], body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a proxy that ends resets its connections
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()

    def note(self, path, webhook_id, body):
        if self.to_fail > 0:
            self.to_fail -= 1
            return 503
        self.taken.append((path, webhook_id, body))
        return 200

    def of(self, webhook_id):
        return [(path, body) for path, taken_id, body in self.taken if taken_id == webhook_id]

    def wait_for(self, webhook_id, within_s=10):
        deadline = time.monotonic() + within_s
        while not self.of(webhook_id) and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.of(webhook_id)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def rule_body():
    return json.dumps({"AlertId": str(uuid.uuid4()), "RuleType": "Push Operation Status Changed",
                       "RuleId": str(uuid.uuid4()), "CompanyId": str(uuid.uuid4()),
                       "Data": {"dataType": "invoices", "status": "Success",
                                "pushOperationKey": str(uuid.uuid4())}}).encode()


def event_body():
    return json.dumps({"id": str(uuid.uuid4()), "eventType": "invoices.write.successful",
                       "generatedDate": "2025-01-01T00:00:00Z",
                       "payload": {"id": str(uuid.uuid4()), "type": "invoices", "status": "Success",
                                   "referenceCompany": {"id": str(uuid.uuid4())}}}).encode()


def signed(webhook_id, body, at_s=None, secret=SECRET):
    timestamp = str(int(time.time()) if at_s is None else at_s)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": webhook_id, "webhook-timestamp": timestamp,
            "webhook-signature": "v1," + base64.b64encode(mac).decode()}


class Trial:
    def __init__(self, peer, recorder):
        self.peer, self.recorder, self.problems = peer, recorder, []
        self.refused, self.brought = {}, []  # looked at in the end, for some are forwarded later than answered

    def expect(self, condition, what):
        if not condition:
            self.problems.append(what)

    def send(self, body, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.peer.port, timeout=20)
        try:
            connection.request("POST", "/webhooks", body, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def refuses(self, body, headers, status, what):
        answered = self.send(body, headers)
        self.expect(answered == status, f"{what} is answered {answered}, not {status}")
        self.refused[headers["webhook-id"]] = what

    def brings(self, body, path):
        """To the right endpoint, as it was, and once, however often it is sent."""
        webhook_id = f"msg_{uuid.uuid4().hex}"
        answered = self.send(body, signed(webhook_id, body))
        self.expect(answered // 100 == 2, f"a message for {path} is answered {answered}")
        taken = self.recorder.wait_for(webhook_id)
        self.expect(taken == [(path, body)], f"a message for {path} arrives as {taken}")
        answered = self.send(body, signed(webhook_id, body))
        self.expect(answered // 100 == 2, f"a duplicate is answered {answered}")
        self.brought.append(webhook_id)

    def tries_again(self):
        """What the consumer did not take arrives later: sent again by the peer, or by the sender."""
        webhook_id, body = f"msg_{uuid.uuid4().hex}", event_body()
        self.recorder.to_fail = 1
        answered = self.send(body, signed(webhook_id, body))
        if self.peer.answers_first:
            self.expect(answered // 100 == 2, f"a message is answered {answered} though it is kept")
        else:
            self.expect(answered >= 500, f"what the consumer fails is answered {answered}")
            self.send(body, signed(webhook_id, body))
        self.expect(len(self.recorder.wait_for(webhook_id)) == 1, "what the consumer failed once never arrives")


def problems(peer, recorder):
    """What a running peer, whose consumer is the recorder, does not do of its duties; empty is good."""
    trial, body = Trial(peer, recorder), event_body()
    now = int(time.time())
    trial.refuses(body, {"webhook-id": "msg_unsigned"}, 401, "an unsigned message")
    trial.refuses(body, signed("msg_forged", body, secret="whsec_" + "A" * 32), 401, "a forged signature")
    trial.refuses(body, signed("msg_altered", body + b" "), 401, "an altered body")
    trial.refuses(body, signed("msg_old", body, now - 400), 401, "an old timestamp")
    trial.refuses(body, signed("msg_future", body, now + 400), 401, "a timestamp of the future")
    if peer.parses:
        trial.refuses(b'{"half":', signed("msg_half", b'{"half":'), 400, "what is not JSON")
    trial.brings(event_body(), "/new")
    trial.brings(rule_body(), "/legacy")
    trial.tries_again()
    for webhook_id, what in trial.refused.items():
        trial.expect(not recorder.of(webhook_id), f"{what} is forwarded")
    for webhook_id in trial.brought:
        trial.expect(len(recorder.of(webhook_id)) == 1, "a duplicate is forwarded")
    return trial.problems
