"""Stripe's own library (tests/stripe), asked in Node.js: does it accept a request, and how does it sign one?"""

import json
import pathlib
import subprocess

LIBRARY = pathlib.Path(__file__).resolve().parents[2] / ".build/tools/stripe/node_modules/stripe"

ASK = """
const Stripe = require(process.argv[1]);
const stripe = new Stripe("sk_test_not_used");
const {what, body, header, secret} = JSON.parse(require("fs").readFileSync(0, "utf8"));
if (what === "sign") {
    process.stdout.write(stripe.webhooks.generateTestHeaderString({payload: body, secret}));
} else {
    const thin = JSON.parse(body).object === "v2.core.event";
    const read = thin ? stripe.parseThinEvent(body, header, secret) : stripe.webhooks.constructEvent(body, header, secret);
    process.stdout.write(read.id);
}
"""


def ask(**question):
    assert LIBRARY.exists(), f"{LIBRARY} is missing: tests/stripe"
    return subprocess.run(["node", "-e", ASK, LIBRARY], input=json.dumps(question).encode(), capture_output=True,
                          timeout=60, check=False)


def sign(body, secret):
    done = ask(what="sign", body=body.decode(), secret=secret)
    assert done.returncode == 0, done.stderr.decode()
    return {"Stripe-Signature": done.stdout.decode()}


def accepts(request, secret):
    """The id of the event that it reads, or None where it does not take the signature."""
    done = ask(what="check", body=request.body.decode(), header=request.headers["stripe-signature"], secret=secret)
    return done.stdout.decode() if done.returncode == 0 else None
