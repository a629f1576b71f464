"""Rehearsal: what would have happened under other flags, and that it then happens."""

import json
import signal
import subprocess

from messages import Connection, ExpenseSync, Push, PushTimedOut, Read, fresh, now
from proxy import run
from waiting import wait_until

# Nothing that has just come may count as too young to have met its twin.
QUICK = {"pairing__window": "1s", "pairing__hold": "100ms"}


def flags_text(legacy="on", new="on", by_company=None):
    """A flag file; `by_company` switches single companies of the new consumer on."""
    def flag(state, targeting=None):
        made = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": state}
        return {**made, "targeting": targeting} if targeting else made

    targeting = {"if": [{"in": [{"var": "companyId"}, by_company]}, "on", "off"]} if by_company is not None else None
    opposite = {"if": [{"in": [{"var": "companyId"}, by_company]}, "off", "on"]} if by_company is not None else None
    return json.dumps({"flags": {"legacy-consumer": flag(legacy, opposite), "new-consumer": flag(new, targeting)}})


def rehearse(proxy, tmp_path, text, *arguments):
    path = tmp_path / f"{fresh()}.json"
    path.write_text(text)
    done = run("rehearse", "--admin", f"http://127.0.0.1:{proxy.admin_port}", "--flags", path, "--json", *arguments)
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["good"] else 1)
    return report


def wait_until_counted(proxy, tmp_path, text, count, *arguments):
    """Messages count once they are older than the window."""
    wait_until(lambda: sum(rehearse(proxy, tmp_path, text, *arguments)["rehearsed"].values()) == count, f"{count} occurrences")
    return rehearse(proxy, tmp_path, text, *arguments)


def test_switching_legacy_off(start, tmp_path, store):
    """What has its event would be handled by new; an alert without one by nobody, and is named."""
    proxy = start(store=store, **QUICK)
    told = [Read(), Push(), ExpenseSync()]
    for occurrence in told:
        proxy.send(occurrence.rule())
        proxy.send(occurrence.event())
    lost = proxy.send(Connection().rule())
    report = wait_until_counted(proxy, tmp_path, flags_text(legacy="off"), 4)
    assert report["rehearsed"] == {"legacy": 0, "new": 3, "both": 0, "nobody": 1, "waiting": 0}
    assert report["really"]["legacy"] + report["really"]["new"] == 4
    assert [(each["id"], each["by"]) for each in report["examples"]] == [(lost.id, "nobody")]
    assert not report["good"]
    assert rehearse(proxy, tmp_path, flags_text(new="off"))["rehearsed"]["legacy"] == 4
    assert rehearse(proxy, tmp_path, flags_text(new="off"))["good"]


def play(proxy, occurrences):
    for occurrence, order in occurrences:
        bodies = [occurrence.rule(alert_id=occurrence.alert), occurrence.event(event_id=occurrence.event_id)]
        for body in bodies if order else reversed(bodies):
            proxy.send(body)


def test_it_then_happens(start, tmp_path, chance, legacy, new):
    """The same messages sent to a fresh proxy under the rehearsed flags are handled by whom the rehearsal said, for ten
    random flag files with targeting."""
    proxy = start(**QUICK)
    occurrences = []
    for _ in range(12):
        occurrence = chance.choice([Read, Push, Connection, PushTimedOut])()
        occurrence.alert, occurrence.event_id = fresh(), fresh()
        occurrences.append((occurrence, chance.random() < 0.5))
    play(proxy, occurrences)
    companies = [occurrence.company for occurrence, _ in occurrences]
    wait_until_counted(proxy, tmp_path, flags_text(), len(occurrences))
    for _ in range(10):
        text = flags_text(by_company=[company for company in companies if chance.random() < 0.5])
        report = rehearse(proxy, tmp_path, text)
        other = start(flags=text, **QUICK)
        play(other, occurrences)
        again = wait_until_counted(other, tmp_path, text, len(occurrences))
        assert again["really"] == report["rehearsed"]
        assert report["good"]


def test_settings_can_be_tried(start, tmp_path):
    """A narrower window makes two occurrences of what was one, under flags where both sides are on."""
    proxy = start(pairing__window="2s", pairing__park_for="1h")
    connection = Connection()
    proxy.send(connection.rule())
    for _ in range(20):  # so that the two are some milliseconds apart by either clock
        proxy.send(Push().rule())
    proxy.send(connection.event(generated=now(-1)))
    assert wait_until_counted(proxy, tmp_path, flags_text(), 21)["rehearsed"]["legacy"] == 21
    report = wait_until_counted(proxy, tmp_path, flags_text(), 22, "--setting", "pairing.window=1ms")
    assert (report["rehearsed"]["legacy"], report["rehearsed"]["new"]) == (21, 1)


def test_what_cannot_be_rehearsed(start, tmp_path):
    """A flag file or setting that cannot be read, a period that is none: a clear error, nothing changed."""
    proxy = start()
    path = tmp_path / "flags.json"
    admin = ["--admin", f"http://127.0.0.1:{proxy.admin_port}"]
    for text, arguments, status, why in (("{", [], 2, "the flag file is refused: line 1"),
                                         (flags_text(), ["--setting", "listen=:1"], 2, "is not among the settings that can be tried"),
                                         (flags_text(), ["--setting", "pairing.window=x"], 2, "pairing.window"),
                                         (flags_text(), ["--since", "soon"], 2, "since=soon"),
                                         (flags_text(), ["extra"], 2, "takes no argument")):
        path.write_text(text)
        done = run("rehearse", *admin, "--flags", path, *arguments)
        assert (done.returncode, done.stdout) == (status, b"") and why in done.stderr.decode(), done.stderr
    assert run("rehearse", *admin).returncode == 2
    assert b"no-such-file" in run("rehearse", *admin, "--flags", tmp_path / "no-such-file").stderr


def test_too_many(start, tmp_path):
    """More messages than the setting allows end the rehearsal with what would be right."""
    proxy = start(rehearse__messages=3, **QUICK)
    for _ in range(5):
        proxy.send(Read().rule())
    path = tmp_path / "flags.json"
    path.write_text(flags_text())
    done = run("rehearse", "--admin", f"http://127.0.0.1:{proxy.admin_port}", "--flags", path)
    assert done.returncode == 1 and b"the period has more than 3 messages; take a shorter one" in done.stderr


def test_for_people(start, tmp_path):
    """Without --json it is a table within 80 columns, and says Yes or No first."""
    proxy = start(**QUICK)
    read = Read()
    proxy.send(read.rule())
    proxy.send(read.event())
    path = tmp_path / "flags.json"
    path.write_text(flags_text(legacy="off"))
    wait_until_counted(proxy, tmp_path, flags_text(), 1)
    done = run("rehearse", "--admin", f"http://127.0.0.1:{proxy.admin_port}", "--flags", path)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0 and lines[0].startswith("Would each occurrence have been handled once? Yes")
    assert max(map(len, lines)) <= 80, lines
