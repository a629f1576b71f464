"""Signature schemes of vendors: verified on arrival, renewed on delivery, and told of where they are wrong."""

import base64
import json
import time

import pytest

from messages import Push, encode, fresh
from proxy import run
from schemes import ACCEPTS, SIGN, code, stripe
from signatures import SECRET, signed
from waiting import wait_until

KEY, OTHER = "a secret as text, no base64!", "whsec_another one"
NAMES = sorted(SIGN)


def post(proxy, body, headers, **more):
    return proxy.request("POST", "/hooks", body, {"Content-Type": "application/json", **headers, **more})


@pytest.mark.parametrize("name", NAMES)
def test_verified(start, new, name):
    """A scheme that is built in is named by verify.event_scheme; the right key passes, all else is answered 401."""
    proxy = start(verify__event_scheme=name, verify__event_secrets=[KEY, OTHER])
    for key in (KEY, OTHER):
        body = encode(Push().event())
        assert post(proxy, body, SIGN[name]([key], body)).status == 202
    body = encode(Push().event())
    wrong = [post(proxy, body, {}), post(proxy, body, SIGN[name](["not the key"], body)),
             post(proxy, body, SIGN[name]([KEY], body + b" ")),
             post(proxy, body, signed(SECRET, fresh(), body))]
    assert [answer.status for answer in wrong] == [401] * 4
    assert len({answer.body for answer in wrong}) == 1
    new.wait_for(2)


@pytest.mark.parametrize("name", NAMES)
def test_renewed(start, new, name):
    """What is delivered is signed anew, by the scheme of its generation and with the endpoint's own secret."""
    new.script = [500]
    proxy = start(verify__event_scheme=name, verify__event_secrets=[KEY], endpoints__new__secrets=["of the endpoint"])
    body = encode(Push().event())
    assert post(proxy, body, SIGN[name]([KEY], body)).status == 202
    for request in new.wait_for(2):
        assert ACCEPTS[name]("of the endpoint", request)
        assert not ACCEPTS[name](KEY, request)


def test_time_of_a_scheme(start):
    """A scheme that signs a time is held to verify.tolerance, both ways; milliseconds are read as such."""
    proxy = start(verify__event_scheme="stripe", verify__event_secrets=[KEY])
    for off_s, status in ((0, 202), (-290, 202), (290, 202), (-400, 401), (400, 401)):
        body = encode(Push().event())
        assert post(proxy, body, stripe([KEY], body, time.time() + off_s)).status == status, off_s
    body = encode(Push().event())
    assert post(proxy, body, {"Stripe-Signature": "t=x,v1=" + code(KEY, b"x." + body)}).status == 401
    assert post(proxy, body, {"Stripe-Signature": "v1=" + code(KEY, body)}).status == 401
    assert post(proxy, body, stripe([KEY], body, time.time() * 1000)).status == 202


def test_twenty_entries_and_two_lines(start):
    """The right code may be any of many, in one header or on several lines, of any scheme. (fault 6.8)"""
    proxy = start(verify__event_scheme="pagerduty", verify__event_secrets=[KEY], verify__rule_secrets=[SECRET])
    body = encode(Push().event())
    wrong = [f"not key {i}" for i in range(19)]
    assert post(proxy, body, SIGN["pagerduty"]([*wrong, KEY], body)).status == 202
    body = encode(Push().event())
    lines = [SIGN["pagerduty"](keys, body)["X-PagerDuty-Signature"] for keys in (wrong[:2], [KEY])]
    raw = b"".join(b"X-PagerDuty-Signature: %s\r\n" % line.encode() for line in lines)
    assert raw_status(proxy, raw, body) == 202

    body = encode(Push().rule())
    right = signed(SECRET, fresh(), body)
    for order in ([b"v1,AAAA", right["webhook-signature"].encode()], [right["webhook-signature"].encode(), b"v1,AAAA"]):
        raw = b"".join(b"%s: %s\r\n" % (name.encode(), right[name].encode())
                       for name in ("webhook-id", "webhook-timestamp"))
        raw += b"".join(b"webhook-signature: %s\r\n" % line for line in order)
        assert raw_status(proxy, raw, body) in (200, 202)


def raw_status(proxy, headers, body):
    with proxy.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n%s"
                           % (len(body), headers, body))
        return int(connection.makefile("rb").readline().split()[1])


def test_events_by_authorization(start):
    """Events may pass by a fixed Authorization as well, as rules may."""
    proxy = start(verify__event_authorizations=["Basic dTpw"])
    assert proxy.send(Push().event(), Authorization="Basic dTpw").status == 202
    assert proxy.send(Push().event(), Authorization="Basic x").status == 401
    assert proxy.send(Push().event()).status == 401
    assert proxy.send(Push().rule()).status == 202


def test_own_scheme(start, new, tmp_path):
    """A catalogue may describe a scheme that is not built in, and say that a generation is signed so."""
    catalogue = tmp_path / "own.json"
    catalogue.write_text(json.dumps({
        "format": 1,
        "schemes": {"own": {"header": "X-Sign", "entry": "<{code}>", "separator": ";", "id": "header:X-Id",
                            "time": "header:X-Time", "signed": "{method}|{path}|{id}|{t}|{body}",
                            "encoding": "base64", "key": "hex", "algorithm": "hmac-sha512"}},
        "shapes": [{"generation": "event", "type": "kind"}], "rule": {"variables": {}},
        "event": {"scheme": "own", "variables": {"id": "id"}}, "rules": [], "events": [{"type": "a"}]}))
    proxy = start(catalogue=str(catalogue), verify__event_secrets=["00ff10"], endpoints__new__secrets=["0a"])

    def signature(key, path, headers, body):
        text = f"POST|{path}|{headers['X-Id']}|{headers['X-Time']}|".encode() + body
        import hashlib
        import hmac
        return "<" + base64.b64encode(hmac.new(bytes.fromhex(key), text, hashlib.sha512).digest()).decode() + ">"

    body, headers = b'{"kind":"a","id":"1"}', {"X-Id": "7", "X-Time": str(int(time.time()))}
    headers["X-Sign"] = "<x>; " + signature("00ff10", "/hooks", headers, body)
    assert post(proxy, body, headers).status == 202
    assert post(proxy, body, {**headers, "X-Id": "8"}).status == 401
    request = new.wait_for()[0]
    sent = {"X-Id": request.headers["x-id"], "X-Time": request.headers["x-time"]}
    assert sent["X-Id"] == "7"
    assert request.headers["x-sign"] == signature("0a", request.target, sent, request.body)


def test_report_lets_in(start, new):
    """verify.mode=report counts and logs what is wrong and lets it in, so that a first mistake loses nothing."""
    proxy = start(verify__event_secrets=[SECRET], verify__mode="report")
    webhook_id = fresh()
    assert proxy.send(Push().event(), webhook_id).status == 202
    new.wait_for()
    assert proxy.metric("hookshift_unverified_total", generation="event", reason="missing_header") == 1
    line = proxy.wait_for_log("not authenticated")
    assert "report" in line and webhook_id in line


def test_log_says_which_check_failed(start):
    """The log and a metric say which check failed, of which generation, id and peer; the answer does not. (fault 6.3)"""
    proxy = start(verify__event_secrets=[SECRET], verify__rule_authorizations=["Bearer right"])
    body = encode(Push().event())

    def signed_at(off_s, secret=SECRET):
        return post(proxy, body, signed(secret, "id-of-it", body, time.time() + off_s))

    answers = [proxy.send(body), signed_at(-500), signed_at(500), signed_at(0, "whsec_bm90IG91cnM="),
               proxy.send(Push().rule(), Authorization="Bearer wrong")]
    assert {answer.status for answer in answers} == {401} and len({answer.body for answer in answers}) == 1
    for reason in ("missing_header", "too_old", "too_new", "no_match", "authorization"):
        generation = "rule" if reason == "authorization" else "event"
        line = proxy.wait_for_log(f"not authenticated.*reason={reason}")
        assert f"generation={generation}" in line and "peer=" in line and "127.0.0.1:" in line
        assert proxy.metric("hookshift_unverified_total", generation=generation, reason=reason) == 1
        if reason.startswith("too_"):
            assert "id-of-it" in line
            off_s = int(line.split("off_by_s=")[1].split()[0])
            assert abs(abs(off_s) - 500) < 20 and (off_s < 0) == (reason == "too_old")


def test_repeated_lines_are_throttled(start):
    """Many wrong messages make few lines; the metric counts all of them. (fault 6.3)"""
    proxy = start(verify__event_secrets=[SECRET])
    for _ in range(40):
        assert proxy.send(Push().event()).status == 401
    wait_until(lambda: proxy.metric("hookshift_unverified_total", reason="missing_header") == 40, "40 counted")
    lines = [line for line in proxy.log if "not authenticated" in line or "status=401" in line]
    assert 1 <= len(lines) <= 12


def check(tmp_path, *settings):
    flags = tmp_path / "flags.json"
    flags.write_text('{"flags": {}}')
    given = [f"flags.file={flags}", "endpoints.legacy.url=http://127.0.0.1:1/", "endpoints.new.url=http://127.0.0.1:2/",
             *settings]
    return run("check", *(word for setting in given for word in ("--set", setting)))


@pytest.mark.parametrize("bytes_,warned", [(23, True), (24, False), (64, False), (65, True), (1, True)])
def test_check_warns_of_key_lengths(tmp_path, bytes_, warned):
    """A key that is shorter or longer than the standard asks is a warning of `check`. (fault 6.8)"""
    secret = "whsec_" + base64.b64encode(bytes(bytes_)).decode()
    done = check(tmp_path, f"verify.event_secrets={secret}")
    assert done.returncode == 0
    assert (b"24 to 64 bytes" in done.stderr) == warned
    assert secret.removeprefix("whsec_").encode() not in done.stderr


def test_check_of_schemes(tmp_path):
    """`check` knows which schemes there are, and what their secrets look like; Ed25519 keys pass. (fault 6.8)"""
    done = check(tmp_path, "verify.event_scheme=pagerdutty")
    assert done.returncode == 2 and b'did you mean "pagerduty"' in done.stderr
    assert check(tmp_path, "verify.event_scheme=stripe", "verify.event_secrets=whsec_not=base64!").returncode == 0
    assert check(tmp_path, "verify.event_secrets=plain text").returncode == 2
    public = "whpk_" + base64.b64encode(bytes(32)).decode()
    assert check(tmp_path, f"verify.event_secrets={public}").returncode == 0
    assert check(tmp_path, f"endpoints.new.secrets={public}").returncode == 2
    done = check(tmp_path, "catalogue=pagerdut")
    assert done.returncode == 2 and b'did you mean "pagerduty"' in done.stderr
    assert check(tmp_path, "catalogue=pagerduty", "verify.event_secrets=plain text").returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_verify_reads_a_recorded_request(tmp_path, name):
    """`verify --request` tries a secret against a whole request as it was recorded, and says what is wrong."""
    body = b'{"a": 1}\n\n{"more": "lines"}'
    lines = [f"{header}: {value}" for header, value in SIGN[name]([KEY], body).items()]
    for end in ("\r\n", "\n"):
        for first in ("POST /hooks HTTP/1.1" + end, ""):
            whole = (first + end.join(["Host: example.com", *lines]) + end * 2).encode() + body
            recorded = tmp_path / "request.txt"
            recorded.write_bytes(whole)
            asked = ["verify", "--request", "--scheme", name, "--secret"]
            assert run(*asked, KEY, recorded).stdout == b"ok\n"
            done = run(*asked, OTHER, recorded)
            assert (done.returncode, done.stdout) == (1, b"no_match\n")
    assert run("verify", "--request", "--authorization", "Basic x", stdin=b"Authorization: Basic x\n\n{}").stdout == b"ok\n"
    done = run("verify", "--scheme", "stripe", "--secret", KEY, "--header",
               "Stripe-Signature: " + stripe([KEY], b"{}", time.time() - 1000)["Stripe-Signature"], stdin=b"{}")
    assert done.stdout == b"too_old\n" and (b"-1000 s" in done.stderr or b"-1001 s" in done.stderr)


@pytest.mark.parametrize("name", NAMES)
def test_sign_by_scheme(name):
    """`sign --scheme` prints the headers that the vendor's own check accepts."""
    printed = json.loads(run("sign", "--json", "--scheme", name, "--secret", KEY, stdin=b"{}").stdout)

    class Request:
        headers = {header.lower(): value for header, value in printed.items()}
        body = b"{}"

    assert ACCEPTS[name](KEY, Request)
