"""What the benchmark relies on: peers are looked at honestly, and the load generator reports what happened."""

import json
import pathlib
import subprocess
import sys
import types

import pytest

from proxy import BINARY

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/bench"))

# pylint: disable=wrong-import-position
import duties  # noqa: E402
import goals  # noqa: E402
from measure import SECRET  # noqa: E402


@pytest.fixture
def recorder():
    made = duties.Recorder()
    yield made
    made.stop()


def problems(make, recorder, acknowledge, **settings):
    url = f"http://127.0.0.1:{recorder.port}"
    proxy = make(legacy_url=url + "/legacy", new_url=url + "/new", acknowledge=acknowledge, **settings).start()
    return duties.problems(
        types.SimpleNamespace(port=proxy.port, parses=True, answers_first=acknowledge == "stored"), recorder)


@pytest.mark.parametrize("acknowledge", ["stored", "delivered"])
def test_duties(make, recorder, acknowledge):
    """hookshift with verification does what the full peers of the benchmark have to do."""
    secrets = {"verify__event_secrets": SECRET, "verify__rule_secrets": SECRET}
    assert problems(make, recorder, acknowledge, **secrets) == []


def test_duties_that_are_not_done(make, recorder):
    """A peer that does not verify is not taken for one that does."""
    found = problems(make, recorder, "delivered")
    assert "an unsigned message is answered 200, not 401" in found
    assert "a forged signature is forwarded" in found


def test_load(start, legacy, new):
    """The load generator sends as many messages as it was told, at the rate it was told, and says how late it was."""
    proxy = start()
    command = [BINARY.parent / "tests/bench/bench_load", "--connect", f"127.0.0.1:{proxy.port}", "--corpus",
               ROOT / "tests/corpus", "--secret", SECRET, "--rate", 500, "--count", 300, "--connections", 8, "--rotate"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["sent"], report["answered"], report["statuses"]) == (300, 300, {"2xx": 300})
    assert report["seconds"] >= 299 / 500
    assert 0 <= report["lateness_us"]["p50"] <= report["lateness_us"]["max"]
    assert report["latency_us"]["p50"] <= report["latency_us"]["p99"]
    assert report["body_bytes"] > 100


def test_goals():
    """A goal is judged on the median of the ratios round by round."""
    rounds = {"nginx": [{"cpu_us": 10}, {"cpu_us": 20}, {"cpu_us": 10}],
              goals.DELIVERED: [{"cpu_us": 12}, {"cpu_us": 22}, {"cpu_us": 30}]}
    first, *others = goals.of_cpu(32, rounds)
    assert first.measured == pytest.approx(1.2) and first.line().rstrip().endswith("| met |")
    assert all(goal.measured is None and "not measured" in goal.line() for goal in others)
    assert "missed by 50 %" in goals.Goal("", 1.5, 1).line()
